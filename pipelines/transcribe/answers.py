"""Recordings through the serving module: in batches, cut in parts, and as streams."""

import functools
import time

import numpy as np

from ...data.audio import batch_by_duration
from ...data.audio.clips import StoredClip
from ...data.audio.wav import too_long_error
from ...data.audio.wav_stream import wav_pieces
from ...errors import UserError
from ...serving.module import ask
from .results import PartialTranscript, Transcript, Word, transcripts, unreadable

_MOST_ROWS = 32
_QUIET = 0.1  # seconds over which loudness is taken
_WHERE = 0.5  # a long recording is cut behind this share of what can be answered


def answer_table(module, table, config):
    """Answers the recordings of a table, those of like length together.

    Args:
        module: A `SpeechRecognizer`.
        table: An `AudioTable`.
        config: The module's `TranscribeConfig`: a batch has at most
            `seconds_per_batch` of audio, padding included, or one recording.

    Returns:
        `(found, elapsed)`: a list with the `Transcript` of each row, and the seconds
        the answers took.
    """
    answer = functools.partial(ask, module)
    found, elapsed = [None] * len(table), 0.0
    budget = config.seconds_per_batch
    # What is longer than the budget fills it: it comes alone.
    lengths = np.minimum(table.durations, budget)
    batches = batch_by_duration(lengths, budget, most_rows=_MOST_ROWS)
    for number, rows in enumerate(batches):
        contents = [*table.contents(rows, missing=b"")]
        if number == 0:  # making the graphs is not counted
            answer("serving_default", wav_bytes=np.array(contents, object))
            if table.durations.max() > config.max_seconds:
                silence = np.zeros(config.sampling_rate, np.float32)
                _answer_part(answer, "", silence, config.sampling_rate)
        begun = time.perf_counter()
        names = [table.names[row] for row in rows]
        answered = transcribe_all(answer, names, contents, config.max_seconds)
        elapsed += time.perf_counter() - begun
        for row, transcript in zip(rows, answered, strict=True):
            found[row] = transcript
    return found, elapsed


def transcribe_all(answer, names, contents, longest):
    """Transcribes recordings at once, but those in parts that are too long.

    Args:
        answer: `answer(signature, **inputs)`, numpy arrays in and out.
        names: What the recordings are called.
        contents: List of `bytes`, WAV files; what is none is answered by an error.
        longest: Most seconds that the module takes.

    Returns:
        A list of `Transcript`.
    """
    answers = answer("serving_default", wav_bytes=np.array(contents, object))
    too_long = too_long_error(longest)
    return [
        transcribe_long(answer, name, content, longest)
        if transcript.error == too_long
        else transcript
        for name, content, transcript in zip(
            names, contents, transcripts(names, answers), strict=True
        )
    ]


def transcribe_long(answer, name, content, longest):
    """Transcribes a recording that is longer than the module takes.

    It is cut where it is quietest, and the texts are joined.

    Args:
        answer: As in `transcribe_all`.
        name: What the recording is called.
        content: Its encoded bytes.
        longest: Most seconds of a part.

    Returns:
        A `Transcript`.
    """
    try:
        samples, rate = StoredClip(content).read()
    except UserError as error:
        return unreadable(name, error.what)
    bounds = cut_points(samples, rate, longest)
    parts = []
    for start, stop in zip(bounds[:-1], bounds[1:], strict=True):
        part = _answer_part(answer, name, samples[start:stop], rate)
        if not part.valid:
            return part
        parts.append((start / rate, part))
    return Transcript(
        source=name,
        text=" ".join(part.text for _, part in parts if part.text),
        score=sum(part.score for _, part in parts),
        words=tuple(
            Word(
                word.text,
                round(word.start + begin, 3),
                round(word.end + begin, 3),
                word.confidence,
            )
            for begin, part in parts
            for word in part.words
        ),
        valid=True,
        error="",
    )


def cut_points(samples, rate, longest):
    """Finds where to cut a long recording: in the quietest places.

    Args:
        samples: float32 `[samples]`.
        rate: Samples a second.
        longest: Most seconds of a part.

    Returns:
        List of int, from 0 to the number of samples, at most `longest` apart.
    """
    size, bounds = int(longest * rate), [0]
    width = max(min(int(_QUIET * rate), size // 4), 1)
    while len(samples) - bounds[-1] > size:
        first = bounds[-1] + int(size * _WHERE)
        window = np.square(samples[first : bounds[-1] + size].astype(np.float64))
        sums = np.cumsum(np.concatenate([[0.0], window]))
        loudness = sums[width:] - sums[:-width]
        bounds.append(first + int(loudness.argmin()) + width // 2)
    return [*bounds, len(samples)]


def stream_transcripts(answer, name, file, chunk, sampling_rate):
    """Transcribes a WAV file while it is read.

    Args:
        answer: As in `transcribe_all`.
        name: What the recording is called.
        file: A binary file; it is read from front to end and need not be seekable.
        chunk: Seconds of a piece.
        sampling_rate: The model's, in Hz.

    Yields:
        A `PartialTranscript` where the text has grown, and a final one.
    """
    state, text, heard = b"", "", 0
    try:
        for samples in wav_pieces(file, chunk, sampling_rate):
            answers = answer(
                "stream",
                samples=samples[None],
                lengths=np.array([-1], np.int32),
                state_bytes=np.array([state], object),
            )
            if not answers["valid"][0]:
                raise UserError(answers["error"][0].decode())
            state = answers["state_bytes"][0]
            heard += len(samples)
            new = answers["text"][0].decode(errors="replace")
            if new != text:
                text = new
                yield PartialTranscript(
                    name, _seconds(heard, sampling_rate), text, False
                )
    except UserError as error:
        seconds = _seconds(heard, sampling_rate)
        yield PartialTranscript(name, seconds, text, True, False, error.what)
        return
    yield PartialTranscript(name, _seconds(heard, sampling_rate), text, True)


def _answer_part(answer, name, samples, rate):
    answers = answer(
        "samples",
        samples=samples[None],
        lengths=np.array([-1], np.int32),
        rate=np.array([rate], np.int32),
    )
    return transcripts([name], answers)[0]


def _seconds(samples, rate):
    return round(samples / rate, 3)
