"""Landmarks in typed results, on images and from a model server."""

import numpy as np
from helpers.fake_serving import FakeRest

from amalthea.pipelines.detect.client import detect
from amalthea.pipelines.detect.draw import class_colour, draw_boxes
from amalthea.pipelines.detect.results import Landmark, detected_images
from amalthea.serving import Client

EYE, NOSE = Landmark("eye", 100.0, 150.0, 0.75), Landmark("nose", 250.0, 300.0, 0.5)
NAMES = ["eye", "nose"]


def answers(count):
    """One object in the first image, none in the second."""
    return {
        "boxes": np.float32([[[1, 2, 400, 398]], np.zeros((1, 4))])[:count],
        "scores": np.float32([[0.5], [0]])[:count],
        "classes": np.array([[b"cat"], [b""]], object)[:count],
        "count": np.int32([1, 0])[:count],
        "valid": np.array([True, True])[:count],
        "error": np.array([b"", b""], object)[:count],
        "landmarks": np.float32([[[100, 150], [250, 300]], np.zeros((2, 2))])[:count],
        "visibility": np.float32([[0.75, 0.5], [0, 0]])[:count],
        "landmark_names": np.array([[b"eye", b"nose"]] * 2, object)[:count],
    }


def test_landmarks_of_an_object_and_of_none():
    found, nothing = detected_images(["a.png", "b.png"], answers(2))
    assert found.landmarks == (EYE, NOSE)
    assert (nothing.boxes, nothing.landmarks) == ((), ())


def changed(drawn, original):
    rows, columns = np.nonzero((drawn != original).any(axis=-1))
    return columns.min(), columns.max() + 1, rows.min(), rows.max() + 1


def test_a_dot_is_drawn_around_a_landmark():
    image = np.full((400, 400, 3), 90, np.uint8)
    drawn = draw_boxes(image, [], landmarks=[EYE])
    assert (image == 90).all()
    left, right, top, bottom = changed(drawn, image)
    assert abs((left + right) / 2 - 100) <= 0.5 and abs((top + bottom) / 2 - 150) <= 0.5
    assert 4 <= right - left <= 12
    assert tuple(drawn[150, 100]) == class_colour("eye", ["eye"])
    other = draw_boxes(image, [], landmarks=[EYE, NOSE])
    assert tuple(other[300, 250]) == class_colour("nose", NAMES)


def test_a_landmark_that_is_rather_not_there_is_not_drawn():
    image = np.full((400, 400, 3), 90, np.uint8)
    hidden = Landmark("eye", 100.0, 150.0, 0.49)
    np.testing.assert_array_equal(draw_boxes(image, [], landmarks=[hidden]), image)
    outside = Landmark("eye", -5.0, 500.0, 1.0)
    assert draw_boxes(image, [], landmarks=[outside]).shape == image.shape


def test_landmarks_of_a_small_image_are_enlarged_with_it():
    image = np.full((32, 32, 3), 90, np.uint8)
    drawn = draw_boxes(image, [], landmarks=[Landmark("eye", 8.0, 24.0, 1.0)])
    left, right, top, bottom = changed(drawn, np.full_like(drawn, 90))
    assert abs((left + right) / 2 - 80) <= 0.5 and abs((top + bottom) / 2 - 240) <= 0.5


def _info(dtype, *shape):
    axes = [{"size": str(axis)} for axis in (-1, *shape)]
    return {"dtype": dtype, "tensor_shape": {"dim": axes}}


def test_the_client_asks_for_landmarks_where_there_are_some():
    outputs = {
        "boxes": _info("DT_FLOAT", 1, 4),
        "scores": _info("DT_FLOAT", 1),
        "classes": _info("DT_STRING", 1),
        "count": _info("DT_INT32"),
        "valid": _info("DT_BOOL"),
        "error": _info("DT_STRING"),
        "landmarks": _info("DT_FLOAT", 2, 2),
        "visibility": _info("DT_FLOAT", 2),
        "landmark_names": _info("DT_STRING", 2),
    }
    signature = {"inputs": {"image_bytes": _info("DT_STRING")}, "outputs": outputs}
    known = {"signature_def": {"signature_def": {"serving_default": signature}}}
    body = {
        name: [_plain(value) for value in values.tolist()]
        for name, values in answers(1).items()
    }
    script = {
        "GET /v1/models/m/metadata": [(200, {"metadata": known})],
        "POST /v1/models/m:predict": [(200, {"outputs": body})],
    }
    with FakeRest(script) as server, Client(server.url) as client:
        (result,) = detect(client, [b"image"], "m")
    assert result.landmarks == (EYE, NOSE)
    assert [box.label for box in result.boxes] == ["cat"]


def _plain(value):
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value.decode() if isinstance(value, bytes) else value
