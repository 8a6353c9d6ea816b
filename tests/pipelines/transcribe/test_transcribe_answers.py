"""Long recordings in parts, and recordings heard while they are read."""

import dataclasses
import io

import numpy as np
import pytest
import tensorflow as tf
from helpers.morse_files import MORSE_RATE, UNIT, morse_samples
from helpers.wav_files import encode_wav

from amalthea.data.audio import AudioTable
from amalthea.data.audio.clips import ArrayClip
from amalthea.data.audio.morse_text import WORD, units
from amalthea.pipelines import SpeechRecognition
from amalthea.pipelines.transcribe.answers import (
    answer_table,
    cut_points,
    stream_transcripts,
    transcribe_long,
)
from amalthea.pipelines.transcribe.config import TranscribeConfig
from amalthea.pipelines.transcribe.scores import word_error_rate

RATE = 1000


def bursts(edges, size, seed=0):
    """Noise that is loud between each pair of edges, in samples."""
    sound = np.random.default_rng(seed).normal(size=size) * 1e-3
    for start, stop in edges:
        sound[start:stop] *= 500
    return sound.astype(np.float32)


def test_a_recording_is_cut_in_its_silences():
    sound = bursts([(0, 2500), (2800, 5600), (5900, 9000)], 9000)
    bounds = cut_points(sound, RATE, longest=4.0)
    assert bounds[0] == 0 and bounds[-1] == 9000 and len(bounds) == 4
    assert 2500 < bounds[1] < 2800 and 5600 < bounds[2] < 5900


@pytest.mark.parametrize("longest", [0.1, 0.15, 0.37, 1.0, 2.5])
@pytest.mark.parametrize("size", [1, 99, 100, 101, 2500, 7777])
def test_no_part_is_longer_than_it_may_be(longest, size):
    sound = np.random.default_rng(size).normal(size=size).astype(np.float32)
    bounds = cut_points(sound, RATE, longest)
    parts = np.diff(bounds)
    assert bounds[0] == 0 and bounds[-1] == size
    assert (parts > 0).all() and parts.max() <= longest * RATE
    # All but the last are long enough to be worth it.
    assert (parts[:-1] >= longest * RATE / 2 - 1).all()


def test_silence_and_one_sound_all_through_are_cut_somewhere():
    for sound in (np.zeros(5000, np.float32), np.ones(5000, np.float32)):
        assert np.diff(cut_points(sound, RATE, 2.0)).max() <= 2000


class Asked:
    """Answers with the number of the part as its text; a word in its middle."""

    def __init__(self, bad_part=None):
        self.parts, self._bad_part = [], bad_part

    def __call__(self, signature, *, samples, lengths, rate):
        assert signature == "samples" and lengths.tolist() == [-1]
        number = len(self.parts)
        self.parts.append(samples[0])
        is_good = number != self._bad_part
        text = b"" if number == 1 else f"part {number}".encode()
        return {
            "text": np.array([text if is_good else b""], object),
            "score": np.array([-1.5], np.float32),
            "words": np.array([[b"part", b"0"]], object),
            "word_starts": np.array([[0.25, 0.5]], np.float32),
            "word_ends": np.array([[0.375, 0.75]], np.float32),
            "word_confidence": np.array([[0.5, 1.0]], np.float32),
            "word_count": np.array([2 if text and is_good else 0], np.int32),
            "valid": np.array([is_good]),
            "error": np.array([b"" if is_good else b"too loud"], object),
        }


def test_parts_are_joined_with_the_right_times():
    sound = bursts([(0, 2500), (2800, 5600), (5900, 9000)], 9000)
    asked = Asked()
    content = encode_wav(sound, RATE, "FLOAT")
    found = transcribe_long(asked, "a", content, 4.0)
    np.testing.assert_array_equal(np.concatenate(asked.parts), sound)
    begins = np.cumsum([0] + [len(part) for part in asked.parts])[:-1] / RATE
    assert len(begins) == 3
    assert (found.source, found.text, found.score) == ("a", "part 0 part 2", -4.5)
    assert found.valid and found.error == ""
    starts = [word.start for word in found.words]
    expected = [begin + at for begin in begins[[0, 2]] for at in (0.25, 0.5)]
    np.testing.assert_allclose(starts, expected, atol=1e-6)
    assert found.words[2].end == pytest.approx(begins[2] + 0.375)
    assert found.words[0].confidence == 0.5


def test_a_part_that_is_bad_is_the_answer():
    content = encode_wav(np.zeros(9000), RATE)
    found = transcribe_long(Asked(bad_part=2), "a", content, 4.0)
    assert (found.source, found.valid, found.error) == ("a", False, "too loud")
    assert found.text == "" and found.words == ()


def test_a_long_recording_that_cannot_be_read():
    found = transcribe_long(Asked(), "a", b"no recording", 4.0)
    assert not found.valid and "is no recording that can be read" in found.error


@pytest.fixture(scope="module")
def impatient(recognizer):
    """The recogniser, as one that hears two seconds at once."""
    config = dataclasses.replace(recognizer.config, max_seconds=2.0, beam_width=1)
    parts = [recognizer.run, config, recognizer.model, recognizer.tokens]
    return SpeechRecognition(*parts)


