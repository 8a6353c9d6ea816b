"""From what a reader found to a table of recordings."""

import dataclasses
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...errors import UserError
from ..splits import content_key, resolve_splits
from ..threads import READERS
from .clips import ArrayClip, StoredClip, look_at
from .table import AudioTable

_SLACK = 0.05  # seconds by which a stated end may miss the recording's


def build_table(found, source, *, val_fraction, test_fraction, known_splits):
    """Looks at the recordings and gives each its split.

    Only headers are decoded. Recordings that cannot be read are left out and named
    in the table's `problems`.

    Args:
        found: A `FoundAudio`.
        source: The data spec.
        val_fraction: As in `load_audio`.
        test_fraction: As in `load_audio`.
        known_splits: As in `load_audio`.

    Returns:
        An `AudioTable`.

    Raises:
        UserError: if no recordings are left.
    """
    problems = list(found.problems)
    utterances, keys, durations, rates = [], [], [], []
    for utterance, looked in zip(
        found.utterances, _look(found.utterances), strict=True
    ):
        try:
            if isinstance(looked, UserError):
                raise looked
            key, length, rate = looked
            clip, key, length = _fit(utterance, key, length, problems)
        except UserError as error:
            problems.append((utterance.name, f"{error.what}; it is left out"))
            continue
        utterances.append(dataclasses.replace(utterance, clip=clip))
        keys.append(key)
        durations.append(length)
        rates.append(rate)
    if not utterances:
        first = f"The first problem is {': '.join(problems[0])}" if problems else None
        raise UserError("has no recordings that can be read", source, first)
    speakers = [utterance.speaker for utterance in utterances]
    return AudioTable(
        source=source,
        description=found.description,
        clips=[utterance.clip for utterance in utterances],
        texts=[tidy(utterance.text) for utterance in utterances],
        names=[utterance.name for utterance in utterances],
        splits=resolve_splits(
            [utterance.split for utterance in utterances],
            keys,
            np.zeros(len(keys), int),
            val=val_fraction,
            test=test_fraction,
            known=known_splits,
        ),
        keys=np.array(keys),
        durations=np.array(durations, np.float64),
        rates=np.array(rates, np.int32),
        speakers=speakers if any(speakers) else None,
        problems=tuple(problems),
    )


def tidy(text):
    """Returns a text in Unicode's form NFC, with single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _look(utterances):
    """Returns key, length in seconds and rate of each recording, or a `UserError`.

    A recording that many utterances are parts of is read once.
    """

    def look(clip):
        try:
            if isinstance(clip, ArrayClip):
                if not len(clip.values):
                    raise UserError("has no samples")
                length = len(clip.values) / clip.rate
                return content_key(clip.values), length, clip.rate
            content = clip.content()
            return content_key(content), *look_at(content)
        except UserError as error:
            return error

    def identity(clip):
        return clip.source if isinstance(clip, StoredClip) else id(clip)

    different = {identity(utterance.clip): utterance.clip for utterance in utterances}
    with ThreadPoolExecutor(READERS) as pool:
        looked = dict(zip(different, pool.map(look, different.values()), strict=True))
    return [looked[identity(utterance.clip)] for utterance in utterances]


def _fit(utterance, key, length, problems):
    """Checks a part of a recording against the whole.

    Returns:
        The clip, its content hash and its length in seconds.
    """
    clip = utterance.clip
    if not getattr(clip, "is_part", False):
        return clip, key, length
    if clip.offset >= length or (clip.duration is not None and clip.duration <= 0):
        raise UserError(f"lies outside the recording of {length:.2f} s")
    rest = length - clip.offset
    wanted = rest if clip.duration is None else clip.duration
    if wanted > rest + _SLACK:
        problems.append(
            (
                utterance.name,
                f"ends {wanted - rest:.2f} s after its recording; it is cut there",
            )
        )
    if clip.offset == 0 and wanted > rest - _SLACK:
        return StoredClip(clip.source), key, length
    wanted = min(wanted, rest)
    clip = StoredClip(clip.source, clip.offset, wanted)
    return clip, content_key(f"{key} {clip.offset} {wanted}".encode()), wanted
