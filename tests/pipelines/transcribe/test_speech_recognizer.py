"""The graph of speech recognition: every signature, on good rows and bad ones."""

import dataclasses
import functools

import numpy as np
import pytest
from helpers.fake_acoustics import RATE, fake_config, fake_model, heard_as
from helpers.morse_files import MORSE_RATE, UNIT, morse_samples
from helpers.wav_files import encode_wav

from amalthea import UserError
from amalthea.data.audio.clips import resample
from amalthea.data.text.ngram import NGramModel
from amalthea.layers.ctc import collapse
from amalthea.pipelines.transcribe.language_model import make_layer
from amalthea.pipelines.transcribe.module import SpeechRecognizer
from amalthea.pipelines.transcribe.tokens import CharacterTokens

TOKENS = CharacterTokens(" abcehtu")
# "c?t": with u a little more likely than a.
CAT = [{"c": 0.99}, {"u": 0.55, "a": 0.45}, {"t": 0.98}]


def ask(recognizer, signature="serving_default", **inputs):
    answer = recognizer.endpoints[signature](**inputs)
    return {name: value.numpy() for name, value in answer.items()}


def ask_samples(recognizer, rows, rates=RATE, lengths=None):
    """Asks for rows of different lengths, padded."""
    sizes = np.array([len(row) for row in rows], np.int32)
    samples = np.zeros((len(rows), max(sizes, default=0)), np.float32)
    for row, values in enumerate(rows):
        samples[row, : len(values)] = values
    return ask(
        recognizer,
        "samples",
        samples=samples,
        lengths=sizes if lengths is None else np.array(lengths, np.int32),
        rate=np.broadcast_to(np.int32(rates), len(rows)),
    )


@functools.cache
def fake(language_model=None, **settings):
    config = fake_config(**settings)
    return SpeechRecognizer(fake_model(TOKENS.size), TOKENS, config, language_model)


def text_of(recognizer, alternatives):
    (text,) = ask_samples(recognizer, [heard_as(alternatives, TOKENS)])["text"]
    return text.decode()


