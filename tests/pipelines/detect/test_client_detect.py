"""`Client.detect` against a server that is made up."""

import json

import pytest
from helpers.fake_serving import FakeRest

from amalthea.pipelines.detect.client import detect
from amalthea.pipelines.detect.results import DetectedBox
from amalthea.serving import Client, client


def _info(dtype, *shape):
    axes = [{"size": str(axis)} for axis in (-1, *shape)]
    return {"dtype": dtype, "tensor_shape": {"dim": axes}}


OUTPUTS = {
    "boxes": _info("DT_FLOAT", 2, 4),
    "scores": _info("DT_FLOAT", 2),
    "classes": _info("DT_STRING", 2),
    "count": _info("DT_INT32"),
    "valid": _info("DT_BOOL"),
    "error": _info("DT_STRING"),
}
THRESHOLDS = {
    "confidence": _info("DT_FLOAT"),
    "iou": _info("DT_FLOAT"),
    "max_detections": _info("DT_INT32"),
}


def _answer(*labels):
    """The same box for each image, of this label; an empty one is a bad image."""
    return 200, {
        "outputs": {
            "boxes": [[[1.0, 2.0, 4.0, 8.0], [0.0] * 4] for _ in labels],
            "scores": [[0.75, 0.0] for _ in labels],
            "classes": [[label, ""] for label in labels],
            "count": [int(bool(label)) for label in labels],
            "valid": [bool(label) for label in labels],
            "error": ["" if label else "not an image" for label in labels],
        }
    }


def _server(*answers, outputs=OUTPUTS):
    image = {"image_bytes": _info("DT_STRING")}
    signatures = {
        "serving_default": {"inputs": image, "outputs": outputs},
        "thresholds": {"inputs": image | THRESHOLDS, "outputs": outputs},
    }
    metadata = {"metadata": {"signature_def": {"signature_def": signatures}}}
    return FakeRest(
        {
            "GET /v1/models/m/metadata": [(200, metadata)],
            "POST /v1/models/m:predict": list(answers),
        }
    )


def _sent(server):
    return [json.loads(body) for verb, _, body in server.requests if verb == "POST"]


def test_images_go_in_parts_and_keep_their_order():
    steps = [_answer("cat", ""), _answer("dog")]
    with _server(*steps) as server, Client(server.url, batch_size=2) as asking:
        cat, bad, dog = detect(asking, [b"1", b"2", b"3"], "m")
        sent = _sent(server)
    assert cat.boxes == (DetectedBox("cat", 0.75, 1.0, 2.0, 4.0, 8.0),)
    assert (cat.source, dog.source) == ("input 0", "input 2")
    assert dog.boxes[0].label == "dog"
    assert (bad.valid, bad.error, bad.boxes) == (False, "not an image", ())
    assert [len(body["inputs"]["image_bytes"]) for body in sent] == [2, 1]
    assert all(set(body["inputs"]) == {"image_bytes"} for body in sent)


def test_thresholds_go_with_each_image():
    with _server(_answer("cat", "dog")) as server, Client(server.url) as asking:
        given = {"confidence": 0.5, "iou": 0.25, "max_detections": 3}
        detect(asking, [b"1", b"2"], "m", **given)
        (body,) = _sent(server)
    assert body["signature_name"] == "thresholds"
    for name, value in given.items():
        assert body["inputs"][name] == [value, value]


def test_a_threshold_that_is_not_given_is_the_models_own():
    with _server(_answer("cat")) as server, Client(server.url) as asking:
        detect(asking, [b"1"], "m", confidence=0.0)
        (body,) = _sent(server)
    del body["inputs"]["image_bytes"]
    assert body["inputs"] == {"confidence": [0], "iou": [-1], "max_detections": [-1]}


def test_a_model_that_is_no_detector_is_told_by_what_it_lacks():
    outputs = {name: OUTPUTS[name] for name in ("scores", "valid", "error")}
    with (
        _server(outputs=outputs) as server,
        Client(server.url) as asking,
        pytest.raises(client.InvalidArgument, match="it lacks boxes, classes, count"),
    ):
        detect(asking, [b"image"], "m")
