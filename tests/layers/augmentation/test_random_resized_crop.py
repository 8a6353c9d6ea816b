import keras
import numpy as np
import pytest
from helpers.gradients import assert_gradients
from helpers.layer_check import run_layer_checks
from helpers.one_compilation import answers_of
from keras import ops
from PIL import Image

from amalthea.layers import RandomResizedCrop

FULL = {"scale": (1, 1), "ratio": (1, 1)}


def pixels(height=6, width=8, batch=2, channels=3):
    shape = (batch, height, width, channels)
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


@pytest.mark.parametrize(
    "training, dtype", [(True, "uint8"), (True, "float32"), (False, "uint8")]
)
def test_layer_checks(training, dtype):
    run_layer_checks(
        RandomResizedCrop,
        {"height": 5, "width": 4, "rotation": 20, "horizontal_flip": True, "seed": 1},
        (2, 6, 8, 3),
        input_dtype=dtype,
        input_data=pixels().astype(dtype),
        call_kwargs={"training": training},
        tolerance=1e-2,
    )


def test_windows_are_as_asked():
    """An image of its own coordinates shows where each window lay."""
    height, width, side = 40, 60, 20
    y, x = np.mgrid[:height, :width] + 0.5
    image = np.stack([y, x], axis=-1).astype("float32")
    layer = RandomResizedCrop(
        side, side, scale=(0.1, 0.4), rotation=10, horizontal_flip=True, seed=3
    )
    batch = np.repeat(image[None], 300, axis=0)
    places = answers_of(layer, training=True)(batch)
    middle = side // 2
    down = (places[:, middle, middle] - places[:, middle - 1, middle]) * side
    right = (places[:, middle, middle] - places[:, middle, middle - 1]) * side
    flipped = right[:, 1] < 0
    right[flipped] *= -1

    np.testing.assert_allclose((down * right).sum(-1), 0, atol=0.1)
    window_height = np.linalg.norm(down, axis=-1)
    window_width = np.linalg.norm(right, axis=-1)
    area = window_height * window_width / (height * width)
    ratio = window_width / window_height
    angle = np.degrees(np.arctan2(right[:, 0], right[:, 1]))
    assert 0.4 < flipped.mean() < 0.6
    for drawn, low, high in [
        (area, 0.1, 0.4),
        (np.log(ratio), np.log(3 / 4), np.log(4 / 3)),
        (angle, -10, 10),
    ]:
        margin = 0.02 * (high - low)
        assert low - margin < drawn.min() < low + 3 * margin
        assert high - 3 * margin < drawn.max() < high + margin
        assert abs(drawn.mean() - (low + high) / 2) < 4 * margin

    centre = places[:, middle - 1 : middle + 1, middle - 1 : middle + 1].mean((1, 2))
    for axis, size, window in [(0, height, window_height), (1, width, window_width)]:
        assert (centre[:, axis] > window / 2 - 0.1).all()
        assert (centre[:, axis] < size - window / 2 + 0.1).all()


def test_tall_windows_are_clamped():
    y, x = np.mgrid[:20, :80] + 0.5
    image = np.stack([y, x], axis=-1).astype("float32")[None]
    layer = RandomResizedCrop(10, 10, scale=(1, 1), ratio=(1, 1), seed=0)
    places = answers_of(layer, training=True)(image)[0]
    # A square of the same area has sides of 40; the image is only 20 high.
    np.testing.assert_allclose(np.diff(places[:, 5, 0]), 20 / 10, atol=1e-4)
    np.testing.assert_allclose(np.diff(places[5, :, 1]), 40 / 10, atol=1e-4)


def test_zooming_out_shows_the_fill():
    image = np.full((1, 10, 10, 1), 200, "uint8")
    layer = RandomResizedCrop(
        40, 40, scale=(4, 4), ratio=(1, 1), fill="constant", fill_value=10, seed=0
    )
    outputs = answers_of(layer, training=True)(image)
    # Windows of twice the sides: the image is a quarter of each.
    assert 0.2 < (outputs > 105).mean() < 0.3
    assert outputs.min() == 10 and outputs.max() == 200


def test_shift_alone_is_the_padded_crop():
    y, x = np.mgrid[:32, :32] + 0.5
    image = np.stack([y, x], axis=-1).astype("float32")
    layer = RandomResizedCrop(32, 32, **FULL, shift=0.125, seed=0)
    places = answers_of(layer, training=True)(np.repeat(image[None], 200, 0))
    moves = places[:, 16, 16] - 16.5
    assert -4 <= moves.min() < -3.8 and 3.8 < moves.max() <= 4
    assert abs(np.corrcoef(moves.T)[0, 1]) < 0.25


def test_whole_window_at_its_own_size_is_the_image():
    images = pixels()
    layer = RandomResizedCrop(6, 8, scale=(1, 1), ratio=(8 / 6, 8 / 6))
    outputs = answers_of(layer, training=True)(images)
    np.testing.assert_allclose(outputs, images, atol=1e-3)


@pytest.mark.parametrize("training", [True, False])
def test_enlarging_agrees_with_pillow(training):
    image = pixels(5, 5, batch=1, channels=1)
    layer = RandomResizedCrop(13, 11, **FULL)
    plane = Image.fromarray(image[0, ..., 0].astype("float32"))
    theirs = np.asarray(plane.resize((11, 13), Image.BILINEAR))
    ours = answers_of(layer, training=training)(image)[0, ..., 0]
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_inference_leaves_the_right_size_alone():
    images = pixels()
    outputs = RandomResizedCrop(6, 8)(images)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    np.testing.assert_array_equal(outputs, images)


def test_each_image_and_each_call_has_its_own_draw():
    images = np.repeat(pixels(batch=1), 4, axis=0)
    layer = RandomResizedCrop(6, 8, seed=7)
    first = ops.convert_to_numpy(layer(images, training=True))
    second = ops.convert_to_numpy(layer(images, training=True))
    draws = np.concatenate([first, second]).reshape(8, -1)
    assert len(np.unique(draws.round(2), axis=0)) == 8
    again = RandomResizedCrop(6, 8, seed=7)(images, training=True)
    np.testing.assert_array_equal(again, first)


def test_state_of_the_draws_is_part_of_the_model():
    inputs = keras.Input((6, 8, 3))
    layer = RandomResizedCrop(6, 8, seed=7)
    model = keras.Model(inputs, layer(inputs))
    state = layer.seed_generator.state
    assert any(variable is state for variable in layer.variables)
    assert any(variable is state for variable in model.variables)
    before = ops.convert_to_numpy(state)
    first = model(pixels(), training=True)
    second = model(pixels(), training=True)
    assert np.abs(ops.convert_to_numpy(first - second)).max() > 1
    state.assign(before)
    np.testing.assert_array_equal(model(pixels(), training=True), first)


def test_gradients():
    layer = RandomResizedCrop(4, 4, rotation=30, seed=1, dtype="float64")
    images = np.random.default_rng(0).uniform(size=(2, 5, 5, 1))
    # Linear in the pixels, and computed in float32 throughout.
    assert_gradients(lambda x: layer(x, training=True), images, epsilon=0.1, atol=1e-4)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"scale": (0, 1)}, "Invalid value for `scale`: expected 0 < low <= high"),
        ({"ratio": (2, 1)}, "Invalid value for `ratio`: expected 0 < low <= high"),
        ({"fill": "wrap"}, "Invalid value for `fill`: expected one of"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandomResizedCrop(4, 4, **arguments)


def test_wrong_rank():
    with pytest.raises(ValueError, match="received shape=\\(6, 8, 3\\)"):
        RandomResizedCrop(4, 4)(pixels()[0])
