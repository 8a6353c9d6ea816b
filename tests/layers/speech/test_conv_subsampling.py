import keras
import numpy as np
import pytest
from helpers.gradients import compiled_function
from helpers.layer_check import run_layer_checks
from helpers.one_compilation import answers_of
from keras import ops

from amalthea.layers.speech import ConvSubsampling


def features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def apply(layer, *inputs):
    if not layer.built:
        layer.build(inputs[0].shape)
    return ops.convert_to_numpy(compiled_function(layer)(*inputs))


@pytest.mark.parametrize(
    "arguments",
    [
        {"units": 5},
        {"factor": 1, "activation": "swish"},
        {"factor": 2, "padding": "valid", "kernel_size": 4},
    ],
)
def test_layer_checks(arguments):
    run_layer_checks(ConvSubsampling, {"filters": 3, **arguments}, (2, 11, 7))


def test_agrees_with_keras_where_that_pads_both_ends():
    values = features(2, 13, 13)
    layer = ConvSubsampling(3, 5)
    ours = apply(layer, values)
    theirs = values[..., None]
    for convolution in layer.convolutions:
        same = keras.layers.Conv2D(3, 3, strides=2, padding="same", activation="relu")
        same.build(theirs.shape)
        same.set_weights(convolution.get_weights())
        theirs = same(theirs)
    theirs = layer.projection(ops.reshape(theirs, (2, 4, 12)))
    np.testing.assert_allclose(ours, ops.convert_to_numpy(theirs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("padding", "factor", "kernel_size"),
    [("same", 4, 3), ("same", 1, 2), ("valid", 4, 3), ("valid", 2, 5)],
)
def test_an_utterance_gives_the_same_in_any_batch(padding, factor, kernel_size):
    lengths = np.array([18, 13, 8, 1, 0])
    values = features(5, 18, 6)
    for row, length in zip(values, lengths, strict=True):
        row[length:] = np.nan
    layer = ConvSubsampling(3, 4, factor, kernel_size, padding)
    layer.build(values.shape)
    layer.projection.bias.assign(np.ones(4))
    outputs, counts = apply(layer, values, lengths), layer.output_lengths(lengths)
    for row, length, output, count in zip(
        values, lengths, outputs, counts, strict=True
    ):
        alone = apply(layer, row[None, :length])[0]
        assert alone.shape == (count, 4)
        np.testing.assert_allclose(output[:count], alone, atol=1e-5)
        np.testing.assert_array_equal(output[count:], 0)


def test_a_frame_sees_its_receptive_field():
    layer = ConvSubsampling(3, factor=4, padding="valid")
    assert (layer.receptive_field, layer.stride) == (7, 4)
    values = features(1, 20, 6)
    outputs = apply(layer, values)[0]
    assert len(outputs) == 4
    pieces = np.stack([values[0, start : start + 7] for start in range(0, 16, 4)])
    np.testing.assert_allclose(apply(layer, pieces)[:, 0], outputs, atol=1e-5)


def test_sizes():
    assert ConvSubsampling(2, factor=8, kernel_size=5).receptive_field == 29
    assert ConvSubsampling(2, factor=1, kernel_size=5).receptive_field == 5
    layer = ConvSubsampling(2, factor=8)
    assert [layer.output_lengths(n) for n in (0, 1, 8, 9, 33)] == [0, 1, 1, 2, 5]
    # 33 -> 16 -> 7 -> 3 frames.
    layer = ConvSubsampling(2, factor=8, padding="valid")
    assert [layer.output_lengths(n) for n in (0, 1, 14, 15, 33)] == [0, 0, 0, 1, 3]
    lengths = np.array([0, 14, 33])
    np.testing.assert_array_equal(layer.output_lengths(lengths), [0, 0, 3])
    tensor = layer.output_lengths(ops.convert_to_tensor(lengths))
    np.testing.assert_array_equal(ops.convert_to_numpy(tensor), [0, 0, 3])


def test_in_a_functional_model(tmp_path):
    inputs = keras.Input((None, 6))
    lengths = keras.Input((), dtype="int32")
    layer = ConvSubsampling(3, 4)
    model = keras.Model(
        [inputs, lengths],
        [layer(inputs, lengths=lengths), layer.output_lengths(lengths)],
    )
    assert model.outputs[0].shape == (None, None, 4)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    values = features(2, 9, 6), np.array([9, 4], "int32")
    expected = apply(layer, *values)
    frames, counts = answers_of(again)(list(values))
    np.testing.assert_allclose(frames, expected, atol=1e-6)
    np.testing.assert_array_equal(counts, [3, 1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("filters", 0),
        ("units", 0),
        ("factor", 3),
        ("kernel_size", 1),
        ("padding", "causal"),
    ],
)
def test_wrong_arguments(name, value):
    with pytest.raises(ValueError, match=f"Invalid value for `{name}`"):
        ConvSubsampling(**{"filters": 2, name: value})


def test_wrong_inputs():
    with pytest.raises(ValueError, match=r"expected \[batch, frames, bins\]"):
        ConvSubsampling(2)(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match="a known number of bins"):
        ConvSubsampling(2)(keras.Input((None, None)))
