import keras
import numpy as np
from helpers.layer_check import run_layer_checks

from amalthea.layers import SpatialPyramidPooling


def test_stands_what_every_layer_has_to():
    outputs = run_layer_checks(
        SpatialPyramidPooling, {"filters": 6}, (2, 7, 9, 4), tolerance=1e-4
    )
    assert outputs.shape == (2, 7, 9, 6)


def test_joins_windows_of_5_9_and_13():
    layer = SpatialPyramidPooling(4, activation=None)
    images = np.random.default_rng(0).normal(size=(1, 20, 20, 3)).astype("float32")
    layer.build(images.shape)
    entry = layer.entry(images)
    parts = [entry] + [
        keras.layers.MaxPooling2D(
            size, strides=1, padding="same", data_format="channels_last"
        )(entry)
        for size in (5, 9, 13)
    ]
    expected = layer.join(keras.ops.concatenate(parts, axis=-1))
    np.testing.assert_allclose(layer(images), expected, atol=1e-6)
