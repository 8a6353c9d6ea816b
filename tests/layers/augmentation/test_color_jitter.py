import numpy as np
import pytest
from helpers.gradients import assert_gradients
from helpers.layer_check import run_layer_checks
from keras import ops
from PIL import Image, ImageEnhance

from amalthea.layers import ColorJitter

NONE = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}


def pixels(low=0, high=256, batch=2, channels=3):
    shape = (batch, 6, 8, channels)
    return np.random.default_rng(0).integers(low, high, shape).astype("uint8")


def jitter(images, **arguments):
    layer = ColorJitter(**{**NONE, **arguments})
    return ops.convert_to_numpy(layer(images, training=True))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("training", [True, False])
def test_layer_checks(channels, training):
    run_layer_checks(
        ColorJitter,
        {"hue": 0.1, "seed": 1},
        (2, 6, 8, channels),
        input_dtype="uint8",
        input_data=pixels(channels=channels),
        call_kwargs={"training": training},
        tolerance=1e-3,
    )


@pytest.mark.parametrize(
    "name, enhancer",
    [
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ],
)
@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
def test_agrees_with_pillow(name, enhancer, factor):
    images = pixels()
    ours = jitter(images, **{name: (factor, factor)})
    for image, result in zip(images, ours, strict=True):
        theirs = np.asarray(enhancer(Image.fromarray(image)).enhance(factor))
        # Pillow rounds the luma and the result to whole numbers.
        np.testing.assert_allclose(result, theirs.astype("float32"), atol=1.6)


def test_half_a_turn_of_hue_mirrors_the_colour_at_its_luma():
    images = pixels(100, 140)
    luma = images @ np.array([0.299, 0.587, 0.114])
    expected = 2 * luma[..., None] - images
    np.testing.assert_allclose(jitter(images, hue=(0.5, 0.5)), expected, atol=1e-2)


def test_a_third_of_a_turn_three_times_is_none():
    images = turned = pixels(100, 140).astype("float32")
    for _ in range(3):
        turned = jitter(turned, hue=(1 / 3, 1 / 3))
    np.testing.assert_allclose(turned, images, atol=0.05)


def test_all_four_in_turn():
    images = pixels(110, 140)
    factors = {"brightness": 1.1, "contrast": 0.7, "saturation": 1.3, "hue": 0.05}
    one_by_one = images
    for name, value in factors.items():
        one_by_one = jitter(one_by_one, **{name: (value, value)})
    together = jitter(images, **{n: (v, v) for n, v in factors.items()})
    np.testing.assert_allclose(together, one_by_one, atol=1e-2)


def test_grey_images_keep_one_channel():
    images = pixels(channels=1)
    np.testing.assert_allclose(
        jitter(images, brightness=(0.5, 0.5), saturation=(0, 0), hue=(0.5, 0.5)),
        images * 0.5,
        atol=1e-3,
    )


def test_each_image_has_its_own_factor_in_the_range():
    images = np.full((300, 2, 2, 3), 100, "uint8")
    factors = jitter(images, brightness=0.4)[:, 0, 0, 0] / 100
    assert 0.6 <= factors.min() < 0.63 and 1.37 < factors.max() <= 1.4
    assert len(np.unique(factors)) > 250


def test_clipped_at_training_only():
    images = pixels(200, 256)
    assert jitter(images, brightness=(2, 2)).max() == 255
    np.testing.assert_array_equal(ColorJitter(brightness=(2, 2))(images), images)


def test_gradients():
    layer = ColorJitter(hue=0.1, seed=1, dtype="float64")
    images = np.random.default_rng(0).uniform(110, 130, size=(2, 3, 3, 3))
    # Affine in the pixels, and computed in float32 throughout.
    assert_gradients(
        lambda x: layer(x, training=True), images, epsilon=1.0, rtol=1e-3, atol=1e-3
    )


def test_wrong_arguments():
    with pytest.raises(ValueError, match="`hue`: expected a range inside"):
        ColorJitter(hue=0.6)
    with pytest.raises(ValueError, match="`contrast`: expected a range inside"):
        ColorJitter(contrast=(1.2, 0.8))
    with pytest.raises(ValueError, match="expected 1 or 3 channels"):
        ColorJitter().build((None, 4, 4, 4))
