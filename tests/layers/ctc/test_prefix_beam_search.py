import keras
import numpy as np
import pytest

from amalthea.data.text.ngram import NGramModel
from amalthea.layers.ctc import (
    GreedyDecoder,
    PrefixBeamSearch,
    TokenLanguageModel,
    WordLanguageModel,
)

SPACE = 3


def draw(*shape, spread=1.5, seed=0):
    return np.random.default_rng(seed).normal(0, spread, shape).astype("float32")


def texts_of(outputs, row=0):
    """The texts of a row, best first."""
    labels, lengths = outputs["labels"][row], outputs["lengths"][row]
    return [tuple(x[:n].tolist()) for x, n in zip(labels, lengths, strict=True)]


def search_by_dict(logits, beam_width):
    """The definition: the best text and its score, with 0 as the blank."""
    beams = {(): (0.0, -np.inf)}
    for row in logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True):
        following = {}

        def add(text, blank, label, following=following):
            before = following.get(text, (-np.inf, -np.inf))
            following[text] = tuple(np.logaddexp(before, (blank, label)))

        for text, (blank, label) in beams.items():
            total = np.logaddexp(blank, label)
            add(text, total + row[0], label + row[text[-1]] if text else -np.inf)
            for symbol in range(1, len(row)):
                repeats = text[-1:] == (symbol,)
                added = (blank if repeats else total) + row[symbol]
                add((*text, symbol), -np.inf, added)
        best = sorted(following, key=lambda text: -np.logaddexp(*following[text]))
        beams = {text: following[text] for text in best[:beam_width]}
    best = next(iter(beams))
    return best, np.logaddexp(*beams[best])


@pytest.mark.parametrize(
    ("frames", "classes", "beam_width", "spread"),
    [(12, 5, 8, 1.5), (9, 3, 1, 1.5), (9, 4, 3, 1.0), (15, 9, 20, 3.0)],
)
def test_against_the_definition(run, frames, classes, beam_width, spread):
    """Narrow beams drop prefixes whose extensions they keep, and find them again."""
    logits = draw(40, frames, classes, spread=spread)
    lengths = frames - np.arange(40) % 4
    outputs = run(PrefixBeamSearch(beam_width), logits, lengths)
    for row, length in enumerate(lengths):
        text, score = search_by_dict(logits[row, :length].astype("float64"), beam_width)
        assert texts_of(outputs, row) == [text]
        np.testing.assert_allclose(outputs["scores"][row], score, rtol=1e-4, atol=1e-5)


def test_sure_frames_against_the_definition(run):
    """Frames that add no prefix are passed quickly, by each row on its own."""
    rng = np.random.default_rng(0)
    logits = draw(12, 60, 6)
    logits[..., 0] += 6
    is_symbol = rng.uniform(size=(12, 60)) < np.linspace(0, 0.6, 12)[:, None]
    symbols = rng.integers(1, 6, (12, 60))
    logits += 9 * (is_symbol[..., None] & (np.arange(6) == symbols[..., None]))
    lengths = 60 - np.arange(12)
    outputs = run(PrefixBeamSearch(8), logits, lengths)
    for row, length in enumerate(lengths):
        text, score = search_by_dict(logits[row, :length].astype("float64"), 8)
        assert texts_of(outputs, row) == [text]
        np.testing.assert_allclose(outputs["scores"][row], score, rtol=1e-4, atol=1e-5)
        found = [outputs[name][row, 0, : len(text)] for name in ("starts", "ends")]
        starts, ends = found
        assert (starts < ends).all() and (ends[:-1] <= starts[1:]).all()
        assert ends.max(initial=0) <= length


