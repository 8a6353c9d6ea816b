"""Sliding a classifier in one pass is cropping window by window."""

import keras
import numpy as np
import pytest
from helpers.layer_check import run_layer_checks
from helpers.one_compilation import answers_of
from keras import layers, ops

from amalthea.layers import lenet5, resnet
from amalthea.layers.convolution import ConvNorm, ConvolutionalBlock, IdentityBlock
from amalthea.layers.detection.sliding_window import SlidingWindow


def classifier(*parts, shape=(16, 12, 2), classes=3):
    inputs = keras.Input(shape)
    x = inputs
    for part in parts:
        x = part(x)
    return trained(keras.Model(inputs, layers.Dense(classes)(x)))


def trained(model):
    """Zero biases and plain statistics would hide faults."""
    rng = np.random.default_rng(0)
    for variable in model.variables:
        if variable.name in ("bias", "beta", "gamma", "moving_mean"):
            variable.assign_add(rng.uniform(-0.3, 0.3, variable.shape))
        elif variable.name == "moving_variance":
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return model


def two_ends():
    """Poolings of two sizes of map, and a shortcut."""
    inputs = keras.Input((12, 16, 2))
    early = layers.Conv2D(4, 3, activation="relu")(inputs)
    late = layers.Conv2D(4, 3, strides=(2, 1))(early)
    late = layers.Add()([late, layers.Conv2D(4, 1)(late)])
    ends = [
        layers.GlobalMaxPooling2D()(early),
        layers.GlobalAveragePooling2D(keepdims=True)(late),
    ]
    ends[1] = layers.Flatten()(layers.Conv2D(5, 1)(ends[1]))
    outputs = layers.Dense(3)(layers.Concatenate()(ends))
    return trained(keras.Model(inputs, outputs))


VALID = {
    "lenet5": lambda: classifier(lenet5((32, 36, 1)), shape=(32, 36, 1)),
    "strides, norm, pool": lambda: classifier(
        layers.Rescaling(0.5, offset=-0.1),
        ConvNorm(4, 3, strides=2, padding="valid", activation="relu"),
        layers.MaxPooling2D(3, strides=2),  # leaves a row over
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        layers.GlobalAveragePooling2D(),
        shape=(20, 24, 2),
    ),
    "depthwise, separable, dilated": lambda: classifier(
        layers.DepthwiseConv2D(3, depth_multiplier=2),
        layers.SeparableConv2D(4, 3),
        layers.Conv2D(4, 3, dilation_rate=2, activation="tanh"),
        layers.AveragePooling2D((2, 1)),
        layers.Flatten(),
        layers.BatchNormalization(),
        layers.Dense(7, activation="relu"),
        layers.LayerNormalization(),
    ),
    "same without need": lambda: classifier(
        layers.Conv2D(4, 1, padding="same"),
        layers.MaxPooling2D(2, padding="same"),
        layers.Flatten(),
    ),
    "sequential inside": lambda: classifier(
        keras.Sequential([keras.Input((16, 12, 2)), layers.Conv2D(3, 5)]),
        keras.Sequential([keras.Input((12, 8, 3)), layers.MaxPooling2D(4)]),
        layers.Flatten(),
        keras.Sequential([layers.Dense(4, activation="relu"), layers.Softmax()]),
    ),
    "no convolution": lambda: classifier(layers.Flatten(), shape=(5, 6, 2)),
    "two ends": two_ends,
}
PADDED = {
    "lenet5": lambda: classifier(lenet5((28, 28, 1)), shape=(28, 28, 1)),
    "blocks": lambda: classifier(
        ConvNorm(3, 3, activation="relu"),
        ConvolutionalBlock(4, strides=2),
        layers.GlobalAveragePooling2D(),
        shape=(16, 24, 2),
    ),
    "odd sizes": lambda: classifier(
        ConvNorm(3, 7, strides=2, activation="relu"),
        layers.MaxPooling2D(3, strides=2, padding="same"),
        IdentityBlock(3),
        layers.GlobalAveragePooling2D(),
        shape=(33, 35, 2),
    ),
    "padding layer": lambda: classifier(
        layers.ZeroPadding2D(1),
        layers.Conv2D(3, 3, activation="relu"),
        layers.GlobalMaxPooling2D(),
    ),
    "pooling": lambda: classifier(
        layers.AveragePooling2D(3, strides=2, padding="same"),
        layers.MaxPooling2D(3, strides=2, padding="same"),
        layers.Flatten(),
    ),
}


