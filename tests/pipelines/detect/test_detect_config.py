import pytest

from amalthea import UserError
from amalthea.pipelines.config import make_config
from amalthea.pipelines.detect.config import DetectConfig


def test_anchors_are_dealt_to_the_grids_in_their_order():
    config = DetectConfig(strides=(8, 16), anchors=(1, 2, 3, 4, 5, 6, 7, 8))
    assert config.grid_anchors == [[(1, 2), (3, 4)], [(5, 6), (7, 8)]]


def test_the_smallest_model_is_the_lecture_s():
    config = DetectConfig(model="grid")
    assert config.grid_strides == (16,)
    assert (config.assignment_rule, config.coordinate_form) == ("best", "exponential")
    other = DetectConfig(model="grid", assignment="ratio", strides=(32,))
    assert (other.assignment_rule, other.grid_strides) == ("ratio", (32,))
    assert (config.anchor_count, other.anchor_count) == (2, 2)
    assert DetectConfig(head="box").anchor_count == 0
    assert other.coordinate_form == "scaled"
    usual = DetectConfig()
    assert (usual.assignment_rule, usual.coordinate_form) == ("ratio", "scaled")
    assert usual.grid_strides == (8, 16, 32)
    assert usual.anchor_count == 9
    assert DetectConfig(strides=(8,), anchors=(1, 2, 3, 4)).anchor_count == 2


@pytest.mark.parametrize(
    "settings, part",
    [
        ({"model": "xl"}, "model"),
        ({"strides": [8, 32]}, "that follow each other"),
        ({"strides": [4, 8, 16, 32]}, "one to three"),
        ({"anchors": [10, 10]}, "the same number for 3 grids"),
        ({"anchors": [10, 0] * 3}, "sides above 0"),
        ({"image_size": [416, 400]}, "multiples of 32"),
        ({"image_size": [420, 416]}, "multiples of 32"),
        ({"mosaic": 1.5}, "0 to 1"),
        ({"scale": 1.0}, "0 to 0.95"),
        ({"hsv": [0.1, 0.2]}, "a list of 3"),
        ({"hsv": [0.1, 0.2, 2.0]}, "a hue of 0 to 0.5 and two numbers of 0 to 1"),
        ({"hsv": [0.6, 0.2, 0.2]}, "a hue of 0 to 0.5"),
        ({"model": "grid", "backbone": "resnet18"}, "the model grid is a whole"),
        ({"coordinates": "exponential"}, "do not reach the cells"),
        ({"max_detections": 0}, "1 to 10000"),
        ({"nms_iou": -0.1}, "0 to 1"),
        ({"validate_every": 0}, "at least 1"),
        ({"box_gain": -1}, "at least 0"),
    ],
)
def test_wrong_settings_end_in_one_line(settings, part):
    with pytest.raises(UserError, match=part) as caught:
        make_config(DetectConfig, settings)
    assert "\n" not in str(caught.value)
