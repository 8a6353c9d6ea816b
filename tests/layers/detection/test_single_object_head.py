import keras
import numpy as np
import pytest
from helpers.layer_check import run_layer_checks
from keras import ops

from amalthea.layers.detection.single_object_head import SingleObjectHead, split_outputs

SIZES = {"classes": 3, "points": 2}


@pytest.mark.parametrize("points", [0, 2])
def test_stands_what_every_layer_has_to(points):
    outputs = run_layer_checks(
        SingleObjectHead,
        {"classes": 3, "points": points, "units": 8},
        (2, 4, 6, 5),
        output_dtype="float32",
    )
    assert outputs.shape == (2, 5 + 3 + 3 * points)


def test_starts_undecided():
    keras.utils.set_random_seed(0)
    head = SingleObjectHead(**SIZES)
    outputs = head(np.random.default_rng(0).normal(size=(4, 3, 3, 8)))
    parts = split_outputs(outputs, **SIZES)
    np.testing.assert_allclose(parts["box"][:, 2:], 0.5, atol=0.1)
    for name in ("presence", "classes", "visibility"):
        np.testing.assert_allclose(parts[name], 0, atol=0.4)


def test_the_vector_is_taken_apart_in_its_order():
    parts = split_outputs(ops.arange(14)[None], **SIZES)
    parts = {
        name: ops.convert_to_numpy(part[0]).tolist() for name, part in parts.items()
    }
    assert parts == {
        "presence": 0,
        "box": [1, 2, 3, 4],
        "classes": [5, 6, 7],
        "points": [[8, 9], [10, 11]],
        "visibility": [12, 13],
    }
    with pytest.raises(ValueError, match="expected 8 numbers for 3 classes and 0"):
        split_outputs(ops.arange(14)[None], 3)


@pytest.fixture
def looking_head():
    """A head that looks for a feature, one for each place, and finds nothing off."""
    head = SingleObjectHead(**SIZES)
    head.build((None, 3, 4, 8))
    head.weight_maps.kernel.assign(np.eye(8, 3)[None, None] * 100)
    head.last.kernel.assign(np.zeros((256, 14)))
    return head


def test_places_are_where_their_features_are(looking_head):
    features = np.zeros((1, 3, 4, 8), "float32")
    features[0, 1, 2, 0] = 1  # the object's
    features[0, 0, 0, 1] = features[0, 2, 3, 2] = 1  # its points'
    outputs = ops.convert_to_numpy(looking_head(features))
    parts = split_outputs(outputs, **SIZES)
    np.testing.assert_allclose(parts["box"], [[2.5 / 4, 1.5 / 3, 0.5, 0.5]], rtol=1e-5)
    corner = [0.5 / 4, 0.5 / 3]
    np.testing.assert_allclose(parts["points"][0], [corner, np.subtract(1, corner)])
    features[0, 1, 3, 0] = 1  # between two
    moved = ops.convert_to_numpy(looking_head(features))
    np.testing.assert_allclose(moved[0, 1:3], [3 / 4, 1.5 / 3], rtol=1e-5)


def test_places_are_corrected_and_sides_are_shares(looking_head):
    looking_head.last.bias.assign(np.full(14, -3.0))
    outputs = ops.convert_to_numpy(looking_head(np.zeros((1, 3, 4, 8), "float32")))
    parts = split_outputs(outputs, **SIZES)
    # The middle, where nothing is to be seen, and 3 off.
    side = 1 / (1 + np.exp(3))
    np.testing.assert_allclose(parts["box"], [[-2.5, -2.5, side, side]], rtol=1e-5)
    np.testing.assert_allclose(parts["points"][0], [[-2.5] * 2] * 2, rtol=1e-5)
    for name in ("presence", "classes", "visibility"):
        np.testing.assert_allclose(parts[name], -3, rtol=1e-5)


@pytest.mark.parametrize("change", [{"classes": 0}, {"points": -1}])
def test_wrong_arguments(change):
    (name,) = change
    with pytest.raises(ValueError, match=f"Invalid value for `{name}`: expected"):
        SingleObjectHead(**{**SIZES, **change})


def test_is_known_to_keras():
    head = SingleObjectHead(**SIZES, units=8, activation="relu")
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(head)
    )
    assert again.get_config() == head.get_config()
    assert again.activation is keras.activations.relu
