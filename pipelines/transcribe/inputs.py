"""What a user may name as recordings to transcribe."""

import sys

from ...data.audio.clips import StoredClip
from ...data.audio.tree import AUDIO_SUFFIXES
from ...errors import UserError
from ..inputs import as_list, gather_sources

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
    """Returns a recording as the bytes of a WAV file that exported models take.

    One that cannot be read is returned as it is, or as no bytes: exported models say
    what is wrong with it.

    Args:
        source: As in `gather_recordings`.
    """
    if source == STDIN:
        source = sys.stdin.buffer.read()
    clip = StoredClip(source if isinstance(source, bytes) else str(source))
    for read in (clip.wav, clip.content):
        try:
            return read()
        except UserError:
            continue
    return b""
