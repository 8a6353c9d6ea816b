import numpy as np
import pytest
from helpers.gradients import assert_gradients
from helpers.layer_check import run_layer_checks
from keras import ops

from amalthea.layers import IdentityBlock


@pytest.mark.parametrize("bottleneck, channels", [(False, 4), (True, 16)])
def test_layer_checks(bottleneck, channels):
    run_layer_checks(
        IdentityBlock, {"filters": 4, "bottleneck": bottleneck}, (2, 5, 3, channels)
    )


@pytest.mark.parametrize(
    # Kernels, then 4 figures a channel for each normalisation.
    "bottleneck, channels, parameters",
    [
        (False, 4, 2 * 9 * 4 * 4 + 4 * (4 + 4)),
        (True, 16, 16 * 4 + 9 * 4 * 4 + 4 * 16 + 4 * (4 + 4 + 16)),
    ],
)
def test_number_of_parameters(bottleneck, channels, parameters):
    block = IdentityBlock(4, bottleneck=bottleneck)
    block.build((None, None, None, channels))
    assert block.count_params() == parameters


def test_starts_as_the_identity():
    images = np.random.default_rng(0).uniform(size=(2, 4, 4, 3)).astype("float32")
    images -= 0.5
    outputs = IdentityBlock(3)(images, training=True)
    np.testing.assert_allclose(outputs, np.maximum(images, 0))
    changed = IdentityBlock(3, zero_gamma=False)(images, training=True)
    assert np.abs(ops.convert_to_numpy(changed) - np.maximum(images, 0)).max() > 0.1


def test_wrong_channels():
    with pytest.raises(ValueError, match="expected 16 channels, received shape="):
        IdentityBlock(4, bottleneck=True).build((None, 8, 8, 4))


def test_gradients():
    block = IdentityBlock(2, activation="tanh", zero_gamma=False, dtype="float64")
    block.build((None, 3, 3, 2))
    images = np.random.default_rng(0).normal(size=(3, 3, 3, 2))
    assert_gradients(
        lambda x: block(x, training=True),
        images,
        variables=block.trainable_variables,
        entries=6,
    )
