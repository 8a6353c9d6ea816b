"""The loss against a plain loop over the published definition, and by hand."""

import functools
import math

import keras
import numpy as np
import pytest
from helpers.gradients import autodiff, compiled_function
from keras import ops

from amalthea.layers.boxes import AnchorDecoder
from amalthea.layers.detection.yolo_loss import YoloLoss

HEAD = {
    "anchors": [[(10, 10), (12, 24)], [(30, 26)]],
    "strides": (8, 16),
    "num_classes": 3,
}
SHAPES = [(3, 4, 5, 16), (3, 2, 3, 8)]  # of images of 32 x 40 pixels
GAINS = {"box_gain": 3.0, "objectness_gain": 0.7, "class_gain": 4.0}
RULES = [("ratio", "scaled"), ("best", "exponential")]
PADDING = [0, 0, 0, 0, -1]

compiled = functools.cache(compiled_function)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, "float64")))


def entropy(logit, target):
    p = sigmoid(logit)
    return -target * np.log(p) - (1 - target) * np.log(1 - p)


def random_maps(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in SHAPES]


def some_targets():
    """An image of three boxes, the first two in one cell; one of none; one of one."""
    targets = np.zeros((3, 4, 5), "float32")
    targets[..., 4] = -1
    targets[0, 0] = [7, 9, 18, 21, 0]
    targets[0, 1] = [3, 1, 23, 30, 2]
    targets[0, 3] = [23, 17, 32, 31.5, 1]
    targets[2, 0] = [1, 2, 11, 15, 1]
    return targets


def decoded(raw, column, row, anchor, stride, coordinates):
    s = sigmoid(raw[:2])
    if coordinates == "scaled":
        centre = (2 * s - 0.5 + [column, row]) * stride
        sides = (2 * sigmoid(raw[2:4])) ** 2 * anchor
    else:
        centre = (s + [column, row]) * stride
        sides = np.exp(raw[2:4]) * anchor
    return [*(centre - sides / 2), *(centre + sides / 2)]


def ciou(a, b):
    """CIoU as (DIoU, weight, aspect term)."""
    (ax, ay, ar, ab), (bx, by, br, bb) = a, b
    shared = max(0, min(ar, br) - max(ax, bx)) * max(0, min(ab, bb) - max(ay, by))
    iou = shared / ((ar - ax) * (ab - ay) + (br - bx) * (bb - by) - shared)
    diagonal = (max(ar, br) - min(ax, bx)) ** 2 + (max(ab, bb) - min(ay, by)) ** 2
    distance = ((ax + ar - bx - br) / 2) ** 2 + ((ay + ab - by - bb) / 2) ** 2
    v = math.atan((br - bx) / (bb - by)) - math.atan((ar - ax) / (ab - ay))
    v = 4 / math.pi**2 * v**2
    return iou - distance / diagonal, v / (1 - iou + v), v


def positives(box, rule, grids):
    """Yields (level, anchor, column, row) for one box."""
    sides = np.array([box[2] - box[0], box[3] - box[1]])
    centre = np.array([box[0] + box[2], box[1] + box[3]]) / 2
    overlaps = {}
    for level, anchors in enumerate(HEAD["anchors"]):
        height, width = grids[level]
        place = centre / HEAD["strides"][level]
        column, row = np.floor(place).astype(int)
        for number, anchor in enumerate(anchors):
            shared = np.prod(np.minimum(sides, anchor))
            overlap = shared / (np.prod(sides) + np.prod(anchor) - shared)
            overlaps[level, number, column, row] = overlap
            ratio = np.maximum(sides / anchor, anchor / sides).max()
            if rule == "best" or ratio >= 4:
                continue
            yield level, number, column, row
            across = column + (1 if place[0] - column > 0.5 else -1)
            down = row + (1 if place[1] - row > 0.5 else -1)
            if 0 <= across < width:
                yield level, number, across, row
            if 0 <= down < height:
                yield level, number, column, down
    if rule == "best":
        yield max(overlaps, key=overlaps.get)


