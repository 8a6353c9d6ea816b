import numpy as np
import pytest
from helpers.gradients import assert_gradients
from helpers.layer_check import run_layer_checks
from keras import ops

from amalthea.layers import CSPBlock


@pytest.mark.parametrize("shortcut", [True, False])
def test_stands_what_every_layer_has_to(shortcut):
    outputs = run_layer_checks(
        CSPBlock,
        {"filters": 6, "blocks": 2, "shortcut": shortcut},
        (2, 5, 4, 3),
        tolerance=1e-4,
    )
    assert outputs.shape == (2, 5, 4, 6)


def test_parameters_are_counted_by_hand():
    block = CSPBlock(8, blocks=2)
    block.build((None, 4, 4, 6))
    convolutions = 2 * 6 * 4 + 2 * (4 * 4 + 9 * 4 * 4) + 8 * 8
    normalisations = 4 * (2 * 4 + 2 * (4 + 4) + 8)
    assert block.count_params() == convolutions + normalisations


def test_half_of_the_channels_go_round_the_blocks():
    block = CSPBlock(4, blocks=1, shortcut=True, activation=None)
    images = np.random.default_rng(0).normal(size=(1, 3, 3, 4)).astype("float32")
    block.build(images.shape)
    # With silent blocks, what is joined is what the two first convolutions gave.
    for pair in block.pairs:
        pair[1].normalization.gamma.assign(ops.zeros(2))
    inner = ops.concatenate([block.entry(images), block.bypass(images)], axis=-1)
    np.testing.assert_allclose(block(images), block.join(inner), atol=1e-6)


def test_gradients():
    block = CSPBlock(2, activation="tanh", dtype="float64")
    images = np.random.default_rng(1).normal(size=(1, 3, 3, 2))
    block.build(images.shape)
    assert_gradients(lambda x: block(x, training=False), images)