def test_a_long_recording_is_heard_in_parts(impatient):
    text = "man tea at sin ten im as its a mat tie me sit is"
    lengths = [units(word) for word in text.split()]
    ends = 0.1 + UNIT * (np.cumsum(lengths) + WORD * np.arange(len(lengths)))
    sound = morse_samples(text)
    # Between words it is quieter than between letters.
    for end in ends[:-1]:
        quiet = slice(*(MORSE_RATE * (end + UNIT * np.array([2, 5]))).astype(int))
        sound[quiet] *= 0.3
    seconds = len(sound) / MORSE_RATE
    assert seconds > 3 * impatient.config.max_seconds
    (found,) = impatient.predict(encode_wav(sound, MORSE_RATE))
    assert found.valid and found.source == "input 0" and found.score < 0
    assert found.text == " ".join(word.text for word in found.words)
    assert word_error_rate([text], [found.text]) <= 0.1
    starts = np.array([word.start for word in found.words])
    # Each word is heard while it sounds: the times are those of the whole.
    assert len(starts) == len(lengths)
    assert (starts > ends - UNIT * np.array(lengths)).all()
    assert (starts < ends + UNIT * WORD).all()


def sound_table(sounds, rate):
    """An `AudioTable` of samples in memory, without texts."""
    count = len(sounds)
    return AudioTable(
        source="memory",
        description="sounds",
        clips=[ArrayClip(sound, rate) for sound in sounds],
        texts=[""] * count,
        names=[f"row {row}" for row in range(count)],
        splits=np.full(count, "test"),
        keys=np.zeros(count, np.uint64),
        durations=np.array([len(sound) / rate for sound in sounds]),
        rates=np.full(count, rate, np.int32),
    )


def test_a_table_is_answered_as_the_recordings_are_by_themselves(impatient):
    sounds = [morse_samples(text) for text in ("man time is it", "man", "sin tea")]
    broken = np.full(10, np.nan, np.float32)
    table = sound_table([*sounds, broken], MORSE_RATE)
    config = impatient.config
    assert table.durations[0] > 2 * config.max_seconds > 2 * table.durations[1]
    found, elapsed = answer_table(impatient.serving_module(), table, config)
    contents = [clip.wav() for clip in table.clips[:3]]
    alone = [result for content in contents for result in impatient.predict(content)]
    assert [each.text for each in found[:3]] == [each.text for each in alone]
    assert [each.valid for each in found] == [True, True, True, False]
    assert found[0].text and found[1].text == "man" and found[0].source == "row 0"
    assert found[0].words[-1].end > 2 * config.max_seconds
    assert elapsed > 0


class Module:
    """Notes how many recordings come together; those of over 10 kB are too long."""

    def __init__(self, longest):
        self.sizes, self.parts = [], []
        self._error = f"longer than {longest:g} s"
        self.endpoints = {"serving_default": self._whole, "samples": self._part}

    def _whole(self, wav_bytes):
        self.sizes.append(len(wav_bytes))
        lengths = [len(content) > 10_000 for content in wav_bytes.numpy()]
        return self._answers([self._error if long else "" for long in lengths])

    def _part(self, samples, lengths, rate):
        self.parts.append(samples.shape[1])
        return self._answers([""])

    def _answers(self, errors):
        count = len(errors)
        return {
            "text": tf.fill([count], "text"),
            "score": tf.zeros(count),
            "words": tf.fill([count, 0], ""),
            "word_starts": tf.zeros([count, 0]),
            "word_ends": tf.zeros([count, 0]),
            "word_confidence": tf.zeros([count, 0]),
            "word_count": tf.zeros(count, tf.int32),
            "valid": tf.equal(errors, ""),
            "error": tf.constant(errors),
        }


def test_a_long_recording_does_not_make_the_other_batches_large():
    # A second is 4 kB.
    sounds = [np.zeros(seconds * RATE, np.float32) for seconds in [1] * 20 + [60, 5]]
    config = TranscribeConfig(sampling_rate=RATE, max_seconds=2, seconds_per_batch=8)
    module = Module(config.max_seconds)
    found, _ = answer_table(module, sound_table(sounds, RATE), config)
    assert [each.text for each in found[:20]] == ["text"] * 20
    assert all(each.valid for each in found)
    first, *sizes = module.sizes
    assert first == sizes[0] and sum(sizes) == 22
    # At most 8 s, or one recording.
    assert max(sizes) <= 8 and sizes[-1] == 1
    silence, *parts = module.parts
    assert silence == RATE and max(parts) <= 2 * RATE
    assert sum(parts) == 65 * RATE


class Counted:
    """Hears how many samples there were; refuses NaN."""

    def __call__(self, signature, *, samples, lengths, state_bytes):
        assert signature == "stream" and lengths.tolist() == [-1]
        count = int(state_bytes[0] or 0) + samples.shape[1]
        is_good = bool(np.isfinite(samples).all())
        return {
            "text": np.array([f"{count // 1000}".encode() if is_good else b""], object),
            "state_bytes": np.array([str(count).encode()], object),
            "valid": np.array([is_good]),
            "error": np.array([b"" if is_good else b"no audio"], object),
        }


def stream(samples, chunk=0.3, name="a"):
    file = io.BytesIO(encode_wav(samples, RATE, "FLOAT"))
    return list(stream_transcripts(Counted(), name, file, chunk, RATE))


def test_a_stream_tells_what_is_new():
    found = stream(np.zeros(2500))
    assert [(part.seconds, part.text, part.is_final) for part in found] == [
        *((0.3, "0", False), (1.2, "1", False), (2.1, "2", False), (2.5, "2", True))
    ]
    assert all(part.valid and part.source == "a" for part in found)


def test_a_stream_that_breaks_off_keeps_its_text():
    samples = np.zeros(2500)
    samples[1700] = np.nan
    last = stream(samples)[-1]
    assert (last.text, last.is_final, last.valid) == ("1", True, False)
    assert last.error == "no audio" and last.seconds == 1.5


def test_a_stream_of_something_else():
    (only,) = stream_transcripts(Counted(), "a", io.BytesIO(b"fLaC"), 0.3, RATE)
    assert only.is_final and not only.valid and only.error == "no RIFF WAVE file"
    assert (only.seconds, only.text) == (0, "")
