"""Resizing by policy, with cases worked by hand and Pillow as oracle."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.images import noise
from PIL import Image

from amalthea.data.images.decode import resize_image


@pytest.mark.parametrize("policy", ["squash", "crop", "letterbox"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (7, 3), (200, 300)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_any_size_gives_the_asked_size_and_range(policy, shape, dtype):
    image = tf.constant(np.full((*shape, 3), 255, dtype))
    result = resize_image(image, 12, 16, policy).numpy()
    assert result.shape == (12, 16, 3)
    assert result.dtype == np.float32
    assert result.min() >= 0 and result.max() <= 255 + 1e-3
    if policy != "letterbox":
        np.testing.assert_allclose(result, 255, atol=1e-3)


@pytest.mark.parametrize("policy", ["squash", "crop", "letterbox"])
def test_a_batch_is_resized_as_its_images_are(policy):
    images = np.stack([np.asarray(noise(20, 50, seed)) for seed in range(3)])
    together = resize_image(tf.constant(images), 16, 16, policy)
    alone = [resize_image(tf.constant(image), 16, 16, policy) for image in images]
    np.testing.assert_allclose(together, np.stack(alone), atol=1e-4)


@pytest.mark.parametrize("policy", ["squash", "crop", "letterbox"])
def test_sides_may_be_unknown_while_tracing(policy):
    resize = tf.function(
        lambda image: resize_image(image, 8, 10, policy),
        input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)],
        autograph=False,
    )
    assert resize.get_concrete_function().output_shapes == (8, 10, 3)
    image = np.asarray(noise(20, 50))
    np.testing.assert_allclose(
        resize(image), resize_image(tf.constant(image), 8, 10, policy), atol=1e-4
    )


def test_squash_is_the_antialiased_bilinear_filter_of_pillow():
    image = noise(90, 120)
    ours = resize_image(tf.constant(np.asarray(image)), 20, 30, "squash").numpy()
    pillow = np.asarray(image.resize((30, 20), Image.BILINEAR)).astype(float)
    # Pillow rounds to integers after each of its two passes.
    assert np.abs(ours - pillow).max() <= 1.01


def test_crop_keeps_the_centre():
    image = np.zeros((4, 8, 1), np.uint8)
    image[:, 2:6] = 200
    result = resize_image(tf.constant(image), 4, 4, "crop").numpy()
    np.testing.assert_allclose(result, 200)


def test_letterbox_keeps_the_whole_image_between_zeros():
    image = np.full((4, 8, 1), 200, np.uint8)
    result = resize_image(tf.constant(image), 8, 8, "letterbox").numpy()[..., 0]
    np.testing.assert_allclose(result[2:6], 200)
    np.testing.assert_allclose(result[[0, 1, 6, 7]], 0)


@pytest.mark.parametrize("policy", ["crop", "letterbox"])
def test_a_long_strip_takes_little_memory(policy):
    # Padded to a square before resizing, this would be 3.6 gigapixels, and
    # counted in int32 the sides would overflow.
    strip = tf.zeros([1, 60_000, 3], tf.uint8)
    assert resize_image(strip, 224, 224, policy).shape == (224, 224, 3)


def test_policy_is_checked():
    with pytest.raises(ValueError, match="Invalid value for `policy`: expected one"):
        resize_image(tf.zeros([2, 2, 3]), 1, 1, "stretch")


def test_letterbox_fills_with_what_it_is_told():
    image = tf.fill([4, 8, 1], tf.constant(200, tf.uint8))
    result = resize_image(image, 8, 8, "letterbox", fill=114).numpy()[..., 0]
    np.testing.assert_allclose(result[2:6], 200)
    np.testing.assert_allclose(result[[0, 1, 6, 7]], 114)
