"""Hearing piece by piece: the text of the whole, and states that are none."""

import dataclasses

import keras
import numpy as np
import pytest

from amalthea.pipelines.transcribe.config import TranscribeConfig, filled_in
from amalthea.pipelines.transcribe.model import (
    adapt_normalization,
    build_model,
    longest_steps,
)
from amalthea.pipelines.transcribe.module import SpeechRecognizer
from amalthea.pipelines.transcribe.tokens import CharacterTokens

RATE = 8000
TOKENS = CharacterTokens(" abäß日")
SMALL = {
    "model": "streaming",
    "units": 12,
    "blocks": 2,
    "filters": 4,
    "mel_bins": 16,
    "frequency_masks": 0,
    "time_masks": 0,
    "beam_width": 1,
}


def make_recognizer(seed=0, **settings):
    """A recogniser of random weights that says many things."""
    config = filled_in(TranscribeConfig(**{**SMALL, **settings}), [RATE])
    keras.utils.set_random_seed(seed)
    model = build_model(config, TOKENS.size)
    heard = sounds(4, 8000)
    adapt_normalization(model, config, [(heard, np.full(4, 8000, np.int32))])
    random = np.random.default_rng(seed)
    for weight in model.get_layer("encoder").weights:
        weight.assign(random.normal(size=weight.shape) * 0.7)
    kernel = model.get_layer("logits").kernel
    kernel.assign(random.normal(size=kernel.shape) * 30)
    return SpeechRecognizer(model, TOKENS, config)