def by_loop(targets, maps, rule, coordinates, smoothing=0.0, frozen=None):
    """The three parts for the batch, and what is constant in differentiation.

    Args:
        targets: Array `[batch, boxes, 5]`.
        maps: The raw maps.
        rule: `"ratio"` or `"best"`.
        coordinates: `"scaled"` or `"exponential"`.
        smoothing: Label smoothing.
        frozen: The constants to take, of another call; `None` for the right ones.

    Returns:
        A pair of the parts and the constants.
    """
    grids = [raw.shape[1:3] for raw in maps]
    cells = [
        raw.reshape(*raw.shape[:3], len(anchors), -1)
        for raw, anchors in zip(maps, HEAD["anchors"], strict=True)
    ]
    qualities = [np.zeros(level.shape[:4]) for level in cells]
    boxes, classes = [[], []], [[], []]
    weights = []
    for image, row in np.ndindex(targets.shape[:2]):
        box = targets[image, row].astype("float64")
        if box[4] < 0:
            continue
        for level, anchor, column, line in positives(box, rule, grids):
            place = image, line, column, anchor
            raw = cells[level][place]
            size, stride = HEAD["anchors"][level][anchor], HEAD["strides"][level]
            predicted = decoded(raw, column, line, size, stride, coordinates)
            diou, weight, v = ciou(predicted, box[:4])
            weights.append(weight)
            if frozen:
                weight = frozen["weights"][len(weights) - 1]
            boxes[level].append(1 - diou + weight * v)
            qualities[level][place] = max(qualities[level][place], diou - weight * v)
            hot = np.eye(3)[int(box[4])] * (1 - smoothing) + smoothing / 2
            classes[level].append(entropy(raw[5:], hot).mean())
    if frozen:
        qualities = frozen["qualities"]
    objectness = [
        entropy(level[..., 4], quality).mean() * balance
        for level, quality, balance in zip(cells, qualities, (4, 1), strict=True)
    ]
    parts = {
        "box": sum(np.mean(level) for level in boxes if level),
        "objectness": sum(objectness),
        "class": sum(np.mean(level) for level in classes if level),
    }
    parts = {name: GAINS[f"{name}_gain"] * value for name, value in parts.items()}
    return parts, {"weights": weights, "qualities": qualities}


def total(loss, targets, maps):
    return float(compiled(loss)(np.asarray(targets, "float32"), maps))


def means(loss, targets, maps):
    parts = compiled(loss.parts)(np.asarray(targets, "float32"), maps)
    assert all(tuple(part.shape) == (len(targets),) for part in parts.values())
    return {
        name: float(np.mean(ops.convert_to_numpy(part))) for name, part in parts.items()
    }


@pytest.mark.parametrize("rule, coordinates", RULES)
def test_agrees_with_a_loop(rule, coordinates):
    loss = YoloLoss(
        **HEAD,
        **GAINS,
        assignment=rule,
        coordinates=coordinates,
        label_smoothing=0.2,
    )
    maps = random_maps()
    expected = by_loop(some_targets(), maps, rule, coordinates, smoothing=0.2)[0]
    assert means(loss, some_targets(), maps) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("rule, coordinates", RULES)
def test_gradients_with_iou_as_constant_target(rule, coordinates):
    loss = YoloLoss(
        **HEAD, **GAINS, assignment=rule, coordinates=coordinates, dtype="float64"
    )
    maps, targets = random_maps(), some_targets()
    gradients = autodiff(lambda x: loss(targets, x), maps)
    _, constants = by_loop(targets, maps, rule, coordinates)
    step = 1e-5
    for level, gradient in enumerate(gradients):
        # Most entries have a hand in objectness alone, those in the other parts are
        # the largest.
        largest = np.argsort(-np.abs(gradient).ravel())
        for entry in [*largest[:30], *largest[30::50]]:
            sums = []
            for change in (step, -step):
                moved = [raw.copy() for raw in maps]
                moved[level].ravel()[entry] += change
                parts, _ = by_loop(targets, moved, rule, coordinates, frozen=constants)
                sums.append(sum(parts.values()))
            numeric = (sums[0] - sums[1]) / (2 * step)
            # JAX computes in float32.
            assert gradient.ravel()[entry] == pytest.approx(numeric, 2e-4, 1e-6)


