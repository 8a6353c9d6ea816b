"""The layer and the boxes' functions against the resizing of the decoded images."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from helpers.images import noise

from amalthea.data.images.decode import resize_image
from amalthea.layers.boxes import Letterbox, letterbox_boxes

SIZES = [1, 2, 3, 5, 9, 16, 25, 40, 77, 150, 333]
FRAMES = [(8, 8), (10, 16), (13, 7)]


@pytest.mark.parametrize("frame", FRAMES)
def test_the_image_lies_where_its_box_does(frame):
    for size in itertools.product(SIZES, SIZES):
        white = tf.ones([*size, 1])
        shown = resize_image(white, *frame, "letterbox").numpy()[..., 0] > 0
        rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
        found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        whole = tf.constant([[0.0, 0.0, size[1], size[0]]])
        box = letterbox_boxes(whole, size, *frame).numpy()[0]
        np.testing.assert_allclose(box, found, atol=1e-5, err_msg=str(size))


@pytest.mark.parametrize("size", [(20, 50), (50, 20), (7, 3), (64, 64)])
@pytest.mark.parametrize("frame", FRAMES)
def test_the_layer_shows_the_same(size, frame):
    image = np.asarray(noise(*size))
    ours = Letterbox(*frame, fill_value=0)(image[None])[0]
    theirs = resize_image(tf.constant(image), *frame, "letterbox")
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_boxes_follow_pixels():
    # A painted box, in frames small enough that its edges stay to be seen.
    image = np.zeros((90, 120, 1), np.float32)
    image[30:75, 12:60] = 1
    for frame in ((64, 64), (45, 60), (100, 90)):
        shown = resize_image(tf.constant(image), *frame, "letterbox").numpy()[..., 0]
        box = letterbox_boxes(tf.constant([[12.0, 30, 60, 75]]), (90, 120), *frame)
        left, top, right, bottom = box.numpy()[0]
        # The filter keeps area and centre.
        assert shown.sum() == pytest.approx((right - left) * (bottom - top), rel=1e-3)
        rows, columns = (np.arange(side) + 0.5 for side in frame)
        assert shown.sum(0) @ columns / shown.sum() == pytest.approx(
            (left + right) / 2, abs=0.05
        )
        assert shown.sum(1) @ rows / shown.sum() == pytest.approx(
            (top + bottom) / 2, abs=0.05
        )
