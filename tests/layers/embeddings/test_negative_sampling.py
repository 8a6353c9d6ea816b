"""What both layers with negative sampling do alike."""

import keras
import numpy as np
import pytest
from helpers.layer_check import run_layer_checks
from helpers.one_compilation import answers_of
from keras import ops

from amalthea.layers.embeddings import ContinuousBagOfWords, SkipGramNegativeSampling

LAYERS = [SkipGramNegativeSampling, ContinuousBagOfWords]
SIZES = {"vocabulary_size": 10, "dimension": 4, "window": 3, "seed": 5}

both = pytest.mark.parametrize("layer_class", LAYERS)


class ByRow:
    """Gives each row's losses and pairs, where the layer gives one mean."""

    def call(self, tokens):
        return ops.stack(self.pair_losses(tokens, *self.draw(tokens)), axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2)


@keras.saving.register_keras_serializable(package="tests")
class SkipGramByRow(ByRow, SkipGramNegativeSampling):
    pass


@keras.saving.register_keras_serializable(package="tests")
class ContinuousBagOfWordsByRow(ByRow, ContinuousBagOfWords):
    pass


def some_tokens(batch=4, length=12):
    return np.random.default_rng(1).integers(-1, 10, (batch, length)).astype("int32")


def numbers(*tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


@pytest.mark.parametrize("layer_class", [SkipGramByRow, ContinuousBagOfWordsByRow])
def test_stands_what_every_layer_has_to(layer_class):
    outputs = run_layer_checks(
        layer_class,
        {**SIZES, "counts": list(range(10, 0, -1))},
        (4, 12),
        input_dtype="int32",
        input_data=some_tokens(),
        output_dtype="float32",
    )
    assert (outputs > 0).all()


@both
def test_the_mean_loss_is_a_scalar_in_a_saved_model(layer_class, tmp_path):
    inputs = keras.Input((None,), dtype="int32")
    outputs = layer_class(**SIZES)(inputs)
    assert outputs.shape == () and outputs.dtype == "float32"
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    ours, theirs = (answers_of(each)(some_tokens()) for each in (model, again))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@both
def test_the_call_is_the_mean_over_all_pairs(layer_class, rows):
    sizes = {"vocabulary_size": 8, "dimension": 5, "seed": 2}
    layer, same = (rows.give_to(layer_class(**sizes)) for _ in range(2))
    draws = same.draw(rows.tokens)
    losses, pairs = answers_of(same.pair_losses)(rows.tokens, *draws)
    mean = answers_of(layer)(rows.tokens)
    np.testing.assert_allclose(mean, losses.sum() / pairs.sum(), rtol=1e-6)


@both
def test_first_loss_is_that_of_knowing_nothing(layer_class):
    layer = layer_class(1000, 4, negatives=7, seed=1)
    tokens = np.arange(40).reshape(2, 20)
    layer.build()
    spans = np.full((2, 20), 3)
    losses, pairs = answers_of(layer.pair_losses)(tokens, spans, np.full((2, 3), 999))
    expected = np.log(2) * (1 + 7) * pairs
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


@both
def test_text_without_words_has_no_loss(layer_class):
    layer = layer_class(**SIZES)
    layer.build()
    for tokens in (np.full((2, 5), -1), np.array([[3, -1, -1, -1, -1]])):
        assert float(answers_of(layer)(tokens)) == 0


@both
def test_padding_and_other_rows_change_nothing(layer_class, rows):
    layer = rows.give_to(layer_class(8, 5, window=3))
    pair_losses = answers_of(layer.pair_losses)
    expected = pair_losses(*rows[:3])
    tokens = np.pad(rows.tokens, ((0, 0), (2, 4)), constant_values=-1)
    spans = np.pad(rows.spans, ((0, 0), (2, 4)), constant_values=3)
    padded = pair_losses(tokens, spans, rows.negatives)
    alone = pair_losses(*(x[1:2] for x in rows[:3]))
    for ours, theirs, one in zip(padded, expected, alone, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
        np.testing.assert_allclose(one, theirs[1:2], rtol=1e-5)


@both
def test_overlapping_rows_lose_no_pair(layer_class, rows):
    """Blocks with a margin that is no centre add up to the whole text."""
    layer = rows.give_to(layer_class(8, 5, window=3))
    rng = np.random.default_rng(4)
    text, spans = rng.integers(0, 8, 24), rng.integers(1, 4, 24)
    negatives = rows.negatives[:1]
    pair_losses = answers_of(layer.pair_losses)
    whole = pair_losses(text[None], spans[None], negatives)
    text, centres = np.pad(text, 3, constant_values=-1), np.pad(spans, 3)
    blocks = np.stack([text[start : start + 14] for start in (0, 8, 16)])
    spans = np.stack([centres[start : start + 14] for start in (0, 8, 16)])
    spans[:, :3] = spans[:, 11:] = 0
    parts = pair_losses(blocks, spans, np.repeat(negatives, 3, axis=0))
    for part, total in zip(parts, whole, strict=True):
        np.testing.assert_allclose(part.sum(), total[0], rtol=1e-5)


@both
def test_draws(layer_class):
    counts = np.array([100, *[1] * 9])
    layer = layer_class(**SIZES, shared_negatives=50, counts=counts, power=1.0)
    spans, negatives = numbers(*layer.draw(np.zeros((40, 30), "int32")))
    assert spans.shape == (40, 30) and negatives.shape == (40, 50)
    np.testing.assert_allclose(
        np.bincount(spans.ravel()) / 1200, [0, *[1 / 3] * 3], atol=0.05
    )
    assert abs((negatives == 0).mean() - 100 / 109) < 0.02
    assert (numbers(*layer.draw(np.zeros((40, 30), "int32")))[0] != spans).any()


@both
def test_windows_and_noise_share_no_random_bits(layer_class):
    layer = layer_class(10, 4, window=5, shared_negatives=30, seed=5)
    spans, negatives = numbers(*layer.draw(np.zeros((40, 30), "int32")))
    # Of the same bits, the rest by 10 would tell the rest by 5.
    assert abs((negatives % 5 == spans - 1).mean() - 0.2) < 0.05


@both
def test_the_seed_rules_vectors_and_draws(layer_class):
    one, same, other = (layer_class(**{**SIZES, "seed": seed}) for seed in (5, 5, 6))
    losses = numbers(*(layer(some_tokens()) for layer in (one, same, other)))
    np.testing.assert_array_equal(one.embeddings, same.embeddings)
    assert losses[0] == losses[1]
    vectors = ops.convert_to_numpy(one.embeddings)
    assert (vectors != ops.convert_to_numpy(other.embeddings)).any()
    assert np.abs(vectors).max() <= 0.5 / 4 and vectors.std() > 0.05
    assert not ops.convert_to_numpy(one.context_embeddings).any()
    # The state of the draws is the layer's, so training can be resumed.
    assert len(one.variables) == 3


@both
@pytest.mark.parametrize(
    "change",
    [
        {"vocabulary_size": 0},
        {"dimension": 0},
        {"window": 0},
        {"negatives": -1},
        {"shared_negatives": 0},
        {"counts": [1, 2]},
    ],
)
def test_wrong_arguments(layer_class, change):
    (name,) = change
    with pytest.raises(ValueError, match=f"Invalid value for `{name}`: expected"):
        layer_class(**{**SIZES, **change})


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a tf.function")
@both
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_learns_which_words_keep_company_compiled(layer_class, dtype):
    import tensorflow as tf

    rng = np.random.default_rng(0)
    topics = rng.integers(0, 2, (30, 16, 1))
    tokens = tf.constant(topics * 6 + rng.integers(0, 6, (30, 16, 12)), "int32")
    layer = layer_class(12, 4, window=2, shared_negatives=12, seed=0, dtype=dtype)
    layer.build()
    optimizer = keras.optimizers.Adam(0.05)
    variables = layer.trainable_variables
    optimizer.build(variables)

    @tf.function(jit_compile=True)
    def step(batch):
        with tf.GradientTape() as tape:
            loss = layer(batch)
        gradients = tape.gradient(loss, variables)
        # As many rows as were looked up, not the whole table.
        assert all(isinstance(slices, tf.IndexedSlices) for slices in gradients)
        optimizer.apply(gradients, variables)
        return loss

    losses = [float(step(batch)) for _ in range(4) for batch in tokens]
    assert np.mean(losses[-10:]) < 0.97 * losses[0]
    vectors = ops.convert_to_numpy(layer.embeddings)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = vectors @ vectors.T - 2 * np.eye(12)
    np.testing.assert_array_equal(likeness.argmax(axis=1) // 6, np.arange(12) // 6)
