"""The augmentations inside `tf.data`, for which Keras must run on TensorFlow."""

import keras
import numpy as np
import pytest

from amalthea.layers import ColorJitter, RandomMix, RandomPCAColor, RandomResizedCrop

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.data needs TensorFlow"
)


@pytest.mark.parametrize(
    "layer",
    [
        RandomResizedCrop(8, 8, rotation=10, seed=1),
        ColorJitter(hue=0.1, seed=1),
        RandomPCAColor(seed=1),
    ],
)
def test_batches_of_any_size_get_draws_of_their_own(layer):
    import tensorflow as tf

    images = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), "uint8")
    data = tf.data.Dataset.from_tensor_slices(np.repeat(images, 5, axis=0)).batch(2)
    assert data.element_spec.shape[0] is None
    data = data.map(lambda batch: layer(batch, training=True))
    outputs = list(data.as_numpy_iterator())
    assert [len(batch) for batch in outputs] == [2, 2, 1]
    flat = np.concatenate(outputs).reshape(5, -1)
    assert len(np.unique(flat.round(3), axis=0)) == 5


def test_mix():
    import tensorflow as tf

    layer = RandomMix(seed=1)
    data = tf.data.Dataset.from_tensor_slices(
        (np.zeros((5, 4, 4, 3), "uint8"), np.eye(5, dtype="float32"))
    ).batch(3)
    data = data.map(lambda *batch: layer(batch, training=True))
    assert [image.shape[0] for image, _ in data] == [3, 2]
    labels = np.concatenate([label for _, label in data.as_numpy_iterator()])
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)


def test_sizes_may_be_unknown():
    import tensorflow as tf

    layer = RandomResizedCrop(6, 6, seed=1)
    spec = tf.TensorSpec([None, None, None, 3], tf.uint8)
    for training in (True, False):
        call = tf.function(lambda batch, t=training: layer(batch, training=t))
        traced = call.get_concrete_function(spec)
        for side in (6, 9):
            assert traced(tf.zeros((2, side, 7, 3), tf.uint8)).shape == (2, 6, 6, 3)
