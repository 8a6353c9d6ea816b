"""A set of recordings with their texts before any sample is read."""

import collections
import dataclasses
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from ...errors import UserError
from ..rows import pick_rows
from ..splits import SPLITS, resolve_splits, rows_of_split
from .clips import read_resampled


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class AudioTable:
    """Recordings with texts and splits; samples are read when asked for.

    Attributes:
        source: The data spec.
        description: What was recognised, for a person.
        clips: List of clips, see `clips`.
        texts: List of the transcripts.
        names: `[N]` what a person calls each recording.
        splits: `[N]` of `"train"`, `"val"`, `"test"`.
        keys: `[N]` content hashes.
        durations: float64 `[N]`, seconds.
        rates: int32 `[N]`, samples a second as they are stored.
        speakers: List of names, `""` where unknown; `None` if none is known.
        snrs: float64 `[N]`, signal-to-noise ratios in dB where the data is made
            with them, or `None`.
        problems: Tuple of `(name, text)`: what was wrong and became of it.
        renew: Function from an epoch's number to an `AudioTable` of as many new
            examples for training, for data that is made; else `None`.
    """

    _PER_CLIP: ClassVar = (
        *("clips", "texts", "names", "splits", "keys", "durations", "rates"),
        *("speakers", "snrs"),
    )

    source: str
    description: str
    clips: Sequence
    texts: list[str]
    names: list[str]
    splits: np.ndarray
    keys: np.ndarray
    durations: np.ndarray
    rates: np.ndarray
    speakers: list[str] | None = None
    snrs: np.ndarray | None = None
    problems: tuple[tuple[str, str], ...] = ()
    renew: Callable[[int], "AudioTable"] | None = None

    def __len__(self):
        return len(self.names)

    def take(self, rows):
        """Returns the table of the given row numbers; it is not renewed."""
        columns = {
            name: pick_rows(getattr(self, name), rows) for name in self._PER_CLIP
        }
        return dataclasses.replace(self, **columns, renew=None)

    def select(self, split):
        """Returns the part that is in a split; that of training can be renewed.

        Raises:
            UserError: if nothing is.
        """
        part = self.take(rows_of_split(self.splits, split, self.source))
        if split == "train":
            return dataclasses.replace(part, renew=self.renew)
        return part

    def at_epoch(self, epoch):
        """Returns the examples of an epoch: new ones where they are made.

        Args:
            epoch: Number of the epoch, from 0. Epoch 0 is the table itself.
        """
        if self.renew is None or epoch == 0:
            return self
        return self.renew(epoch)

    def hold_out(self, speakers, *, val_fraction=0.15):
        """Returns the table with some speakers' recordings as its test.

        The others' are training and validation, by their content.

        Args:
            speakers: Names of the speakers to hold out.
            val_fraction: Share of the others for validation.

        Raises:
            UserError: if a speaker is not there, or no others are.
        """
        there = sorted(set(self.speakers or ()))
        for speaker in speakers:
            if speaker not in there:
                raise UserError(
                    f"has no speaker {speaker!r}",
                    self.source,
                    f"There are {', '.join(there[:20])}" if there else None,
                )
        held_out = np.isin(self.speakers or [""] * len(self), list(speakers))
        if held_out.all():
            raise UserError("has no other speakers to train on", self.source)
        splits = np.full(len(self), "test", dtype="<U5")
        rows = np.flatnonzero(~held_out)
        splits[rows] = resolve_splits(
            [None] * len(rows),
            self.keys[rows],
            np.zeros(len(rows), int),
            val=val_fraction,
            test=0,
        )
        return dataclasses.replace(self, splits=splits, renew=None)

    def samples(self, row, sampling_rate):
        """Returns a recording's samples at a rate, mono float32 `[samples]`.

        Raises:
            UserError: if it cannot be read.
        """
        try:
            return read_resampled(self.clips[row], sampling_rate)
        except UserError as error:
            raise UserError(error.what, self.names[row], error.mend) from error

    def contents(self, rows=None, *, missing=None):
        """Yields the recordings as the bytes of WAV files, at their own rates.

        A WAV file is given as it is, if exported models take its encoding.

        Args:
            rows: Row numbers; all if not given.
            missing: What to yield for one that cannot be read, or `None`.

        Raises:
            UserError: if one cannot be read and `missing` is `None`.
        """
        for row in range(len(self)) if rows is None else rows:
            try:
                content = self.clips[row].wav()
            except UserError as error:
                if missing is None:
                    raise UserError(error.what, self.names[row], error.mend) from error
                content = missing
            yield content

    def characters(self):
        """Returns a `Counter` of the characters of all texts."""
        counts = collections.Counter()
        for text in self.texts:
            counts.update(text)
        return counts

    def split_sizes(self):
        """Returns how many recordings each split has, for a person."""
        return ", ".join(
            f"{(self.splits == split).sum():,} {split}"
            for split in SPLITS
            if split in self.splits
        )

    def summary(self):
        """Returns lines that tell a person what was found."""
        rates = "/".join(f"{rate:,}" for rate in np.unique(self.rates))
        speakers = len(set(self.speakers or ()) - {""})
        lines = [
            f"data: {self.description}",
            f"      {len(self):,} recordings, {_span(self.durations.sum())}, "
            f"{rates} Hz: {self.split_sizes()}",
            f"      {len(self.characters()):,} different characters"
            + (f", {speakers:,} speakers" if speakers else ""),
        ]
        if self.problems:
            lines.append(
                f"      {len(self.problems):,} problems in the data (see doctor)"
            )
        return lines


def _span(seconds):
    """Returns a length of time for a person."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
