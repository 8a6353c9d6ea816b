"""The loss by hand, part for part, and its gradients."""

import functools
import math

import keras
import numpy as np
import pytest
from helpers.gradients import assert_gradients, autodiff, compiled_function
from keras import ops

from amalthea.layers import paired_iou
from amalthea.layers.detection.single_object_loss import SingleObjectLoss

HEIGHT, WIDTH = 20, 40
PLAIN = {
    "num_classes": 3,
    "image_size": (HEIGHT, WIDTH),
    **dict.fromkeys(
        ["presence_gain", "box_gain", "class_gain", "point_gain", "visibility_gain"], 1
    ),
}
PADDING = [0, 0, 0, 0, -1]
NO_POINTS = [0] * 6

compiled = functools.cache(compiled_function)


def entropy(logit, target):
    p = 1 / (1 + math.exp(-logit))
    return -math.log(p) if target else -math.log(1 - p)


def parts_of(loss, targets, outputs):
    parts = compiled(loss.parts)(np.array(targets, "float32"), np.array(outputs))
    return {name: ops.convert_to_numpy(part) for name, part in parts.items()}


def vector(presence=0.0, box=(0.5,) * 4, classes=(0.0,) * 3, points=(), visibility=()):
    return [presence, *box, *classes, *np.ravel(points), *visibility]


def test_an_object_by_hand():
    # Truth: centre 10, 5 and sides 8, 10 of 40 x 20 pixels.
    targets = [[[6, 0, 14, 10, 2]]]
    outputs = [vector(1.5, (0.5, 0.25, 0.1, 0.75), (1.0, -2.0, 0.5))]
    parts = parts_of(SingleObjectLoss(**PLAIN, box_loss="squared"), targets, outputs)
    assert set(parts) == {"presence", "box", "class"}
    assert parts["presence"] == pytest.approx(entropy(1.5, True), rel=1e-5)
    squared = (0.5 - 0.25) ** 2 + 0 + (0.1 - 0.2) ** 2 + (0.75 - 0.5) ** 2
    assert parts["box"] == pytest.approx(squared, rel=1e-5)
    shares = math.exp(0.5) / (math.exp(1) + math.exp(-2) + math.exp(0.5))
    assert parts["class"] == pytest.approx(-math.log(shares), rel=1e-5)

    parts = parts_of(SingleObjectLoss(**PLAIN), targets, outputs)
    # Predicted: 18 to 22 and -2.5 to 12.5.
    ciou = paired_iou(np.array([18, -2.5, 22, 12.5]), np.array([6, 0, 14, 10]), "ciou")
    assert parts["box"] == pytest.approx(1 - float(ciou), rel=1e-5)


@pytest.mark.parametrize("box_loss", ["ciou", "squared"])
def test_without_an_object_only_the_presence_counts(box_loss):
    loss = SingleObjectLoss(**PLAIN, points=2, box_loss=box_loss)
    rng = np.random.default_rng(0)
    outputs = np.array([vector(1.5, points=[[0.5] * 2] * 2, visibility=[0, 0])] * 2)
    outputs[:, 1:] = rng.uniform(size=outputs[:, 1:].shape)
    for rows in ([[*PADDING, *NO_POINTS]] * 3, np.zeros((0, 11))):
        targets = np.array([rows] * 2, "float32")
        parts = parts_of(loss, targets, outputs)
        for name, part in parts.items():
            expected = entropy(1.5, False) if name == "presence" else 0
            np.testing.assert_allclose(part, expected, rtol=1e-5, err_msg=name)
        (gradient,) = autodiff(
            lambda x, targets=targets: loss(targets, x[0]), [outputs]
        )
        assert np.isfinite(gradient).all()
        assert (gradient[:, 0] > 0).all() and (gradient[:, 1:] == 0).all()


def test_the_largest_box_is_meant():
    rows = [PADDING, [0, 0, 4, 4, 1], [6, 0, 14, 10, 2], [20, 10, 29, 18, 0]]
    outputs = [vector(0.3, (0.3, 0.4, 0.5, 0.6), (1, 2, 3))]
    alone = parts_of(SingleObjectLoss(**PLAIN), [[rows[2]]], outputs)
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        targets = [[rows[number] for number in order]]
        parts = parts_of(SingleObjectLoss(**PLAIN), targets, outputs)
        assert parts == alone


def test_points_by_hand():
    loss = SingleObjectLoss(**PLAIN, points=2)
    predicted = vector(points=[[0.25, 0.5], [0.9, 0.1]], visibility=[2.0, -1.0])
    box = [6, 0, 14, 10, 0]
    # (20, 10) is .5 and .5 of the input; what is not labelled is nowhere.
    distances = [(0.25 - 0.5) ** 2 + 0, (0.9 - 0.5) ** 2 + (0.1 - 0.25) ** 2]
    cases = [
        ([20, 10, 2, 0, 0, 0], distances[0], (entropy(2, 1) + entropy(-1, 0)) / 2),
        (
            [20, 10, 1, 20, 5, 2],
            np.mean(distances),
            np.mean([entropy(2, 1), entropy(-1, 1)]),
        ),
        (NO_POINTS, 0, 0),  # nobody looked
    ]
    targets = [[[*box, *points]] for points, _, _ in cases]
    parts = parts_of(loss, targets, [predicted] * 3)
    for row, (_, distance, visibility) in enumerate(cases):
        assert parts["points"][row] == pytest.approx(distance, rel=1e-5)
        assert parts["visibility"][row] == pytest.approx(visibility, rel=1e-5)
    whole = compiled(loss)(np.array(targets, "float32"), np.array([predicted] * 3))
    np.testing.assert_allclose(whole, sum(parts.values()).mean(), rtol=1e-5)