def random_logits(rows, steps, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(scale=2, size=(rows, steps, TOKENS.size)).astype(np.float32)


def row_of(answer, row):
    """One row of an answer, without the padding of its words."""
    count = answer["word_count"][row]
    return {
        name: value[row, :count] if value.ndim == 2 else value[row : row + 1]
        for name, value in answer.items()
    }


def assert_same_rows(one, other, rtol=1e-3):
    for name, value in one.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(
                value, other[name], rtol=rtol, atol=1e-3, err_msg=name
            )
        else:
            np.testing.assert_array_equal(value, other[name], err_msg=name)


@pytest.fixture(scope="module")
def module(recognizer):
    return recognizer.serving_module()


def test_bad_rows_do_not_harm_their_neighbours(module):
    texts = ["man", "is it time", "e"]
    good = [encode_wav(morse_samples(text), MORSE_RATE) for text in texts]
    bad = [b"", b"no audio", good[0][:30], encode_wav(np.zeros(0), MORSE_RATE)]
    bad.append(encode_wav(np.full(100, np.nan), MORSE_RATE, "FLOAT"))
    bad.append(encode_wav(np.zeros(5000), 800))
    bad.append(encode_wav(np.zeros(int(61 * 1000)), 1000))
    mixed = [good[0], *bad[:3], good[1], *bad[3:], good[2]]
    answer = ask(module, wav_bytes=mixed)
    places = [0, 4, len(mixed) - 1]
    assert np.flatnonzero(answer["valid"]).tolist() == places
    assert [answer["text"][place].decode() for place in places] == texts
    for place, content in zip(places, good, strict=True):
        alone = ask(module, wav_bytes=[content])
        assert_same_rows(row_of(answer, place), row_of(alone, 0))
    for place, error in enumerate(answer["error"]):
        assert bool(error) == (place not in places)
        if error:
            assert not answer["text"][place] and answer["score"][place] == 0
            assert answer["word_count"][place] == 0
    errors = answer["error"][~answer["valid"]].tolist()
    assert errors[0] == b"empty input" and errors[1].startswith(b"not a WAV file")
    assert errors[4] == b"samples far outside -1 to 1"
    assert errors[6] == b"longer than 30 s"
    only_bad = ask(module, wav_bytes=bad)
    assert not only_bad["valid"].any() and only_bad["words"].shape == (7, 0)
    np.testing.assert_array_equal(only_bad["error"], errors)


def test_an_empty_batch_gets_an_empty_answer(module):
    for signature in ("serving_default", "n_best"):
        answer = ask(module, signature, wav_bytes=np.array([], object))
        assert all(len(value) == 0 for value in answer.values())
    answer = ask_samples(module, [])
    assert answer["words"].shape == (0, 0) and answer["score"].shape == (0,)


def test_rows_of_different_rates_are_heard_alike(module):
    sound = morse_samples("in a mist")
    rates = [MORSE_RATE, 6000, 11_025, 16_000, 44_100]
    rows = [resample(sound, MORSE_RATE, rate) for rate in rates]
    answer = ask(
        module, wav_bytes=[encode_wav(*row) for row in zip(rows, rates, strict=True)]
    )
    assert set(answer["text"]) == {b"in a mist"}
    expected = np.tile(answer["word_starts"][0], (5, 1))
    np.testing.assert_allclose(answer["word_starts"], expected, atol=0.05)
    # Words are heard once their first letters are.
    begins = 0.1 + UNIT * np.array([0, 18, 30])
    late = answer["word_starts"][0] - begins
    assert (late >= 0).all() and (late < 0.5).all()
    assert (answer["word_confidence"] > 0.5).all()
    assert (answer["word_confidence"] <= 1).all()


def test_samples_give_what_files_give(module):
    texts = ["man", "time", "a"]
    rates = [MORSE_RATE, 16_000, 11_025]
    rows = [
        resample(morse_samples(text), MORSE_RATE, rate)
        for text, rate in zip(texts, rates, strict=True)
    ]
    files = [
        encode_wav(row, rate, "FLOAT") for row, rate in zip(rows, rates, strict=True)
    ]
    by_files = ask(module, wav_bytes=files)
    by_samples = ask_samples(module, rows, rates)
    assert_same_rows(by_samples, by_files)
    assert [text.decode() for text in by_files["text"]] == texts
    # All of a row where its length is negative; no more than there are.
    for length in (-1, len(rows[0]), len(rows[0]) + 5, 2**31 - 1):
        alone = ask_samples(module, rows[:1], rates[:1], [length])
        assert_same_rows(row_of(alone, 0), row_of(by_files, 0))


def test_samples_that_are_none(module):
    sound = morse_samples("man")
    spoilt = [sound.copy() for _ in range(3)]
    spoilt[0][0] = np.nan
    spoilt[1][-1] = np.inf
    spoilt[2][1000] = 1e6
    rows = [sound, *spoilt, sound, sound, sound, sound, np.zeros(0)]
    rates = [MORSE_RATE] * 4 + [0, -1, 999, 200_000, MORSE_RATE]
    answer = ask_samples(module, rows, rates)
    assert answer["valid"].tolist() == [True] + [False] * 8
    alone = ask_samples(module, [sound], MORSE_RATE)
    assert_same_rows(row_of(answer, 0), row_of(alone, 0))
    errors = answer["error"].tolist()
    assert set(errors[1:4]) == {b"samples far outside -1 to 1"}
    assert set(errors[4:8]) == {b"sampling rate not from 1000 to 192000"}
    assert errors[8] == b"no samples"
    too_long = np.zeros(1000 * 31, np.float32)
    answer = ask_samples(module, [too_long, too_long[:30_000]], 1000)
    assert answer["error"].tolist() == [b"longer than 30 s", b""]
    answer = ask_samples(module, [np.zeros(0)] * 2, MORSE_RATE)
    assert answer["error"].tolist() == [b"no samples"] * 2


def test_what_lies_behind_a_rows_end_is_not_heard(module):
    sound = morse_samples("man")
    rows = []
    for rest in (0.0, 0.5, np.nan, 1e9):
        rows.append(np.concatenate([sound, np.full(800, rest, np.float32)]))
    answer = ask_samples(module, rows, MORSE_RATE, [len(sound)] * 4)
    assert answer["valid"].all() and set(answer["text"]) == {b"man"}
    for row in range(4):
        assert_same_rows(row_of(answer, row), row_of(answer, 0))


def test_a_beam_of_one_is_the_collapsed_argmax():
    logits = random_logits(20, 30)
    answer = ask_samples(fake(beam_width=1), logits.reshape(20, -1))
    for row, text in enumerate(answer["text"]):
        labels = collapse(logits[row].argmax(axis=-1).tolist())
        assert text.decode() == " ".join(TOKENS.decode(labels).split())
    best = (logits - np.log(np.exp(logits).sum(-1, keepdims=True))).max(-1).sum(-1)
    np.testing.assert_allclose(answer["score"], best, rtol=1e-5)
    assert "n_best" not in fake(beam_width=1).endpoints


def test_several_texts_come_best_first(module):
    logits = random_logits(6, 8).reshape(6, -1)
    files = [encode_wav(row, RATE, "FLOAT") for row in logits]
    answer = ask(fake(), "n_best", wav_bytes=[*files, b"bad"])
    assert answer["texts"].shape == answer["scores"].shape == (7, 10)
    assert (np.diff(answer["scores"], axis=1) <= 0).all()
    best = ask_samples(fake(), logits)
    np.testing.assert_array_equal(answer["texts"][:6, 0], best["text"])
    np.testing.assert_allclose(answer["scores"][:6, 0], best["score"], rtol=1e-5)
    assert answer["valid"].tolist() == [True] * 6 + [False]
    assert set(answer["texts"][6]) == {b""} and not answer["scores"][6].any()
    # No more than the beam is wide.
    narrow = ask(module, "n_best", wav_bytes=[encode_wav(morse_samples("e"), RATE)])
    assert narrow["texts"].shape == (1, 8)


def test_probabilities_by_hand():
    # "a" by way of a, aa, _a and a_; the score is their sum.
    steps = [{"a": 0.6, "": 0.4}, {"a": 0.7, "": 0.3}]
    answer = ask_samples(fake(), [heard_as(steps, TOKENS)])
    assert answer["text"].tolist() == [b"a"]
    assert np.exp(answer["score"][0]) == pytest.approx(0.88, abs=1e-4)
    # The times and the confidence are those of the likeliest alignment, aa.
    assert answer["word_ends"][0, 0] == pytest.approx(2 * 0.001)
    assert answer["word_confidence"][0, 0] == pytest.approx(0.65, abs=1e-3)


def test_a_step_has_its_time():
    steps = [{"": 1}, {"c": 1}, {"": 1}, {" ": 1}, {"a": 0.5}, {"a": 0.9}, {"t": 1}]
    answer = ask_samples(fake(beam_width=1), [heard_as(steps, TOKENS)])
    assert answer["words"].tolist() == [[b"c", b"at"]]
    np.testing.assert_allclose(answer["word_starts"], [[0.001, 0.004]], rtol=1e-6)
    np.testing.assert_allclose(answer["word_ends"], [[0.002, 0.007]], rtol=1e-6)


def test_hot_words_are_heard_more_easily():
    words = ("hut", " CAT")
    assert text_of(fake(), CAT) == "cut"
    assert text_of(fake(hot_words=words), CAT) == "cat"
    # Not as a part of another word.
    assert text_of(fake(hot_words=words), [*CAT, {"e": 1.0}]) == "cute"


@pytest.mark.parametrize("word", ["dog", "", "!", "cat."])
def test_hot_words_that_cannot_be_written(word):
    with pytest.raises(UserError, match="`hot_words`.*characters of the training"):
        fake(hot_words=("cat", word))


@pytest.mark.parametrize("unit", ["words", "tokens"])
def test_a_language_model_changes_what_is_heard(unit):
    text = ["the cat", "a cat", "cut", "he"]
    sentences = map(str.split, text)
    if unit == "tokens":
        sentences = [["<space>" if c == " " else c for c in line] for line in text]
    ngrams = NGramModel.train(sentences, order=3)
    heard = [{letter: 1.0} for letter in "the "] + CAT
    split = [{"t": 1.0}, {" ": 0.3, "": 0.7}, {"h": 1.0}, {"e": 1.0}]
    strong = fake(make_layer(ngrams, TOKENS, unit, alpha=1.0, beta=0.0))
    bonus = fake(make_layer(ngrams, TOKENS, unit, alpha=0.0, beta=15.0))
    assert text_of(fake(), heard) == "the cut"
    assert text_of(strong, heard) == "the cat"
    assert text_of(bonus, heard) == "the cut"
    # A bonus for words, or for letters, splits words.
    assert text_of(fake(), split) == text_of(strong, split) == "the"
    assert text_of(bonus, split) == "t he"


def test_posteriors_are_probabilities(module, recognizer):
    sound = morse_samples("man")
    lengths = np.array([len(sound), 3000], np.int32)
    found, steps = module.posteriors(np.stack([sound, sound]), lengths)
    np.testing.assert_allclose(found.numpy().sum(axis=-1), 1, rtol=1e-5)
    assert found.shape[-1] == recognizer.tokens.size
    alone, count = module.posteriors(sound[None, :3000], lengths[1:])
    assert steps.numpy()[1] == count.numpy()[0]
    np.testing.assert_allclose(alone[0], found[1, : count.numpy()[0]], atol=1e-4)


def test_another_beam_of_the_same_run(recognizer):
    texts = ["man", "time", "a sin", "men"]
    files = [encode_wav(morse_samples(text), MORSE_RATE) for text in texts]
    config = dataclasses.replace(recognizer.config, beam_width=1)
    greedy = SpeechRecognizer(recognizer.model, recognizer.tokens, config)
    answer = ask(greedy, wav_bytes=files)
    assert [text.decode() for text in answer["text"]] == texts
    beam = ask(recognizer.serving_module(), wav_bytes=files)
    assert (beam["score"] >= answer["score"] - 1e-3).all()
