import json

import pytest
from helpers.fake_serving import FakeRest

from amalthea import UserError
from amalthea.pipelines.classify.client import classify
from amalthea.serving import Client, client


def _infos(**dtypes):
    shape = {"dim": [{"size": "-1"}]}
    return {
        name: {"dtype": dtype, "tensor_shape": shape} for name, dtype in dtypes.items()
    }


OUTPUTS = {
    **_infos(label="DT_STRING", probability="DT_FLOAT", valid="DT_BOOL"),
    **_infos(error="DT_STRING", top_labels="DT_STRING", top_probabilities="DT_FLOAT"),
}
OUTPUTS["top_labels"]["tensor_shape"] = {"dim": [{"size": "-1"}, {"size": "2"}]}
OUTPUTS["top_probabilities"]["tensor_shape"] = OUTPUTS["top_labels"]["tensor_shape"]


def _answer(labels):
    """The same for each image, but for the labels; an empty one is a bad image."""
    return 200, {
        "outputs": {
            "label": labels,
            "probability": [0.75 if label else 0.0 for label in labels],
            "valid": [bool(label) for label in labels],
            "error": ["" if label else "not an image" for label in labels],
            "top_labels": [[label, "dog" if label else ""] for label in labels],
            "top_probabilities": [[0.75, 0.25] for _ in labels],
        }
    }


def _server(*answers, inputs=None, outputs=OUTPUTS):
    signature = {
        "inputs": inputs or _infos(image_bytes="DT_STRING"),
        "outputs": outputs,
    }
    metadata = {"signature_def": {"signature_def": {"serving_default": signature}}}
    return FakeRest(
        {
            "GET /v1/models/m/metadata": [(200, {"metadata": metadata})],
            "POST /v1/models/m:predict": list(answers),
        }
    )


def test_many_images_go_in_parts_and_keep_their_order():
    answers = [_answer(["a", "b"]), _answer(["c", ""]), _answer(["e"])]
    with _server(*answers) as server, Client(server.url, batch_size=2) as asking:
        results = classify(asking, [b"1", b"2", b"3", b"4", b"5"], "m")
        sent = [json.loads(body) for verb, _, body in server.requests if verb == "POST"]
    assert [result.label for result in results] == ["a", "b", "c", "", "e"]
    assert [result.source for result in results] == [f"input {n}" for n in range(5)]
    assert results[0].top == (("a", 0.75), ("dog", 0.25)) and results[3].top == ()
    assert (results[3].valid, results[3].error) == (False, "not an image")
    sizes = [len(body["inputs"]["image_bytes"]) for body in sent]
    assert sizes == [2, 2, 1]


def test_a_file_is_read_when_its_part_is_due(tmp_path):
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file in files:
        file.write_bytes(b"image")

    def remove_last(handler):
        files[2].unlink()
        body = json.dumps(_answer(["a"])[1]).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    steps = [remove_last, _answer(["b"])]
    with (
        _server(*steps) as server,
        Client(server.url, batch_size=1) as asking,
        pytest.raises(UserError, match="2.png: cannot be read"),
    ):
        classify(asking, tmp_path, "m")


def test_each_part_has_the_time_of_the_timeout(monkeypatch):
    given, predict = [], Client.predict

    def noting(asking, *args, timeout, **options):
        given.append(timeout)
        return predict(asking, *args, timeout=timeout, **options)

    monkeypatch.setattr(Client, "predict", noting)
    with (
        _server(_answer(["a"])) as server,
        Client(server.url, batch_size=1) as asking,
    ):
        assert len(classify(asking, [b"1", b"2"], "m", timeout=7.0)) == 2
    assert given == [7.0, 7.0]


def test_a_client_without_a_limit_sends_32_at_a_time():
    answers = [_answer(["a"] * 32), _answer(["b"])]
    with _server(*answers) as server, Client(server.url, batch_size=None) as asking:
        results = classify(asking, [b"image"] * 33, "m")
    assert [result.label for result in results] == ["a"] * 32 + ["b"]


def test_a_model_that_is_no_classifier_is_told_by_what_it_lacks():
    outputs = {name: OUTPUTS[name] for name in ("label", "valid", "error")}
    with _server(outputs=outputs) as server, Client(server.url) as asking:
        expected = "it lacks probability, top_labels, top_probabilities"
        with pytest.raises(client.InvalidArgument, match=expected):
            classify(asking, [b"image"], "m")
    text = _infos(text="DT_STRING")
    with (
        _server(inputs=text) as server,
        Client(server.url) as asking,
        pytest.raises(client.InvalidArgument, match="takes the inputs text"),
    ):
        classify(asking, [b"image"], "m")