def test_images_without_boxes():
    maps = random_maps()
    for targets in (np.full((3, 4, 5), PADDING), np.zeros((3, 0, 5))):
        parts = means(YoloLoss(**HEAD), targets, maps)
        assert parts["box"] == parts["class"] == 0
        expected, _ = by_loop(np.full((3, 1, 5), PADDING), maps, *RULES[0])
        expected = expected["objectness"] / GAINS["objectness_gain"]
        assert parts["objectness"] == pytest.approx(expected, rel=1e-5)
    gradients = autodiff(lambda x: YoloLoss(**HEAD)(targets, x), maps)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_padding_order_and_precision_do_not_matter():
    maps, loss = random_maps(), YoloLoss(**HEAD)
    expected = total(loss, some_targets(), maps)
    padded = np.concatenate([np.full((3, 7, 5), PADDING), some_targets()], axis=1)
    assert total(loss, padded, maps) == pytest.approx(expected, rel=1e-6)
    turned = [raw[::-1] for raw in maps]
    found = total(loss, some_targets()[::-1, ::-1], turned)
    assert found == pytest.approx(expected, rel=1e-6)
    half = compiled(loss)(some_targets(), [raw.astype("float16") for raw in maps])
    assert keras.backend.standardize_dtype(half.dtype) == "float32"
    assert float(half) == pytest.approx(expected, rel=1e-2)


def test_images_share_the_loss_by_their_boxes():
    maps, targets = random_maps(), some_targets()
    each = ops.convert_to_numpy(
        compiled(YoloLoss(**HEAD, reduction=None))(targets, maps)
    )
    parts = compiled(YoloLoss(**HEAD).parts)(targets, maps)
    parts = {name: ops.convert_to_numpy(part) for name, part in parts.items()}
    np.testing.assert_allclose(each, sum(parts.values()), rtol=1e-5)
    assert parts["box"][1] == parts["class"][1] == 0
    assert min(parts["box"][[0, 2]]) > 0
    assert total(YoloLoss(**HEAD), targets, maps) == pytest.approx(each.mean())
    weights = np.array([2.0, 1.0, 0.0], "float32")
    weighted = compiled(YoloLoss(**HEAD, reduction="sum"))(targets, maps, weights)
    assert float(weighted) == pytest.approx((each * weights).sum(), rel=1e-5)


def perfect_maps(box, label, sure=12.0):
    """A level of 4 x 4 cells in which every cell that answers says the very box."""
    anchor, stride = np.array([10.0, 10.0]), 8
    raw = np.full((1, 4, 4, 8), -sure)
    centre = np.array([box[0] + box[2], box[1] + box[3]]) / 2
    sides = np.array([box[2] - box[0], box[3] - box[1]])
    for row, column in np.ndindex(4, 4):
        offset = centre / stride - [column, row]
        if (np.abs(offset - 0.5) < 1).all():
            shares = np.array([*(offset + 0.5) / 2, *np.sqrt(sides / anchor) / 2])
            raw[0, row, column, :4] = np.log(shares / (1 - shares))
            if (np.abs(offset - 0.5) <= 0.5).any():
                raw[0, row, column, [4, 5 + label]] = sure
    return raw


def test_a_perfect_prediction_costs_nothing():
    box = [7.5, 12, 19.5, 27]
    # Centre 13.5, 19.5: column 1 and, right of it, 2; row 2 and, above it, 1.
    raw = perfect_maps(box, 1)
    raw[0, [2, 2, 1], [0, 3, 3], 4] = -12  # neither neighbours nor own
    raw[0, 3, 1, 4] = -12
    loss = YoloLoss([[(10, 10)]], [8], 3)
    parts = means(loss, [[[*box, 1], PADDING]], [raw])
    assert all(value < 1e-4 for value in parts.values()), parts
    other = means(loss, [[[*box, 2], PADDING]], [raw])
    assert other["class"] > 3 and other["box"] == parts["box"]
    shifted = means(loss, [[np.add([*box, 1], [0, 1, 0, 1, 0])]], [raw])
    assert shifted["box"] > 0.003 and shifted["objectness"] > 0.1


def test_the_best_of_boxes_in_a_cell_is_the_target_of_objectness():
    box, other = [7, 15, 17, 25], [4, 12, 20, 28]
    raw = perfect_maps(box, 0)  # centre 12, 20: of column 1, row 2 alone
    loss = YoloLoss([[(10, 10)]], [8], 3)
    alone = means(loss, [[[*box, 0]]], [raw])["objectness"]
    for targets in ([[*box, 0], [*other, 0]], [[*other, 0], [*box, 0]]):
        assert means(loss, [targets], [raw])["objectness"] == alone
    # Of the other alone the target is its IoU, 100 of 256.
    less = means(loss, [[[*other, 0]]], [raw])["objectness"]
    assert less - alone == pytest.approx(12 * (1 - 100 / 256) / 16, rel=1e-3)


