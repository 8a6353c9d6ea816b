"""Short recordings joined to longer ones, such as digits to numbers."""

import dataclasses
import functools

import numpy as np

from ...errors import UserError
from ..splits import SPLITS, content_key
from .clips import MadeClip
from .table import AudioTable

_FADE = 0.005  # seconds at the edges of each part, which would click


@dataclasses.dataclass(frozen=True)
class _String:
    """Which recordings are joined, and the samples of silence around them."""

    rows: tuple[int, ...]
    gaps: tuple[int, ...]


class JoinedClips:
    """Joins recordings of one speaker with random gaps; texts are joined too.

    A joined recording has parts of one split and one speaker, so what is held out
    stays held out. Strings of training are new in each epoch, without end. All is
    a pure function of the table and the arguments. The short recordings are kept in
    memory.

    Args:
        table: `AudioTable` of short recordings.
        count: Joined recordings of training in an epoch.
        held_out_count: Joined recordings of validation and of the test, each.
        parts: Smallest and largest number of parts.
        gap: Range of the silence before, between and after the parts, in seconds.
        separator: What stands between the texts of two parts.
        max_seconds: Strings that would be longer have fewer parts, at least one; no
            limit if `None`.
        sampling_rate: Samples a second of the joined ones; the largest of the
            table's if not given.
        seed: An integer >= 0.

    Raises:
        UserError: if no recording can be read.
        ValueError: if a range is none.

    Example:

    >>> digits = load_audio("fsdd", pattern="{text}_{speaker}_{take}")
    >>> numbers = JoinedClips(digits, count=1000, parts=(3, 8)).table()
    """

    def __init__(
        self,
        table,
        *,
        count=2000,
        held_out_count=200,
        parts=(3, 8),
        gap=(0.05, 0.3),
        separator=" ",
        max_seconds=None,
        sampling_rate=None,
        seed=0,
    ):
        for name, value, least in (("parts", parts, 1), ("gap", gap, 0)):
            if len(value) != 2 or not least <= value[0] <= value[1]:
                raise ValueError(
                    f"Invalid value for `{name}`: expected two numbers in order, at "
                    f"least {least}, received {name}={value}"
                )
        self._base = table
        self._counts = {"train": count, "val": held_out_count, "test": held_out_count}
        self._parts = tuple(parts)
        self._gap = tuple(gap)
        self._separator = separator
        self._max_seconds = max_seconds
        self._rate = int(sampling_rate or table.rates.max())
        self._seed = seed
        self._samples, self._problems = self._read()
        self._voices = self._group()

    def table(self):
        """Returns an `AudioTable` of joined recordings of each split there is."""
        return self._table(self._voices, 0)

    def _read(self):
        """Returns the samples of each row, `None` if unreadable, and problems."""
        samples, problems = [], list(self._base.problems)
        for row in range(len(self._base)):
            try:
                samples.append(self._faded(self._base.samples(row, self._rate)))
            except UserError as error:
                samples.append(None)
                problems.append((self._base.names[row], f"{error.what}; left out"))
        return samples, tuple(problems)

    def _faded(self, samples):
        width = min(int(_FADE * self._rate), len(samples) // 2)
        ramp = (np.arange(width, dtype=np.float32) + 0.5) / max(width, 1)
        samples = samples.copy()
        samples[:width] *= ramp
        samples[len(samples) - width :] *= ramp[::-1]
        return samples

    def _group(self):
        """Returns a dict from split to the rows of each of its speakers."""
        speakers = np.array(self._base.speakers or [""] * len(self._base))
        readable = np.array([samples is not None for samples in self._samples])
        voices = {}
        for split in SPLITS:
            inside = readable & (self._base.splits == split)
            if inside.any():
                voices[split] = [
                    np.flatnonzero(inside & (speakers == speaker))
                    for speaker in np.unique(speakers[inside])
                ]
        if not voices:
            raise UserError("has no recordings that can be read", self._base.source)
        return voices

    def _draw(self, voices, split, epoch, number):
        # See `morse` for why this is no `Generator`.
        random = np.random.RandomState([self._seed, SPLITS.index(split), epoch, number])
        rows = voices[random.randint(len(voices))]
        low, high = self._parts
        chosen = rows[random.randint(len(rows), size=random.randint(low, high + 1))]
        gaps = random.uniform(*self._gap, len(chosen) + 1) * self._rate
        gaps = np.round(gaps).astype(int)
        if self._max_seconds is not None:
            parts = gaps[1:] + [len(self._samples[row]) for row in chosen]
            ends = gaps[0] + np.cumsum(parts)
            count = max(int((ends <= self._max_seconds * self._rate).sum()), 1)
            chosen, gaps = chosen[:count], gaps[: count + 1]
        return _String(tuple(chosen.tolist()), tuple(gaps.tolist()))

    def _join(self, string):
        pieces = [np.zeros(string.gaps[0], np.float32)]
        for row, gap in zip(string.rows, string.gaps[1:], strict=True):
            pieces += [self._samples[row], np.zeros(gap, np.float32)]
        return np.concatenate(pieces)

    def _table(self, voices, epoch):
        base = self._base
        places = [
            (split, number) for split in voices for number in range(self._counts[split])
        ]
        strings = [
            self._draw(voices[split], split, epoch, number) for split, number in places
        ]
        lengths = [
            sum(string.gaps) + sum(len(self._samples[row]) for row in string.rows)
            for string in strings
        ]
        low, high = self._parts
        return AudioTable(
            source=base.source,
            description=f"{base.description}; {low} to {high} joined at random",
            clips=[
                MadeClip(functools.partial(self._join, string), self._rate)
                for string in strings
            ],
            texts=[
                self._separator.join(base.texts[row] for row in string.rows)
                for string in strings
            ],
            names=[
                " + ".join(base.names[row] for row in string.rows) for string in strings
            ],
            splits=np.array([split for split, _ in places], dtype="<U5"),
            keys=np.array([self._key(string) for string in strings]),
            durations=np.array(lengths, np.float64) / self._rate,
            rates=np.full(len(places), self._rate, np.int32),
            speakers=base.speakers
            and [base.speakers[string.rows[0]] for string in strings],
            problems=self._problems,
            renew=self._renew,
        )

    def _renew(self, epoch):
        return self._table({"train": self._voices["train"]}, epoch)

    def _key(self, string):
        parts = [self._base.keys[row] for row in string.rows]
        return content_key(f"{parts} {string.gaps} {self._rate}".encode())