@pytest.mark.parametrize(
    ("rows", "frames", "classes", "spread"),
    [(600, 5, 4, 2.0), (300, 16, 9, 12.0), (100, 30, 29, 12.0)],
)
def test_against_tensorflow(run, rows, frames, classes, spread):
    """1,000 random cases of all lengths, with a beam wide enough for TensorFlow.

    Its operation loses the extensions of a prefix that others push out of the beam
    before its own turn has come, if its parent's turn comes between.
    """
    import tensorflow as tf

    logits = draw(rows, frames, classes, spread=spread)
    lengths = frames - np.arange(rows) % frames
    # Their blank is the last class.
    theirs, their_scores = tf.nn.ctc_beam_search_decoder(
        tf.transpose(np.roll(logits, -1, axis=-1), (1, 0, 2)), lengths, 100, 1
    )
    theirs = tf.sparse.to_dense(theirs[0], -2).numpy() + 1
    outputs = run(PrefixBeamSearch(100), logits, lengths)
    ours = outputs["labels"][:, 0]
    np.testing.assert_array_equal(ours[:, : theirs.shape[1]], theirs)
    assert (ours[:, theirs.shape[1] :] == -1).all()
    np.testing.assert_allclose(outputs["scores"], their_scores, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("blank", [0, 1])
def test_against_every_alignment(run, all_texts, blank):
    logits = draw(6, 5, 3)
    outputs = run(PrefixBeamSearch(60, blank, n_best=5), logits)
    for row in range(6):
        texts = all_texts(logits[row], blank)
        ranked = sorted(texts, key=lambda text: -texts[text].log_prob)[:5]
        assert texts_of(outputs, row) == ranked
        for place, text in enumerate(ranked):
            expected = texts[text]
            score = outputs["scores"][row, place]
            np.testing.assert_allclose(score, expected.log_prob, rtol=1e-4)
            spans = zip(
                outputs["starts"][row, place],
                outputs["ends"][row, place],
                strict=True,
            )
            assert list(spans)[: len(text)] == expected.spans
            log_probs = logits[row] - np.logaddexp.reduce(
                logits[row], axis=-1, keepdims=True
            )
            confidence = [
                np.exp(log_probs[start:end, label]).mean()
                for label, (start, end) in zip(text, expected.spans, strict=True)
            ]
            found = outputs["confidence"][row, place]
            np.testing.assert_allclose(found[: len(text)], confidence, rtol=1e-4)
            assert not found[len(text) :].any()


def test_graves_example(run):
    # Figure 7.5: the best path is empty, the best text is not.
    logits = np.log([[[0.7, 0.3], [0.6, 0.4]]]).astype("float32")
    assert texts_of(run(GreedyDecoder(), logits)) == [()]
    outputs = run(PrefixBeamSearch(2, n_best=2), logits)
    assert texts_of(outputs) == [(1,), ()]
    np.testing.assert_allclose(np.exp(outputs["scores"]), [[0.58, 0.42]], rtol=1e-5)


def test_rows_do_not_depend_on_each_other(run):
    logits, lengths = draw(3, 10, 6), np.array([10, 7, 0])
    together = run(PrefixBeamSearch(8, n_best=2), logits, lengths)
    assert together["lengths"][2].tolist() == [0, 0]
    np.testing.assert_allclose(together["scores"][2], [0, -1e30])
    for row, length in enumerate(lengths[:2]):
        alone = run(PrefixBeamSearch(8, n_best=2), logits[row : row + 1, :length])
        for name, value in alone.items():
            found = together[name][row : row + 1]
            if value.ndim == 3:
                assert (
                    found[..., length:] == (0 if name == "confidence" else -1)
                ).all()
                found = found[..., :length]
            np.testing.assert_allclose(found, value, rtol=1e-4, err_msg=name)


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="Keras on JAX loses axes of no length"
)
@pytest.mark.parametrize(("rows", "frames"), [(0, 6), (2, 0)])
def test_nothing_to_decode(run, rows, frames):
    logits, lengths = np.zeros((rows, frames, 4), "float32"), np.zeros(rows, int)
    search = PrefixBeamSearch(5, n_best=2)
    outputs = run(search, logits, lengths)
    shapes = search.compute_output_shape(logits.shape)
    assert {name: value.shape for name, value in outputs.items()} == shapes
    assert not outputs["lengths"].any()


def test_likeliest_symbols_only(run):
    logits = draw(5, 20, 12, spread=4.0)
    every = run(PrefixBeamSearch(30), logits)
    some = run(PrefixBeamSearch(30, max_symbols_per_frame=6), logits)
    np.testing.assert_array_equal(some["labels"], every["labels"])
    one = run(PrefixBeamSearch(30, n_best=30, max_symbols_per_frame=1), logits)
    likeliest = set(logits[0, :, 1:].argmax(-1) + 1)
    assert {label for text in texts_of(one) for label in text} <= likeliest


def character_model():
    tokens = ["<blank>", "a", "b", "<space>"]
    text = ["a", "b", "<space>", "b", "b", "a"]
    model = NGramModel.train([text, text[2:], ["b", "a"]], order=3)
    options = {"alpha": 0.7, "beta": 0.4}
    return TokenLanguageModel.from_automaton(model.automaton(tokens), **options)


def word_model():
    words = ["<unk>", "ab", "b", "ba"]
    model = NGramModel.train([["ab", "b"], ["b", "ba", "ab"], ["b"]], order=2)
    spellings = [[], [1, 2], [2], [2, 1]]
    options = {"alpha": 0.9, "beta": 1.1, "unknown_score": -2.0}
    return WordLanguageModel.from_automaton(
        model.automaton(words), spellings, 4, SPACE, **options
    )


@pytest.mark.parametrize("make", [character_model, word_model])
def test_language_model_against_every_text(run, all_texts, make):
    logits = draw(3, 5, 4)
    model = make()
    outputs = run(PrefixBeamSearch(400, n_best=6, language_model=model), logits)
    for row in range(3):
        texts = all_texts(logits[row], 0)
        labels = np.full((len(texts), 5), -1)
        for place, text in enumerate(texts):
            labels[place, : len(text)] = text
        added = run(model, labels)
        scores = {
            text: texts[text].log_prob + more
            for text, more in zip(texts, added, strict=True)
        }
        ranked = sorted(scores, key=lambda text: -scores[text])[:6]
        assert texts_of(outputs, row) == ranked
        expected = [scores[text] for text in ranked]
        np.testing.assert_allclose(
            outputs["scores"][row], expected, rtol=1e-3, atol=1e-4
        )