def test_label_smoothing_by_hand():
    loss = YoloLoss(
        [[(10, 10)]], [8], 3, class_gain=1.0, label_smoothing=0.1, assignment="best"
    )
    raw = np.zeros((1, 4, 4, 8))
    raw[0, 2, 1, 5:] = [2, -1, 0]
    expected = [
        -0.95 * math.log(sigmoid(2)) - 0.05 * math.log(sigmoid(-2)),
        -0.05 * math.log(sigmoid(-1)) - 0.95 * math.log(sigmoid(1)),
        math.log(2),
    ]
    found = means(loss, [[[7, 15, 17, 25, 0]]], [raw])["class"]
    assert found == pytest.approx(np.mean(expected), rel=1e-5)


def test_balance_goes_with_the_levels():
    assert YoloLoss([[(1, 1)]], [8], 1).balance == (1.0,)
    assert YoloLoss([[(1, 1)]] * 3, [8, 16, 32], 1).balance == (4.0, 1.0, 0.4)
    maps = random_maps()
    fine, coarse = (
        means(YoloLoss(**HEAD, balance=pair), some_targets(), maps)["objectness"]
        for pair in ((1, 0), (0, 1))
    )
    expected, _ = by_loop(some_targets(), maps, *RULES[0])
    expected = expected["objectness"] / GAINS["objectness_gain"]
    assert 4 * fine + coarse == pytest.approx(expected, rel=1e-5)


def test_config():
    loss = YoloLoss(
        **HEAD,
        **GAINS,
        assignment="best",
        coordinates="exponential",
        balance=(1, 2),
        label_smoothing=0.1,
        ratio_limit=3,
        reduction="sum",
    )
    config = keras.saving.serialize_keras_object(loss)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is YoloLoss
    assert keras.saving.serialize_keras_object(again) == config
    maps = random_maps()
    assert total(again, some_targets(), maps) == total(loss, some_targets(), maps)


@pytest.mark.parametrize(
    "change, name",
    [
        ({"assignment": "nearest"}, "rule"),
        ({"coordinates": "linear"}, "coordinates"),
        ({"coordinates": "exponential"}, "coordinates"),
        ({"strides": (8,)}, "strides"),
        ({"num_classes": 0}, "num_classes"),
        ({"balance": (1,)}, "balance"),
        ({"anchors": [[(1, 1)]] * 4, "strides": (4, 8, 16, 32)}, "balance"),
        ({"label_smoothing": 1.1}, "label_smoothing"),
        ({"ratio_limit": 1}, "ratio_limit"),
    ],
)
def test_wrong_arguments(change, name):
    with pytest.raises(ValueError, match=f"Invalid value for `{name}`: expected"):
        YoloLoss(**{**HEAD, **change})


def test_wrong_maps():
    with pytest.raises(ValueError, match="Invalid value for `inputs`: expected"):
        YoloLoss(**HEAD)(some_targets(), random_maps()[:1])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a tf.function")
@pytest.mark.parametrize("rule, coordinates", RULES)
def test_learns_boxes_compiled(rule, coordinates):
    import tensorflow as tf

    rng = np.random.default_rng(0)
    maps = [tf.Variable(rng.normal(size=s, scale=0.1), dtype="float32") for s in SHAPES]
    loss = YoloLoss(
        **HEAD, assignment=rule, coordinates=coordinates, box_gain=1.0, class_gain=1.0
    )
    optimizer = keras.optimizers.Adam(0.2)

    def gradients(targets):
        with tf.GradientTape() as tape:
            value = loss(targets, [raw.value() for raw in maps])
        return value, tape.gradient(value, maps)

    targets = some_targets()
    # It claims all the places of the box before it.
    targets[0, 1] = PADDING
    targets = tf.constant(targets)
    compiled_gradients = tf.function(gradients, jit_compile=True)
    for ours, theirs in zip(
        tf.nest.flatten(compiled_gradients(targets)),
        tf.nest.flatten(gradients(targets)),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    for _ in range(60):
        _, steps = compiled_gradients(targets)
        optimizer.apply_gradients(zip(steps, maps, strict=True))
    decoder = AnchorDecoder(**HEAD, coordinates=coordinates)
    found = decoder([raw.value() for raw in maps])
    boxes, scores = found["boxes"].numpy(), found["scores"].numpy()
    assert scores[1].max() < 0.1
    for image, row in ((0, 0), (0, 3), (2, 0)):
        *box, label = some_targets()[image, row]
        own = int(label)
        best = scores[image, :, own].argmax()
        assert scores[image, best].argmax() == own
        assert scores[image, best, own] > 0.7
        np.testing.assert_allclose(boxes[image, best], box, atol=1)
