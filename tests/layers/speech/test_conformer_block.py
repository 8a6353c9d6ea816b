import keras
import numpy as np
import pytest
from helpers.gradients import compiled_function
from helpers.layer_check import run_layer_checks
from helpers.one_compilation import answers_of
from keras import ops
from scipy.special import expit, softmax

from amalthea.layers.speech import ConformerBlock


def features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def apply(layer, *inputs):
    if not layer.built:
        layer.build(inputs[0].shape)
    return ops.convert_to_numpy(compiled_function(layer)(*inputs))


def with_random_weights(block):
    """So that no bias is 0 and no scale 1."""
    rng = np.random.default_rng(1)
    block.build((None, None, block.units))
    block.set_weights([rng.normal(0, 0.4, w.shape) for w in block.get_weights()])
    return block


def test_layer_checks():
    run_layer_checks(
        ConformerBlock,
        {
            "units": 8,
            "heads": 2,
            "kernel_size": 3,
            "causal": True,
            "left_context": 2,
            "seed": 1,
        },
        (2, 6, 8),
    )


def by_hand(block, values):
    """The paper's block on one utterance, `[frames, units]`, head by head."""

    def dense(layer, x):
        kernel, bias = layer.get_weights()
        return x @ kernel + bias

    def norm(layer, x):
        gamma, beta = layer.get_weights()
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * gamma + beta

    def silu(x):
        return x * expit(x)

    def feed_forward(parts, x):
        x = dense(parts[1], norm(parts[0], x))
        return dense(parts[3], silu(x))

    def attention(x):
        frames, pairs = len(x), block.units // block.heads // 2
        x = dense(block.attention_inputs, norm(block.attention_norm, x))
        queries, keys, heads = np.split(x, 3, axis=-1)
        turn = np.exp(
            1j * np.arange(frames)[:, None] * 10000.0 ** (-np.arange(pairs) / pairs)
        )

        def turned(rows, head):
            first = rows[:, head * pairs : (head + 1) * pairs]
            second = rows[:, block.units // 2 :][:, head * pairs : (head + 1) * pairs]
            return (first + 1j * second) * turn

        outputs = []
        for head in range(block.heads):
            scores = (turned(queries, head) @ turned(keys, head).conj().T).real
            scores /= np.sqrt(2 * pairs)
            for to in range(frames):
                for at in range(frames):
                    if block.causal and not 0 <= to - at <= block.left_context:
                        scores[to, at] = -np.inf
            ours = heads[:, 2 * head * pairs : 2 * (head + 1) * pairs]
            outputs.append(softmax(scores, axis=-1) @ ours)
        return dense(block.attention_outputs, np.concatenate(outputs, axis=-1))

    def convolution(x):
        x = dense(block.convolution_inputs, norm(block.convolution_norm, x))
        x, gates = np.split(x, 2, axis=-1)
        x, size = x * expit(gates), block.kernel_size
        before = size - 1 if block.causal else (size - 1) // 2
        x = np.pad(x, ((before, size - 1 - before), (0, 0)))
        kernel = block.depthwise.get_weights()[0][:, :, 0]
        x = np.stack([(x[t : t + size] * kernel).sum(0) for t in range(len(values))])
        return dense(block.convolution_outputs, silu(norm(block.depthwise_norm, x)))

    first, second = block.feed_forwards
    x = values.astype("float64")
    x = x + feed_forward(first, x) / 2
    x = x + attention(x)
    x = x + convolution(x)
    x = x + feed_forward(second, x) / 2
    return norm(block.output_norm, x)


@pytest.mark.parametrize(
    ("causal", "left_context", "kernel_size"), [(False, None, 4), (True, 2, 3)]
)
def test_by_hand_in_any_batch(causal, left_context, kernel_size):
    lengths = np.array([7, 4, 1, 0])
    values = features(4, 7, 8)
    for row, length in zip(values, lengths, strict=True):
        row[length:] = np.nan
    block = with_random_weights(
        ConformerBlock(8, 2, 2, kernel_size, causal=causal, left_context=left_context)
    )
    outputs = apply(block, values, lengths)
    for row, length, output in zip(values, lengths, outputs, strict=True):
        expected = by_hand(block, row[:length]) if length else np.zeros((0, 8))
        np.testing.assert_allclose(output[:length], expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(output[length:], 0)
    whole = apply(block, values[:1])
    np.testing.assert_allclose(whole[0], outputs[0], rtol=1e-4, atol=1e-4)
    assert apply(block, values[:, :0]).shape == (4, 0, 8)


def test_causal_frames_depend_on_a_stretch_of_the_past():
    block = with_random_weights(
        ConformerBlock(8, 2, kernel_size=3, causal=True, left_context=4)
    )
    values = features(1, 14, 8)
    changed = values.copy()
    changed[:, 5] *= -1
    before, after = apply(block, np.concatenate([values, changed]))
    moved = np.abs(before - after).max(-1) > 1e-4
    # The convolution's 2 frames before it and the 4 that those attend to.
    np.testing.assert_array_equal(np.flatnonzero(moved), np.arange(5, 5 + 2 + 4 + 1))


def test_half_precision_takes_loud_frames_and_padding():
    block = ConformerBlock(8, 2, dtype="mixed_float16")
    outputs = apply(block, 200 * features(2, 6, 8), np.array([6, 0]))
    assert outputs.dtype == "float16"
    assert np.isfinite(outputs).all()


def test_dropout_is_of_training_only():
    block = ConformerBlock(8, 2, kernel_size=3, dropout=0.5, seed=0)
    values = features(1, 4, 8)
    np.testing.assert_array_equal(apply(block, values), apply(block, values))
    trained = answers_of(block, training=True)(values)
    assert np.abs(trained - apply(block, values)).max() > 0.01


def test_in_a_functional_model(tmp_path):
    inputs = keras.Input((None, 8))
    lengths = keras.Input((), dtype="int32")
    block = ConformerBlock(8, 2, kernel_size=3)
    model = keras.Model([inputs, lengths], block(inputs, lengths=lengths))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    values = [features(2, 5, 8), np.array([5, 2], "int32")]
    np.testing.assert_allclose(
        answers_of(again)(values), apply(block, *values), atol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("heads", 0),
        ("units", 12),
        ("feed_forward", 0),
        ("kernel_size", 0),
        ("dropout", 1),
        ("left_context", 3),
    ],
)
def test_wrong_arguments(name, value):
    with pytest.raises(ValueError, match=f"Invalid value for `{name}`"):
        ConformerBlock(**{"units": 16, name: value})


def test_wrong_inputs():
    with pytest.raises(ValueError, match=r"expected \[batch, frames, bins\]"):
        ConformerBlock(8)(features(3, 8))
    with pytest.raises(ValueError, match="expected frames of 8 units"):
        ConformerBlock(8)(features(2, 3, 4))