def sounds(rows, size, seed=1):
    """Tones of 60 ms at random frequencies in some noise: much is to be heard."""
    random = np.random.default_rng(seed)
    tones = random.uniform(100, 3900, (rows, size // 480 + 1)).repeat(480, axis=1)
    samples = 0.3 * np.sin(2 * np.pi * np.cumsum(tones[:, :size], axis=1) / RATE)
    samples += random.normal(size=(rows, size)) * 0.01
    return samples.astype(np.float32)


def whole_texts(recognizer, samples):
    rows = len(samples)
    answer = recognizer.endpoints["samples"](
        samples=samples, lengths=np.full(rows, -1), rate=np.full(rows, RATE)
    )
    assert answer["valid"].numpy().all()
    return answer["text"].numpy().tolist()


def feed(recognizer, samples, states, lengths=None):
    answer = recognizer.endpoints["stream"](
        samples=np.asarray(samples, np.float32),
        lengths=np.full(len(samples), -1) if lengths is None else lengths,
        state_bytes=np.array(states, object),
    )
    return {name: value.numpy() for name, value in answer.items()}


def after(recognizer, samples, sizes):
    """The answer after pieces of these sizes, for one recording."""
    state, begun = b"", 0
    for size in sizes:
        answer = feed(recognizer, samples[None, begun : begun + size], [state])
        (state,) = answer["state_bytes"]
        begun += size
    return answer


@pytest.fixture(scope="module")
def streaming():
    return make_recognizer()


def test_pieces_of_any_sizes_give_the_text_of_the_whole(streaming):
    samples = sounds(1, 9000)
    (expected,) = whole_texts(streaming, samples)
    assert len(set(expected.decode())) > 3 and len(expected.decode()) > 10
    random = np.random.default_rng(0)
    for sizes in (
        [9000],
        [4500, 4500],
        [1] * 40 + [8960],
        [0, 1, 0, 319, 0, 320, 321, 0, 8039, 0],
        [319] * 28 + [68],
        random.multinomial(9000, [1 / 12] * 12).tolist(),
    ):
        assert sum(sizes) == 9000
        answer = after(streaming, samples[0], sizes)
        assert answer["valid"].all() and answer["text"].tolist() == [expected], sizes


def test_the_text_so_far_is_that_of_what_was_heard(streaming):
    samples = sounds(1, 6000, seed=2)
    state, texts = b"", []
    for begun in range(0, 6000, 1000):
        answer = feed(streaming, samples[:, begun : begun + 1000], [state])
        state = answer["state_bytes"][0]
        texts.append(answer["text"][0])
        assert texts[-1:] == whole_texts(streaming, samples[:, : begun + 1000])
    assert len(set(texts)) >= 3
    # No state is kept on the way: the first piece again gives what it gave.
    again = feed(streaming, samples[:, :1000], [b""])
    assert again["text"][0] == texts[0]


def test_rows_of_a_batch_are_at_places_of_their_own(streaming):
    samples = sounds(4, 8000, seed=3)
    expected = whole_texts(streaming, samples)
    # Each begins elsewhere: the steps of one are between those of the others.
    begun = np.array([0, 1, 317, 1600])
    states = [
        after(streaming, row, [size])["state_bytes"][0] if size else b""
        for row, size in zip(samples, begun, strict=True)
    ]
    for size in (500, 1, 0, 1123, 320, 4000):
        piece = [
            row[place : place + size] for row, place in zip(samples, begun, strict=True)
        ]
        answer = feed(streaming, piece, states)
        states, begun = answer["state_bytes"].tolist(), begun + size
    for row, place in enumerate(begun):
        rest = feed(streaming, samples[row : row + 1, place:], states[row : row + 1])
        assert rest["text"][0] == expected[row]


def test_padded_rows_are_heard_as_if_alone(streaming):
    samples = sounds(4, 8000, seed=6)
    expected = whole_texts(streaming, samples)
    states, alone = [b""] * 4, [b""] * 4
    # Bytes of a state's numbers; the labels of the text follow.
    size = len(feed(streaming, np.zeros((1, 0)), [b""])["state_bytes"][0]) - 1
    begun = np.zeros(4, int)
    for lengths in (
        *([0, 1, 319, 1600], [320, 0, 700, 1], [5000, 2222, 0, 333], [0] * 4),
        8000 - np.array([5320, 2223, 1019, 1934]),
    ):
        padded = np.full((4, max(lengths) + 50), np.nan, np.float32)
        padded[1] = 0.9 * (-1) ** np.arange(padded.shape[1])
        padded[2] = -np.inf
        rests = [row[place:] for row, place in zip(samples, begun, strict=True)]
        pieces = [rest[:count] for rest, count in zip(rests, lengths, strict=True)]
        for row, piece in zip(padded, pieces, strict=True):
            row[: len(piece)] = piece
        answer = feed(streaming, padded, states, lengths)
        assert answer["valid"].all()
        states = answer["state_bytes"]
        for row, piece in enumerate(pieces):
            one = feed(streaming, piece[None], alone[row : row + 1])
            alone[row] = one["state_bytes"][0]
            assert answer["text"][row] == one["text"][0]
            assert states[row][size:] == alone[row][size:]
            numbers = [
                np.frombuffer(s[:size], "<f4") for s in (states[row], alone[row])
            ]
            np.testing.assert_allclose(*numbers, atol=1e-4)
        begun += lengths
    assert answer["text"].tolist() == expected and len(set(expected)) == 4


def test_lengths_are_held_to_the_samples_there_are(streaming):
    samples = sounds(4, 3000, seed=7)
    expected = feed(streaming, samples, [b""] * 4)
    answer = feed(streaming, samples, [b""] * 4, [-1, 3000, 3001, 2**31 - 1])
    for name, value in expected.items():
        np.testing.assert_array_equal(answer[name], value)
    again = feed(streaming, samples, [b""] * 4, [-(2**31), -2, -1, 3000])
    np.testing.assert_array_equal(again["state_bytes"], expected["state_bytes"])


@pytest.mark.parametrize(
    "settings",
    [
        {"subsampling": 1, "normalization": "none"},
        {"subsampling": 8, "cell": "lstm", "features": "mfcc"},
        {"subsampling": 2, "hop": 0.005, "window": 0.02},
        {"precision": "mixed_bfloat16"},
    ],
    ids=str,
)
def test_other_models_stream_too(settings):
    keras.config.set_dtype_policy(settings.get("precision", "float32"))
    try:
        recognizer = make_recognizer(blocks=1, **settings)
        samples = sounds(2, 5000, seed=4)
        expected = whole_texts(recognizer, samples)
        states = [b"", b""]
        for begun, stop in ((0, 700), (700, 701), (701, 2950), (2950, 5000)):
            answer = feed(recognizer, samples[:, begun:stop], states)
            states = answer["state_bytes"]
        assert all(expected)
        if "precision" not in settings:  # whose roundings depend on the sizes
            assert answer["text"].tolist() == expected
        assert answer["valid"].all()
    finally:
        keras.config.set_dtype_policy("float32")


def test_an_empty_batch_streams(streaming):
    answer = feed(streaming, np.zeros((0, 100)), [])
    assert all(len(value) == 0 for value in answer.values())


def test_bad_states_and_samples_do_not_harm_their_neighbours(streaming):
    samples = sounds(1, 4000, seed=5)
    first = after(streaming, samples[0], [1500])
    (good,) = first["state_bytes"]
    foreign = after(make_recognizer(seed=7), samples[0], [1500])["state_bytes"][0]
    other = make_recognizer(units=16)
    other_size = after(other, samples[0], [1500])["state_bytes"][0]
    numbers = np.frombuffer(good[: len(good) // 4 * 4][:400], np.float32).copy()
    numbers[50] = np.nan
    states = [
        *(good, b"x", good[:40], good[:-600], foreign, other_size, b"\0" * len(good)),
        *(b"\xff" * len(good), numbers.tobytes() + good[400:]),
        *(good[:-1] + b"\xff\xff.", good + b".", good, good, b""),
    ]
    piece = np.repeat(samples[:, 1500:], len(states), axis=0)
    piece[-3, 7] = np.nan
    piece[-2, 0] = 1e30
    answer = feed(streaming, piece, states)
    assert answer["valid"].tolist() == [True] + [False] * 12 + [True]
    assert answer["text"][0] == after(streaming, samples[0], [1500, 2500])["text"][0]
    assert answer["text"][-1] == whole_texts(streaming, samples[:, 1500:])[0]
    bad = slice(1, -1)
    assert not any(answer["text"][bad]) and not any(answer["state_bytes"][bad])
    assert set(answer["error"][1:-3]) == {b"not a state of this model"}
    assert set(answer["error"][-3:-1]) == {b"samples far outside -1 to 1"}
    assert answer["error"][0] == answer["error"][-1] == b""
    # Both at once: there is one reason.
    both = feed(streaming, piece[-3:-2], [b"x"])
    assert both["error"].tolist() == [b"not a state of this model"]


def test_any_bytes_are_a_state_or_none(streaming):
    good = after(streaming, sounds(1, 1500)[0], [1500])["state_bytes"][0]
    random = np.random.default_rng(0)
    states = []
    for _ in range(200):
        state = bytearray(good)
        for _ in range(random.integers(1, 5)):
            state[random.integers(len(state))] = random.integers(256)
        states.append(bytes(state[: random.integers(len(state) + 1)]))
    answer = feed(streaming, sounds(1, 700).repeat(201, axis=0), [*states, good])
    assert answer["valid"][-1] and not answer["valid"].all()
    alone = feed(streaming, sounds(1, 700), [good])
    assert answer["text"][-1] == alone["text"][0]


@pytest.mark.parametrize("model", ["streaming", "recurrent", "conformer"])
@pytest.mark.parametrize("subsampling", [1, 2, 4, 8])
def test_steps_are_as_many_as_the_model_gives(model, subsampling):
    settings = {**SMALL, "model": model, "units": 16, "subsampling": subsampling}
    config = filled_in(TranscribeConfig(**settings), [RATE])
    built = build_model(config, 3)
    lengths = np.array([0, 1, 79, 80, 81, 319, 320, 321, 640, 1999, 2560])
    outputs = built({"samples": sounds(len(lengths), 2560), "lengths": lengths})
    np.testing.assert_array_equal(outputs["lengths"], longest_steps(config, lengths))
    assert outputs["logits"].shape[1] >= max(outputs["lengths"])


def test_the_future_is_not_heard(streaming):
    one = sounds(1, 6000, seed=8)
    other = one.copy()
    other[:, 3200:] = sounds(1, 2800, seed=9)
    found = [streaming.posteriors(x, np.array([6000]))[0].numpy() for x in (one, other)]
    steps = longest_steps(
        dataclasses.replace(TranscribeConfig(**SMALL), sampling_rate=RATE), 3200
    )
    assert steps == 10
    np.testing.assert_allclose(found[0][:, :steps], found[1][:, :steps], atol=1e-4)
    assert np.abs(found[0] - found[1])[:, steps:].max() > 0.1