def images_for(layer, rows=3, columns=2, rest=(1, 2), seed=0):
    """Two images with some pixels left over where the stride allows it."""
    height, width = (
        window + (count - 1) * step + min(more, step - 1)
        for window, count, step, more in zip(
            layer.window, (rows, columns), layer.stride, rest, strict=True
        )
    )
    channels = layer.model.input_shape[-1]
    return np.random.default_rng(seed).normal(size=(2, height, width, channels))


def by_cropping(layer, images):
    """Every window cut out by its box and classified by the model itself."""
    boxes = layer.window_boxes(*images.shape[1:3])
    crops = [
        images[:, y1:y2, x1:x2] for x1, y1, x2, y2 in boxes.reshape(-1, 4).astype(int)
    ]
    logits = answers_of(layer.model, training=False)(np.concatenate(crops))
    logits = logits.reshape(len(crops), len(images), -1)
    return logits.swapaxes(0, 1).reshape(len(images), *boxes.shape[:2], -1)


def assert_equal(ours, theirs):
    theirs = np.asarray(theirs)
    scale = np.abs(theirs).max()
    np.testing.assert_allclose(
        ops.convert_to_numpy(ours), theirs, rtol=1e-4, atol=1e-5 * scale
    )


@pytest.mark.parametrize("name", VALID)
def test_one_pass_is_cropping_window_by_window(name):
    layer = SlidingWindow(VALID[name]())
    images = images_for(layer)
    assert layer.one_pass
    expected = by_cropping(layer, images)
    assert expected.shape[1:3] == (3, 2)
    assert np.ptp(expected, axis=(1, 2)).min() > 1e-3  # the windows differ
    assert_equal(answers_of(layer)(images), expected)


@pytest.mark.parametrize("name", PADDED)
def test_networks_that_pad_are_cropped_window_by_window(name):
    layer = SlidingWindow(PADDED[name]())
    images = images_for(layer)
    assert not layer.one_pass
    assert_equal(answers_of(layer)(images), by_cropping(layer, images))


@pytest.mark.parametrize("name", PADDED)
def test_with_context_an_image_of_one_window_is_classified_as_ever(name):
    layer = SlidingWindow(PADDED[name](), context=True)
    images = images_for(layer, 1, 1)
    assert layer.one_pass
    logits = answers_of(layer)(images)
    assert logits.shape[1:3] == (1, 1)
    assert_equal(logits, by_cropping(layer, images))


def test_with_context_a_window_is_classified_with_its_margin():
    # The backbone by itself on a larger cut-out; its map under the window is pooled.
    # From 16 pixels on, the cut-out's own border does not reach the window's map.
    backbone = resnet((None, None, 2), 8, width=3)
    model = classifier(
        backbone, layers.GlobalAveragePooling2D(), shape=(16, 24, 2), classes=4
    )
    layer = SlidingWindow(model, context=True)
    assert layer.stride == (4, 4)
    images = images_for(layer, rows=11, columns=10)
    logits = answers_of(layer)(images)
    crops = by_cropping(layer, images)
    margin = 16
    features_of = answers_of(backbone, training=False)
    for row, column in ((4, 4), (5, 4), (6, 5)):
        top, left = row * 4, column * 4
        crop = images[
            :,
            top - margin : top + 16 + margin,
            left - margin : left + 24 + margin,
        ]
        features = features_of(crop)[:, 4:8, 4:10]
        expected = model.layers[-1](features.mean(axis=(1, 2)))
        assert_equal(logits[:, row, column], ops.convert_to_numpy(expected))
        assert np.abs(logits[:, row, column] - crops[:, row, column]).max() > 1e-3


def test_with_context_nothing_beyond_the_receptive_field_counts():
    layer = SlidingWindow(PADDED["lenet5"](), context=True)
    images = images_for(layer, rows=9, columns=9)
    answer = answers_of(layer)
    before = answer(images)
    images[:, 46:] += 1.0
    after = answer(images)
    # At 28 pixels LeNet-5 pads C1, by 2: a window sees 2 pixels more than its own 28.
    sees = [row * 4 + 28 + 2 > 46 for row in range(9)]
    changed = np.abs(after - before).max(axis=(0, 2, 3)) > 1e-6
    assert changed.tolist() == sees


