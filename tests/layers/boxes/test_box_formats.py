import numpy as np
import pytest
from keras import ops

from amalthea.layers.boxes import FORMATS, convert_boxes

# The same box of an image of 200 x 400 pixels (height, width), by hand.
BOX = {
    "xyxy": [40, 20, 120, 180],
    "yxyx": [20, 40, 180, 120],
    "xywh": [40, 20, 80, 160],
    "center_xywh": [80, 100, 80, 160],
    "center_yxhw": [100, 80, 160, 80],
    "rel_xyxy": [0.1, 0.1, 0.3, 0.9],
    "rel_yxyx": [0.1, 0.1, 0.9, 0.3],
    "rel_xywh": [0.1, 0.1, 0.2, 0.8],
    "rel_center_xywh": [0.2, 0.5, 0.2, 0.8],
}


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_by_hand(source, target):
    converted = convert_boxes([BOX[source]], source, target, (200, 400))
    np.testing.assert_allclose(ops.convert_to_numpy(converted), [BOX[target]], 1e-6)


def test_each_image_has_its_size():
    boxes = np.array([[BOX["rel_xyxy"]] * 3] * 2, "float32")
    sizes = np.array([[200, 400], [100, 1000]])
    converted = ops.convert_to_numpy(
        convert_boxes(boxes, "rel_xyxy", "xyxy", image_shape=sizes)
    )
    np.testing.assert_allclose(converted[0], [BOX["xyxy"]] * 3, 1e-6)
    np.testing.assert_allclose(converted[1], [[100, 10, 300, 90]] * 3, 1e-6)
    back = convert_boxes(converted, "xyxy", "rel_xyxy", image_shape=sizes)
    np.testing.assert_allclose(ops.convert_to_numpy(back), boxes, 1e-6)


def test_no_size_is_needed_among_relative_formats():
    converted = convert_boxes([BOX["rel_xywh"]], "rel_xywh", "rel_yxyx")
    np.testing.assert_allclose(ops.convert_to_numpy(converted), [BOX["rel_yxyx"]], 1e-6)


def test_padding_stays_zero():
    for source in FORMATS:
        for target in FORMATS:
            converted = convert_boxes(np.zeros((2, 4)), source, target, (200, 400))
            assert not ops.convert_to_numpy(converted).any()


def test_errors():
    with pytest.raises(ValueError, match="Invalid value for `source`: expected one"):
        convert_boxes([[0, 0, 1, 1]], "xyhw", "xyxy")
    with pytest.raises(ValueError, match="Invalid value for `target`: expected one"):
        convert_boxes([[0, 0, 1, 1]], "xyxy", "XYXY")
    with pytest.raises(ValueError, match="Invalid value for `image_shape`: expected"):
        convert_boxes([[0, 0, 1, 1]], "xyxy", "rel_xyxy")
