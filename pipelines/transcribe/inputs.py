"""What a user may name as recordings to transcribe."""

import sys

from ...data.audio.clips import StoredClip
from ...data.audio.tree import AUDIO_SUFFIXES
from ...errors import UserError
from ..inputs import as_list, gather_sources, try_reading

STDIN = "-"


def gather_recordings(inputs):
    """Finds the recordings behind files, folders and glob patterns.

    Args:
        inputs: Paths, glob patterns (`**` goes into folders), encoded recordings as
            `bytes`, in any format that libsndfile reads, or `-` for one on the
            standard input; one or a list of them. A folder stands for the recordings
            in it and below it.

    Returns:
        A list of `(name, source)`: a text, and a `Path`, the `bytes` given or `-`.

    Raises:
        UserError: if a file is missing, or a folder or pattern has no recording.
    """
    sources = []
    for number, item in enumerate(as_list(inputs)):
        if item == STDIN:
            sources.append((STDIN, STDIN))
        elif isinstance(item, bytes):
            sources.append((f"input {number}", item))
        else:
            sources += gather_sources([item], AUDIO_SUFFIXES, "recordings")
    return sources


def wav_bytes(source):
    """Reads a recording as the bytes of a WAV file that exported models take.

    Args:
        source: As in `gather_recordings`.

    Returns:
        `(content, error)`: the `bytes` and an empty text; or no bytes, and in a few
        words why there are none. Of WAV files and of what is empty exported models
        say themselves what is wrong.
    """
    if source == STDIN:
        source = sys.stdin.buffer.read()
    content, error = try_reading(source)
    if not content:
        return content, error
    try:
        return StoredClip(content).wav(), ""
    except UserError as refused:
        return b"", refused.what