def test_the_lecture_s_network():
    # 14 x 14 windows, a 5 x 5 convolution, pooling by 2, then a dense layer over a
    # 5 x 5 map: on 16 x 16 pixels four windows, 2 pixels apart.
    model = classifier(
        layers.Conv2D(16, 5),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(400, activation="relu"),
        shape=(14, 14, 3),
        classes=4,
    )
    layer = SlidingWindow(model)
    assert (layer.window, layer.stride) == ((14, 14), (2, 2))
    assert layer(np.zeros((1, 16, 16, 3))).shape == (1, 2, 2, 4)
    np.testing.assert_array_equal(
        layer.window_boxes(16, 16),
        [[[0, 0, 14, 14], [2, 0, 16, 14]], [[0, 2, 14, 16], [2, 2, 16, 16]]],
    )


@pytest.mark.parametrize("context", [False, True])
def test_a_larger_stride_skips_windows(context):
    model = PADDED["lenet5"]()
    every = SlidingWindow(model, context=context)
    some = SlidingWindow(model, stride=(8, 4), context=context)
    images = images_for(every, rows=6, columns=3, rest=(0, 0))
    assert_equal(answers_of(some)(images), answers_of(every)(images)[:, ::2])
    boxes = every.window_boxes(*images.shape[1:3])[::2]
    np.testing.assert_array_equal(some.window_boxes(*images.shape[1:3]), boxes)


def test_any_stride_where_windows_are_cut_out():
    layer = SlidingWindow(PADDED["pooling"](), stride=3)
    images = images_for(layer)
    assert_equal(answers_of(layer)(images), by_cropping(layer, images))


@pytest.mark.parametrize("context", [False, True])
def test_a_layer_like_any_other(context):
    settings = {"model": PADDED["blocks"](), "context": context}
    run_layer_checks(SlidingWindow, settings, (2, 23, 33, 2))


def test_a_model_can_be_saved_after_it_was_slid(tmp_path):
    model = VALID["sequential inside"]()
    layer = SlidingWindow(model)
    images = images_for(layer)
    model.save(tmp_path / "model.keras")
    again = SlidingWindow(keras.saving.load_model(tmp_path / "model.keras"))
    assert_equal(answers_of(again)(images), answers_of(layer)(images))


def test_half_precision_and_bytes():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = PADDED["blocks"]()
        layer = SlidingWindow(model, context=True)
    finally:
        keras.config.set_dtype_policy("float32")
    images = np.random.default_rng(0).integers(0, 255, (1, 40, 40, 2), dtype=np.uint8)
    logits = layer(images)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    np.testing.assert_array_equal(
        ops.convert_to_numpy(logits),
        ops.convert_to_numpy(layer(images.astype("float32"))),
    )


def test_a_layer_that_sees_all_is_named_and_can_be_cropped():
    model = classifier(
        layers.GroupNormalization(1, name="whole"), layers.GlobalAveragePooling2D()
    )
    for settings in ({}, {"context": True, "stride": 2}):
        with pytest.raises(ValueError, match=r"layer whole \(GroupNormalization\)"):
            SlidingWindow(model, **settings)
    layer = SlidingWindow(model, stride=2)
    images = images_for(layer)
    assert_equal(answers_of(layer)(images), by_cropping(layer, images))


def test_gating_by_the_whole_image_is_refused():
    inputs = keras.Input((8, 8, 2))
    share = layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    gated = layers.Multiply(name="gate")([inputs, share])
    outputs = layers.Dense(2)(layers.GlobalAveragePooling2D()(gated))
    with pytest.raises(ValueError, match=r"layer gate \(Multiply\)"):
        SlidingWindow(keras.Model(inputs, outputs))


@pytest.mark.parametrize("stride", [6, (4, 2), 0, (4, 4, 4), 2.5])
def test_a_wrong_stride(stride):
    with pytest.raises(ValueError, match="Invalid value for `stride`: .* 4 x 4"):
        SlidingWindow(VALID["lenet5"](), stride=stride)


def test_what_is_no_classifier_of_images():
    free = resnet((None, None, 3), 8, width=2)
    flat = keras.Sequential([keras.Input((5,)), layers.Dense(2)])
    for model in (free, flat, resnet((8, 8, 3), 8, width=2)):
        with pytest.raises(ValueError, match="Invalid value for `model`"):
            SlidingWindow(model)


def test_images_smaller_than_the_window():
    layer = SlidingWindow(VALID["lenet5"]())
    with pytest.raises(ValueError, match="at least 32 x 36 pixels"):
        layer(np.zeros((1, 32, 35, 1)))
