"""Overlap against cases by hand, a plain loop, and Keras' own functions."""

import math

import keras
import numpy as np
import pytest
from helpers.gradients import assert_gradients, autodiff
from keras import ops

from amalthea.layers.boxes import FORMATS, convert_boxes, paired_iou, pairwise_iou

KINDS = ("iou", "giou", "diou", "ciou")
UPRIGHT, FLAT = [0, 0, 2, 4], [0, 0, 4, 2]
UNLIKE = (2 / math.pi * (math.atan(2) - math.atan(0.5))) ** 2


def array(x):
    return ops.convert_to_numpy(x)


def random_boxes(*shape, seed=0):
    """Boxes within 10 x 10 pixels with sides of at least .2."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, 7, (*shape, 2))
    return np.concatenate([start, start + rng.uniform(0.2, 3, (*shape, 2))], axis=-1)


def by_loop(a, b, kind):
    """The published formulas for two boxes."""
    (ax, ay, ar, ab), (bx, by, br, bb) = a, b
    shared = max(0, min(ar, br) - max(ax, bx)) * max(0, min(ab, bb) - max(ay, by))
    union = (ar - ax) * (ab - ay) + (br - bx) * (bb - by) - shared
    hull_w, hull_h = max(ar, br) - min(ax, bx), max(ab, bb) - min(ay, by)
    iou = shared / union
    if kind == "iou":
        return iou
    if kind == "giou":
        return iou - (hull_w * hull_h - union) / (hull_w * hull_h)
    distance = ((ax + ar - bx - br) / 2) ** 2 + ((ay + ab - by - bb) / 2) ** 2
    diou = iou - distance / (hull_w**2 + hull_h**2)
    if kind == "diou":
        return diou
    v = 4 / math.pi**2
    v *= (math.atan((br - bx) / (bb - by)) - math.atan((ar - ax) / (ab - ay))) ** 2
    return diou - v / (1 - iou + v) * v


@pytest.mark.parametrize(
    "first, second, expected",
    [
        # Squares that share a quarter: 1 of 7, in a hull of 9.
        (
            [0, 0, 2, 2],
            [1, 1, 3, 3],
            (1 / 7, 1 / 7 - 2 / 9, 1 / 7 - 1 / 9, 1 / 7 - 1 / 9),
        ),
        # 4 of 12, centres 1 apart either way in a hull of 4 x 4.
        (
            UPRIGHT,
            FLAT,
            (
                1 / 3,
                1 / 3 - 1 / 4,
                1 / 3 - 1 / 16,
                1 / 3 - 1 / 16 - UNLIKE**2 / (2 / 3 + UNLIKE),
            ),
        ),
        # Side by side, touching: a hull of 2 x 1 filled, centres 1 apart.
        ([0, 0, 1, 1], [1, 0, 2, 1], (0, 0, -1 / 5, -1 / 5)),
        # Apart: a hull of 4 x 1 half filled, centres 3 apart.
        ([0, 0, 1, 1], [3, 0, 4, 1], (0, -1 / 2, -9 / 17, -9 / 17)),
        ([5, 6, 8, 7], [5, 6, 8, 7], (1, 1, 1, 1)),
        # Empty ones: in a corner of a box, the same, and apart.
        ([0, 0, 0, 0], [0, 0, 2, 2], (0, 0, -1 / 4, -1 / 4 - 1 / 4 / 5)),
        ([3, 3, 3, 3], [3, 3, 3, 3], (0, 0, 0, 0)),
        ([0, 0, 0, 0], [3, 4, 3, 4], (0, -1, -1, -1)),
        # Inverted: as the empty one in the corner of a box.
        ([0, 0, -1, -1], [0, 0, 2, 2], (0, 0, -1 / 4, -1 / 4 - 1 / 4 / 5)),
    ],
)
def test_by_hand(first, second, expected):
    for kind, value in zip(KINDS, expected, strict=True):
        paired = paired_iou(np.array(first, "float32"), second, kind)
        assert float(paired) == pytest.approx(value, abs=1e-6), kind
        assert float(paired_iou(second, first, kind)) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_agree_with_a_loop(kind):
    first, second = random_boxes(3, 5), random_boxes(3, 4, seed=1)
    ours = array(pairwise_iou(first, second, kind))
    assert ours.shape == (3, 5, 4)
    for image, i, j in np.ndindex(ours.shape):
        expected = by_loop(first[image, i], second[image, j], kind)
        assert ours[image, i, j] == pytest.approx(expected, abs=2e-6)
        paired = paired_iou(first[image, i], second[image, j], kind)
        assert ours[image, i, j] == pytest.approx(float(paired), abs=2e-6)


def test_agrees_with_keras():
    first, second = random_boxes(20), random_boxes(30, seed=1)
    keras_iou = keras.utils.bounding_boxes.compute_iou(first, second, "xyxy")
    np.testing.assert_allclose(
        array(pairwise_iou(first, second)), array(keras_iou), atol=1e-5
    )
    keras_ciou = keras.utils.bounding_boxes.compute_ciou(
        first[:, None], second[None], "xyxy"
    )
    np.testing.assert_allclose(
        array(pairwise_iou(first, second, "ciou")), array(keras_ciou), atol=1e-5
    )


@pytest.mark.parametrize("box_format", FORMATS)
def test_every_format(box_format):
    first, second = random_boxes(2, 5), random_boxes(2, 4, seed=1)
    converted = [
        array(convert_boxes(boxes, "xyxy", box_format, (10, 20)))
        for boxes in (first, second)
    ]
    for kind in KINDS:
        if box_format.startswith("rel_") and kind in ("diou", "ciou"):
            with pytest.raises(ValueError, match="expected a format in pixels"):
                pairwise_iou(*converted, kind, box_format)
            continue
        np.testing.assert_allclose(
            array(pairwise_iou(*converted, kind, box_format)),
            array(pairwise_iou(first, second, kind)),
            atol=1e-4,
        )


def test_batch_axes_broadcast_and_types():
    first, second = random_boxes(2, 3, 5), random_boxes(4, seed=1)
    together = array(pairwise_iou(first.astype("float32"), second))
    assert together.shape == (2, 3, 5, 4) and together.dtype == "float32"
    alone = array(pairwise_iou(first[1, 2], second))
    np.testing.assert_allclose(together[1, 2], alone, atol=1e-6)
    integers = array(pairwise_iou(np.array([UPRIGHT]), np.array([FLAT])))
    assert integers == pytest.approx(1 / 3)
    half = array(pairwise_iou(np.array([UPRIGHT], "float16"), np.array([FLAT])))
    assert half.dtype == "float32" and half == pytest.approx(1 / 3)


@pytest.mark.parametrize("kind", ["iou", "giou", "diou"])
def test_gradients(kind):
    assert_gradients(
        lambda a, b: pairwise_iou(a, b, kind), random_boxes(4), random_boxes(3, seed=1)
    )


def test_weight_of_the_aspect_ratio_is_constant():
    first, second = random_boxes(6), random_boxes(6, seed=1)

    def unlike(a, b):
        sides = [x[:, 2:] - x[:, :2] for x in (a, b)]
        angles = [ops.arctan(side[:, 0] / side[:, 1]) for side in sides]
        return ops.square((angles[0] - angles[1]) * (2 / math.pi))

    iou, v = array(paired_iou(first, second)), array(unlike(first, second))
    weight = v / (1 - iou + v)

    def frozen(a, b):
        return paired_iou(a, b, "diou") - weight * unlike(a, b)

    assert_gradients(frozen, first, second)
    directions = np.arange(1.0, 7.0)

    def gradients(function):
        return autodiff(lambda x: ops.sum(function(*x) * directions), [first, second])

    ours, expected = (
        gradients(function)
        for function in (lambda a, b: paired_iou(a, b, "ciou"), frozen)
    )
    np.testing.assert_allclose(ours[0], expected[0], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(ours[1], expected[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_degenerate_boxes_have_finite_gradients(kind):
    boxes = np.array(
        [
            [0, 0, 0, 0],
            [3, 3, 3, 3],
            [2, 0, 2, 5],
            [0, 2, 5, 2],
            [0, 0, 4, 4],
            [0, 0, 4, 4],
            [4, 0, 8, 4],
            [4, 4, 2, 2],
            [1, 1, 1 + 1e-6, 1 + 1e-6],
            [-1e4, -1e4, 1e4, 1e4],
        ],
        "float32",
    )
    values = array(pairwise_iou(boxes, boxes, kind))
    assert np.isfinite(values).all()
    assert values.min() >= -2 and values.max() <= 1

    def total(x):
        x = [ops.cast(boxes, "float32") for boxes in x]
        return ops.sum(pairwise_iou(*x, kind))

    for gradient in autodiff(total, [boxes, boxes]):
        assert np.isfinite(gradient).all()


def test_wrong_kind():
    with pytest.raises(ValueError, match="Invalid value for `kind`: expected one of"):
        pairwise_iou([UPRIGHT], [FLAT], "siou")
