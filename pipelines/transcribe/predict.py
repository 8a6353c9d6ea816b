"""The recordings that a user names, transcribed one by one or heard as streams."""

import io
import sys

from .answers import stream_transcripts, transcribe_all
from .inputs import STDIN, gather_recordings, wav_bytes
from .results import PartialTranscript, with_errors

_PART = 8  # recordings that are answered at a time


def whole_transcripts(answer, inputs, longest):
    """Yields the `Transcript`s of recordings.

    Args:
        answer: `answer(signature, **inputs)`, numpy arrays in and out.
        inputs: As `gather_recordings` takes them.
        longest: Seconds that the signatures take; longer ones are heard in parts.

    Raises:
        UserError: if a file is missing, or a folder or pattern has no recording.
    """
    sources = gather_recordings(inputs)
    for first in range(0, len(sources), _PART):
        names, part = zip(*sources[first : first + _PART], strict=True)
        contents, errors = zip(*map(wav_bytes, part), strict=True)
        yield from with_errors(transcribe_all(answer, names, contents, longest), errors)


def partial_transcripts(answer, inputs, chunk, sampling_rate):
    """Yields the `PartialTranscript`s of recordings that are heard piece by piece.

    Args:
        answer: As for `whole_transcripts`; the signature `stream` is asked.
        inputs: As for `whole_transcripts`.
        chunk: Seconds of a piece.
        sampling_rate: The model's, in Hz.

    Raises:
        UserError: as `whole_transcripts`.
    """
    for name, source in gather_recordings(inputs):
        if source == STDIN:
            file = sys.stdin.buffer
        else:
            content, error = wav_bytes(source)
            if error:
                yield PartialTranscript(name, 0.0, "", True, False, error)
                continue
            file = io.BytesIO(content)
        yield from stream_transcripts(answer, name, file, chunk, sampling_rate)