@pytest.mark.parametrize("box_loss", ["ciou", "squared"])
def test_a_perfect_answer_costs_nothing(box_loss):
    loss = SingleObjectLoss(**PLAIN, points=1, box_loss=box_loss)
    targets = [[[6, 0, 14, 10, 2, 20, 5, 2]]]
    outputs = [vector(20, (0.25, 0.25, 0.2, 0.5), (0, 0, 20), [[0.5, 0.25]], [20])]
    assert float(compiled(loss)(np.array(targets), np.array(outputs))) < 1e-5


def test_gains_and_label_smoothing():
    gains = {
        "presence_gain": 2.0,
        "box_gain": 3.0,
        "class_gain": 4.0,
        "point_gain": 5.0,
        "visibility_gain": 6.0,
    }
    targets = [[[6, 0, 14, 10, 2, 20, 5, 2]]]
    outputs = [vector(1, (0.3,) * 4, (1, 2, 0.5), [[0.6, 0.2]], [0.4])]
    plain = parts_of(SingleObjectLoss(**PLAIN, points=1), targets, outputs)
    gained = parts_of(
        SingleObjectLoss(**{**PLAIN, **gains}, points=1), targets, outputs
    )
    for name, part in plain.items():
        gain = gains[f"{'point' if name == 'points' else name}_gain"]
        np.testing.assert_allclose(gained[name], gain * part, rtol=1e-5)
    smooth = SingleObjectLoss(**PLAIN, points=1, label_smoothing=0.3)
    logs = np.array([1, 2, 0.5]) - np.log(np.exp([1, 2, 0.5]).sum())
    expected = -(logs @ [0.1, 0.1, 0.8])
    assert parts_of(smooth, targets, outputs)["class"] == pytest.approx(expected)


def random_case():
    rng = np.random.default_rng(1)
    targets = np.zeros((3, 2, 11))
    targets[..., 4] = -1
    targets[0, 0] = [4, 3, 20, 11, 1, 5, 6, 2, 0, 0, 0]
    targets[1, 1] = [10, 5, 26, 13, 0, 12, 6, 1, 25, 9, 2]
    outputs = rng.normal(size=(3, 14))
    # Sides as 2 to 1 in pixels, as those of the truths; no edge on another.
    outputs[:, 1:5] = [[0.37, 0.42, 0.5, 0.5], [0.43, 0.48, 0.3, 0.3], [0.2] * 4]
    return targets, outputs


@pytest.mark.parametrize("box_loss", ["ciou", "squared"])
def test_gradients(box_loss):
    # CIoU takes a weight as constant; it has none where the aspect ratio is right.
    targets, outputs = random_case()
    loss = SingleObjectLoss(
        3, (HEIGHT, WIDTH), points=2, box_loss=box_loss, dtype="float64"
    )
    assert_gradients(lambda x: loss(targets, x), outputs, entries=42)


def test_half_precision_is_computed_in_full():
    targets, outputs = random_case()
    loss = SingleObjectLoss(3, (HEIGHT, WIDTH), points=2)
    half = compiled(loss)(targets.astype("float32"), outputs.astype("float16"))
    assert keras.backend.standardize_dtype(half.dtype) == "float32"
    full = compiled(loss)(targets.astype("float32"), outputs.astype("float32"))
    assert float(half) == pytest.approx(float(full), rel=1e-2)


def test_further_columns_are_left_alone():
    targets, outputs = random_case()
    loss = SingleObjectLoss(3, (HEIGHT, WIDTH))
    whole = compiled(loss)(targets.astype("float32"), outputs[:, :8])
    short = compiled(loss)(targets[..., :5].astype("float32"), outputs[:, :8])
    assert float(whole) == float(short)


def test_config():
    loss = SingleObjectLoss(
        **{**PLAIN, "box_gain": 7.0},
        points=2,
        box_loss="squared",
        label_smoothing=0.1,
        reduction="sum",
    )
    config = keras.saving.serialize_keras_object(loss)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is SingleObjectLoss
    assert keras.saving.serialize_keras_object(again) == config
    targets, outputs = random_case()
    ours, theirs = (compiled(each)(targets, outputs) for each in (loss, again))
    assert float(theirs) == float(ours)


@pytest.mark.parametrize(
    "change, name",
    [
        ({"num_classes": 0}, "num_classes"),
        ({"points": -1}, "points"),
        ({"box_loss": "iou"}, "box_loss"),
        ({"label_smoothing": 1.1}, "label_smoothing"),
    ],
)
def test_wrong_arguments(change, name):
    with pytest.raises(ValueError, match=f"Invalid value for `{name}`: expected"):
        SingleObjectLoss(**{**PLAIN, **change})


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a tf.function")
@pytest.mark.parametrize("box_loss", ["ciou", "squared"])
def test_learns_a_vector_compiled(box_loss):
    import tensorflow as tf

    from amalthea.layers.detection.single_object_head import SingleObjectHead

    targets, _ = random_case()
    targets = tf.constant(targets, "float32")
    features = np.random.default_rng(0).normal(size=(3, 2, 2, 4)).astype("float32")
    head = SingleObjectHead(3, points=2, units=16)
    head.build(features.shape)
    loss = SingleObjectLoss(3, (HEIGHT, WIDTH), points=2, box_loss=box_loss)
    optimizer = keras.optimizers.Adam(0.05)

    @tf.function(jit_compile=True)
    def gradients():
        with tf.GradientTape() as tape:
            value = loss(targets, head(features, training=True))
        return value, tape.gradient(value, head.trainable_variables)

    first = float(gradients()[0])
    for _ in range(60):
        value, steps = gradients()
        optimizer.apply(steps, head.trainable_variables)
    assert float(value) < 0.05 * first