def test_language_model_of_sorted_symbols(run):
    logits = draw(6, 12, 4, spread=3.0)
    search = PrefixBeamSearch(20, n_best=3, language_model=word_model())
    expected = run(search, logits)
    # All there are.
    options = {"max_symbols_per_frame": 3, "language_model": word_model()}
    for name, value in run(PrefixBeamSearch(20, n_best=3, **options), logits).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-4, err_msg=name)


def test_hot_words(run, all_texts):
    logits = draw(4, 5, 4)
    search = PrefixBeamSearch(
        400, n_best=4, hot_words=[[1, 2]], hot_word_score=1.5, delimiter=SPACE
    )
    outputs = run(search, logits)
    for row in range(4):
        texts = all_texts(logits[row], 0)
        scores = {
            text: found.log_prob
            + 1.5 * "".join(map(str, text)).split(str(SPACE)).count("12")
            for text, found in texts.items()
        }
        ranked = sorted(scores, key=lambda text: -scores[text])[:4]
        assert texts_of(outputs, row) == ranked
        expected = [scores[text] for text in ranked]
        np.testing.assert_allclose(outputs["scores"][row], expected, rtol=1e-3)


def test_in_a_saved_model(run, tmp_path):
    search = PrefixBeamSearch(
        9, n_best=2, language_model=word_model(), hot_words=[[1]], delimiter=SPACE
    )
    inputs = keras.Input((None, 4)), keras.Input((), dtype="int32")
    outputs = search(*inputs)
    assert outputs["labels"].shape == (None, 2, None)
    assert outputs["scores"].shape == (None, 2)
    assert keras.backend.standardize_dtype(outputs["ends"].dtype) == "int32"
    assert keras.backend.standardize_dtype(outputs["scores"].dtype) == "float32"
    keras.Model(inputs, outputs).save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    logits, lengths = draw(3, 8, 4), np.array([8, 5, 2])
    found = model.predict([logits, lengths], verbose=0)
    for name, value in run(search, logits, lengths).items():
        assert found[name].dtype == value.dtype
        np.testing.assert_allclose(found[name], value, rtol=1e-4, err_msg=name)


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="all tests on JAX compile under XLA"
)
def test_compiles_under_xla(run):
    logits, lengths = draw(3, 8, 5), np.array([8, 5, 2])
    expected = run(PrefixBeamSearch(7, n_best=2), logits, lengths)
    found = run(PrefixBeamSearch(7, n_best=2), logits, lengths, jit_compile=True)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, err_msg=name)


def test_full_precision_whatever_the_policy(run):
    logits = draw(2, 8, 4)
    expected = run(PrefixBeamSearch(5), logits)
    found = run(PrefixBeamSearch(5, dtype="mixed_float16"), logits)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)


def test_impossible_classes(run):
    logits = draw(2, 6, 4)
    logits[:, :, 2] = -np.inf
    outputs = run(PrefixBeamSearch(50, n_best=50), logits)
    assert not (outputs["labels"] == 2).any()
    rest = run(PrefixBeamSearch(50), np.delete(logits, 2, axis=-1))
    expected = np.where(rest["labels"] > 1, rest["labels"] + 1, rest["labels"])
    np.testing.assert_array_equal(outputs["labels"][:, :1], expected)


def test_config():
    options = {
        "beam_width": 7,
        "blank": 2,
        "n_best": 3,
        "max_symbols_per_frame": 5,
        "hot_words": [[1, 3], [4]],
        "hot_word_score": 2.0,
        "delimiter": 1,
    }
    search = PrefixBeamSearch(**options, language_model=word_model())
    config = keras.saving.serialize_keras_object(search)
    again = keras.saving.deserialize_keras_object(config)
    assert keras.saving.serialize_keras_object(again) == config
    assert {name: getattr(again, name) for name in options} == options
    assert again.language_model.unknown_score == -2.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam_width": 0}, "`beam_width`: expected at least 1"),
        ({"n_best": 0}, "`n_best`: expected 1 to 100"),
        ({"beam_width": 3, "n_best": 4}, "`n_best`: expected 1 to 3"),
        ({"max_symbols_per_frame": 0}, "`max_symbols_per_frame`: expected at least 1"),
        ({"hot_words": [[]]}, "`hot_words`: expected words of one symbol"),
        ({"blank": -1}, "`blank`: expected 0 or above"),
        ({"hot_words": [[4]]}, "`hot_words`: expected classes below 4"),
        ({"hot_words": [[1]], "delimiter": 9}, "`hot_words`: expected classes below 4"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        PrefixBeamSearch(**options)(np.zeros((1, 2, 4), "float32"))


def test_model_of_other_classes():
    with pytest.raises(ValueError, match="language model's 4 classes"):
        PrefixBeamSearch(language_model=word_model())(np.zeros((1, 2, 5), "float32"))
