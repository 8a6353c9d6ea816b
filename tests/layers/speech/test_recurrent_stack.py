import keras
import numpy as np
import pytest
from helpers.gradients import compiled_function
from helpers.layer_check import run_layer_checks
from helpers.one_compilation import answers_of
from keras import ops

from amalthea.layers.speech import RecurrentStack

KERAS_LAYERS = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


def features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def apply(layer, *inputs, **arguments):
    if not layer.built:
        layer.build(inputs[0].shape)
    outputs = compiled_function(lambda *x: layer(*x, **arguments))(*inputs)
    return keras.tree.map_structure(ops.convert_to_numpy, outputs)


@pytest.mark.parametrize(
    "arguments",
    [
        {"cell": "gru", "layers": 2, "dropout": 0.2, "seed": 1},
        {"cell": "lstm", "layers": 1, "bidirectional": False, "normalization": False},
    ],
)
def test_layer_checks(arguments):
    run_layer_checks(RecurrentStack, {"units": 4, **arguments}, (2, 5, 3))


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_agrees_with_keras(cell):
    """An utterance by itself through Keras' layers, and in a batch through ours."""
    lengths = np.array([7, 4, 1, 0])
    values = features(4, 7, 3)
    for row, length in zip(values, lengths, strict=True):
        row[length:] = np.nan
    stack = RecurrentStack(4, 2, cell)
    outputs = apply(stack, values, lengths)
    layers = []
    for n, size in enumerate((3, 4)):
        both = keras.layers.Bidirectional(
            KERAS_LAYERS[cell](4, return_sequences=True), merge_mode="sum"
        )
        both.build((1, None, size))
        both.forward_layer.set_weights(stack.forward_layers[n].get_weights())
        both.backward_layer.set_weights(stack.backward_layers[n].get_weights())
        layers += [stack.normalizations[n], both]

    def theirs(row):
        for layer in layers:
            row = layer(row)
        return row

    answer = answers_of(theirs)
    for row, length, output in zip(values, lengths, outputs, strict=True):
        np.testing.assert_array_equal(output[length:], 0)
        if length:
            alone = answer(row[None, :length])[0]
            np.testing.assert_allclose(output[:length], alone, atol=1e-5)
    whole = apply(stack, values[:1])
    np.testing.assert_allclose(whole[0], outputs[0], atol=1e-5)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_stream_in_pieces_equals_one_pass(cell):
    stack = RecurrentStack(4, 2, cell, bidirectional=False, dropout=0.5)
    values = features(2, 11, 3)
    whole, last = apply(stack, values, return_state=True)
    state = stack.zero_state(2)
    assert state.shape == last.shape == (2, stack.state_size)
    assert stack.state_size == {"gru": 8, "lstm": 16}[cell]
    pieces = []
    for start, stop in [(0, 3), (3, 3), (3, 4), (4, 11)]:
        piece, state = apply(
            stack, values[:, start:stop], initial_state=state, return_state=True
        )
        pieces.append(piece)
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, atol=1e-5)
    np.testing.assert_allclose(state, last, atol=1e-5)


def test_padding_leaves_the_state():
    stack = RecurrentStack(4, 2, "lstm", bidirectional=False)
    values, lengths = features(3, 6, 3), np.array([6, 2, 0])
    states = features(3, stack.state_size)
    outputs, after = apply(stack, values, lengths, states, return_state=True)
    np.testing.assert_array_equal(after[2], states[2])
    for row in (0, 1):
        alone, state = apply(
            stack,
            values[row : row + 1, : lengths[row]],
            initial_state=states[row : row + 1],
            return_state=True,
        )
        np.testing.assert_allclose(outputs[row, : lengths[row]], alone[0], atol=1e-5)
        np.testing.assert_array_equal(outputs[row, lengths[row] :], 0)
        np.testing.assert_allclose(after[row], state[0], atol=1e-5)


def test_the_state_is_float32_under_half_precision():
    stack = RecurrentStack(4, 1, bidirectional=False, dtype="mixed_float16")
    outputs, state = stack(
        features(2, 3, 3),
        lengths=np.array([3, 1]),
        initial_state=stack.zero_state(2),
        return_state=True,
    )
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
    assert keras.backend.standardize_dtype(state.dtype) == "float32"


def test_dropout_is_of_training_only():
    stack = RecurrentStack(8, 1, dropout=0.5, seed=0)
    values = features(1, 4, 3)
    plain = apply(stack, values)
    dropped = answers_of(stack, training=True)(values)
    kept = dropped != 0
    assert 0 < kept.sum() < kept.size
    np.testing.assert_allclose(dropped[kept], 2 * plain[kept], rtol=1e-5)


@pytest.mark.parametrize("streaming", [False, True])
def test_in_a_functional_model(tmp_path, streaming):
    stack = RecurrentStack(4, 1, bidirectional=not streaming)
    inputs = {
        "values": keras.Input((None, 3), name="values"),
        "lengths": keras.Input((), dtype="int32", name="lengths"),
    }
    values = {"values": features(2, 5, 3), "lengths": np.array([5, 2], "int32")}
    arguments = {}
    if streaming:
        inputs["state"] = keras.Input((stack.state_size,), name="state")
        values["state"] = features(2, stack.state_size)
        arguments = {"initial_state": inputs["state"], "return_state": True}
    outputs = stack(inputs["values"], lengths=inputs["lengths"], **arguments)
    model = keras.Model(inputs, outputs)
    model.summary(expand_nested=True, print_fn=lambda line: None)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(
        keras.tree.flatten(answers_of(model)(values)),
        keras.tree.flatten(answers_of(again)(values)),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs)


@pytest.mark.parametrize(
    ("name", "value"), [("units", 0), ("layers", 0), ("cell", "rnn"), ("dropout", 1)]
)
def test_wrong_arguments(name, value):
    with pytest.raises(ValueError, match=f"Invalid value for `{name}`"):
        RecurrentStack(**{"units": 4, "layers": 1, name: value})


def test_both_directions_have_no_state():
    stack = RecurrentStack(4, 1)
    with pytest.raises(ValueError, match="`return_state`"):
        stack(features(1, 3, 3), return_state=True)
    with pytest.raises(ValueError, match=r"expected \[batch, frames, bins\]"):
        RecurrentStack(4, 1)(features(3, 3))
