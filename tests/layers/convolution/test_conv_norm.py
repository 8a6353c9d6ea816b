import numpy as np
from helpers.gradients import assert_gradients
from helpers.layer_check import run_layer_checks
from keras import ops

from amalthea.layers import ConvNorm


def test_layer_checks():
    outputs = run_layer_checks(
        ConvNorm,
        {"filters": 4, "kernel_size": 3, "strides": 2, "activation": "relu"},
        (2, 5, 7, 3),
    )
    assert outputs.shape == (2, 3, 4, 4)


def test_by_hand():
    layer = ConvNorm(1, 1, activation="relu", epsilon=0.0)
    layer.build((None, 1, 2, 1))
    # Kernel 2; scale 3, offset 5; running mean 1, variance 4.
    values = {"kernel": 2.0, "gamma": 3.0, "beta": 5.0}
    values |= {"moving_mean": 1.0, "moving_variance": 4.0}
    for variable in layer.weights:
        variable.assign(ops.full(variable.shape, values[variable.name]))
    outputs = layer(np.array([[[[4.0], [-4.0]]]], "float32"))
    # 3 * (8 - 1) / 2 + 5 = 15.5; 3 * (-8 - 1) / 2 + 5 < 0.
    np.testing.assert_allclose(np.ravel(outputs), [15.5, 0.0])


def test_training_normalises_and_moves_the_statistics():
    layer = ConvNorm(3, 3, momentum=0.5)
    images = np.random.default_rng(0).normal(size=(4, 6, 6, 2)).astype("float32")
    outputs = ops.convert_to_numpy(layer(images, training=True))
    np.testing.assert_allclose(outputs.mean(axis=(0, 1, 2)), 0.0, atol=1e-5)
    np.testing.assert_allclose(outputs.std(axis=(0, 1, 2)), 1.0, atol=1e-3)
    raw = ops.convert_to_numpy(layer.convolution(images))
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.normalization.moving_mean),
        0.5 * raw.mean(axis=(0, 1, 2)),
        rtol=1e-4,
        atol=1e-6,
    )


def test_gradients():
    layer = ConvNorm(2, 3, activation="tanh", dtype="float64")
    layer.build((None, 4, 4, 2))
    images = np.random.default_rng(0).normal(size=(3, 4, 4, 2))
    assert_gradients(
        lambda x: layer(x, training=True),
        images,
        variables=layer.trainable_variables,
    )
