import keras
import numpy as np
import pytest
from helpers.gradients import assert_gradients
from helpers.layer_check import run_layer_checks

from amalthea.layers import ConvolutionalBlock


@pytest.mark.parametrize("bottleneck, channels", [(False, 4), (True, 16)])
def test_layer_checks(bottleneck, channels):
    outputs = run_layer_checks(
        ConvolutionalBlock,
        {"filters": 4, "strides": 2, "bottleneck": bottleneck},
        (2, 5, 8, 3),
    )
    assert outputs.shape == (2, 3, 4, channels)


def test_starts_as_its_shortcut():
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("float32")
    block = ConvolutionalBlock(5)
    outputs = block(images)
    kernel = np.asarray(block.projection.convolution.kernel)[0, 0]
    # A 1x1 kernel of stride 2 sees every other pixel; the statistics are 0 and 1.
    expected = images[:, ::2, ::2] @ kernel / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(outputs, np.maximum(expected, 0), atol=1e-5)


def test_unknown_sizes():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, ConvolutionalBlock(4)(inputs))
    assert model.output_shape == (None, None, None, 4)
    for height, width in [(4, 6), (7, 9)]:
        images = np.zeros((1, height, width, 3), "float32")
        assert model(images).shape == (1, -(-height // 2), -(-width // 2), 4)


def test_gradients():
    block = ConvolutionalBlock(
        2, bottleneck=True, activation="tanh", zero_gamma=False, dtype="float64"
    )
    block.build((None, 4, 4, 1))
    images = np.random.default_rng(0).normal(size=(3, 4, 4, 1))
    assert_gradients(
        lambda x: block(x, training=True),
        images,
        variables=block.trainable_variables,
        entries=6,
    )
