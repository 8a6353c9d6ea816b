"""An examination of recordings with texts, before hours are spent on training."""

import collections

import numpy as np

from ...errors import UserError
from ..doctor import Finding, Report
from ..splits import SPLITS
from ..threads import DECODERS, ordered_map

SILENT = -60.0  # dB of full scale; a recording whose peak is below is silent
CLIPPED = 1e-3  # share of samples in runs at full scale
_FULL_SCALE, _RUN = 0.999, 3  # so many samples at full scale are no accident
ODD_SPEED = 2.5  # times the usual number of characters a second
_FEWEST = 20  # recordings from which on the usual can be told
_SHORTEST_TEXT = 5  # characters from which on a speed can be told


def examine_audio(
    table,
    *,
    sampling_rate=None,
    frames_per_second=25.0,
    alphabet=None,
    encode=list,
    max_seconds=None,
    progress=None,
):
    """Looks for what would make training fail or its figures flatter.

    Every recording is read once.

    Args:
        table: An `AudioTable`.
        sampling_rate: Samples a second of the model's input; without it, rates
            are compared with each other only.
        frames_per_second: Steps a second of the model's output.
        alphabet: The characters that the model knows; without it, any will do.
        encode: Function from a text to the sequence of its labels; its characters
            if not given.
        max_seconds: Longest recording that training takes, or `None`.
        progress: Function of `(done, total)` recordings.

    Returns:
        A `Report`.
    """
    seen = _Seen(table, progress)
    findings = [
        *_unreadable(table, seen),
        *_problems(table),
        *_splits(table, seen),
        *_too_short(table, seen, frames_per_second, encode),
        *_too_long(table, seen, max_seconds),
        *_silent(table, seen),
        *_clipped(table, seen),
        *_rates(table, sampling_rate),
        *_speeds(table, seen),
        *_texts(table, alphabet),
        *_duplicates(table, seen),
        *_speakers(table),
    ]
    return Report(tuple(table.summary()), tuple(findings))


def required_frames(labels):
    """Returns the fewest frames from which CTC can give these labels.

    Each label takes a frame, and a blank has to stand between two equal ones.

    Args:
        labels: Sequence of labels, e.g. a text.
    """
    repeats = sum(one == other for one, other in zip(labels, labels[1:], strict=False))
    return len(labels) + repeats


class _Seen:
    """What reading showed, one entry a recording."""

    def __init__(self, table, progress):
        total = len(table)
        self.reasons = [None] * total
        self.seconds = np.zeros(total)
        self.peaks = np.zeros(total)  # dB of full scale
        self.clipped = np.zeros(total)  # share of samples

        def read(row):
            try:
                samples, rate = table.clips[row].read()
            except UserError as error:
                return error
            return len(samples) / rate, _peak(samples), _clipped_share(samples)

        for row, looked in enumerate(ordered_map(read, range(total), DECODERS)):
            if isinstance(looked, UserError):
                self.reasons[row] = looked.what
            else:
                self.seconds[row], self.peaks[row], self.clipped[row] = looked
            if progress:
                progress(row + 1, total)
        self.readable = np.array([reason is None for reason in self.reasons], bool)


def _peak(samples):
    """Returns the largest deviation from the mean, in dB of full scale."""
    if not len(samples):
        return -np.inf
    peak = np.abs(samples - samples.mean()).max()
    return 20 * np.log10(max(float(peak), 1e-10))


def _clipped_share(samples):
    """Returns the share of samples that are in runs at full scale."""
    high = np.concatenate([[0], np.abs(samples) >= _FULL_SCALE, [0]]).astype(np.int8)
    edges = np.diff(high)
    runs = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return runs[runs >= _RUN].sum() / max(len(samples), 1)


def _unreadable(table, seen):
    bad = np.flatnonzero(~seen.readable)
    if len(bad):
        yield Finding(
            "error" if len(bad) == len(table) else "warning",
            f"{len(bad):,} of {len(table):,} recordings cannot be read; training "
            "leaves them out",
            tuple(f"{table.names[row]}: {seen.reasons[row]}" for row in bad),
            "Replace or remove them",
        )


def _problems(table):
    if table.problems:
        yield Finding(
            "warning",
            f"{len(table.problems):,} problems in the data",
            tuple(f"{name}: {text}" for name, text in table.problems),
            "Mend the list or the files",
        )


def _splits(table, seen):
    for split in SPLITS:
        inside = table.splits == split
        if not np.any(seen.readable & inside):
            yield Finding(
                # Training can do without a split, not with one it cannot read.
                "error" if split == "train" or inside.any() else "warning",
                f"the split {split!r} has no readable recordings",
                mend="Add recordings, or leave the splits to their content",
            )


def _too_short(table, seen, frames_per_second, encode):
    frames = np.floor(seen.seconds * frames_per_second).astype(int)
    needed = np.array([required_frames(encode(text)) for text in table.texts], int)
    short = seen.readable & (needed > frames)
    if short.any():
        training = table.splits == "train"
        none_left = not np.any(seen.readable & training & ~short)
        yield Finding(
            "error" if none_left else "warning",
            f"{short.sum():,} recordings are too short for their texts: CTC needs a "
            "frame for each label and one more between equal ones",
            tuple(
                f"{table.names[row]}: {frames[row]} frames, {needed[row]} needed"
                for row in np.flatnonzero(short)
            ),
            "Check their texts, or make the model's steps shorter",
        )


def _too_long(table, seen, max_seconds):
    if max_seconds is None:
        return
    rows = np.flatnonzero(seen.seconds > max_seconds)
    if len(rows):
        yield Finding(
            "warning",
            f"{len(rows):,} recordings are longer than {max_seconds:g} s; training "
            "leaves them out",
            tuple(f"{table.names[row]}: {seen.seconds[row]:.1f} s" for row in rows),
            "Cut them at pauses, or allow more seconds a batch",
        )


def _silent(table, seen):
    rows = np.flatnonzero(seen.readable & (seen.peaks < SILENT))
    if len(rows):
        yield Finding(
            "warning",
            f"{len(rows):,} recordings are silent (below {SILENT:g} dB)",
            tuple(table.names[row] for row in rows),
            "Remove them, or give them an empty text",
        )


def _clipped(table, seen):
    rows = np.flatnonzero(seen.clipped > CLIPPED)
    if len(rows):
        yield Finding(
            "note",
            f"{len(rows):,} recordings are clipped",
            tuple(
                f"{table.names[row]}: {seen.clipped[row]:.1%} of the samples"
                for row in rows
            ),
            "Record them at a lower level",
        )


def _rates(table, sampling_rate):
    rates, counts = np.unique(table.rates, return_counts=True)
    low = table.rates < (sampling_rate or 0)
    if low.any():
        yield Finding(
            "warning",
            f"{low.sum():,} recordings have fewer than the model's "
            f"{sampling_rate:,} samples a second; they have nothing above half of "
            "theirs",
            tuple(
                f"{table.names[row]}: {table.rates[row]:,} Hz"
                for row in np.flatnonzero(low)
            ),
            f"Use a model of {table.rates.min():,} samples a second",
        )
    if len(rates) > 1:
        yield Finding(
            "note",
            f"the recordings have {len(rates)} different rates; they are resampled",
            tuple(
                f"{rate:,} Hz: {count:,}"
                for rate, count in zip(rates, counts, strict=True)
            ),
        )


def _speeds(table, seen):
    """Finds texts that are too long or too short for their recordings."""
    lengths = np.array([len(text) for text in table.texts])
    told = seen.readable & (seen.seconds > 0) & (lengths >= _SHORTEST_TEXT)
    if told.sum() < _FEWEST:
        return
    speeds = lengths / np.maximum(seen.seconds, 1e-9)
    usual = np.median(speeds[told])
    odd = told & ((speeds > ODD_SPEED * usual) | (speeds < usual / ODD_SPEED))
    if odd.any():
        yield Finding(
            "note",
            f"{odd.sum():,} recordings are spoken more than {ODD_SPEED:g} times "
            f"faster or slower than usual ({usual:.0f} characters a second)",
            tuple(
                f"{table.names[row]}: {speeds[row]:.1f}" for row in np.flatnonzero(odd)
            ),
            "Check that they have the right texts and state the right rate",
        )


def _texts(table, alphabet):
    empty = tuple(
        name for name, text in zip(table.names, table.texts, strict=True) if not text
    )
    if empty:
        yield Finding("note", f"{len(empty):,} recordings have an empty text", empty)
    if alphabet is None:
        return
    known = set(alphabet)
    strange = {
        character: count
        for character, count in table.characters().most_common()
        if character not in known
    }
    if strange:
        count = sum(not known.issuperset(text) for text in table.texts)
        yield Finding(
            "warning",
            f"{count:,} texts have {len(strange):,} characters outside the alphabet",
            tuple(
                f"{character!r} (U+{ord(character):04X}): {number:,}"
                for character, number in strange.items()
            ),
            "Spell them out, or add them to the alphabet",
        )


def _duplicates(table, seen):
    by_key = collections.defaultdict(list)
    for row in np.flatnonzero(seen.readable):
        by_key[table.keys[row]].append(row)
    groups = [rows for rows in by_key.values() if len(rows) > 1]
    for column, what, mend in (
        (
            table.texts,
            "recordings stand under more than one text",
            "Keep each with its right text only",
        ),
        (
            table.splits,
            "recordings are in more than one split, so the figures will flatter",
            "Remove the copies from all splits but one",
        ),
    ):
        mixed = [rows for rows in groups if len({column[row] for row in rows}) > 1]
        if mixed:
            where = tuple(
                " = ".join(table.names[row] for row in rows) for rows in mixed
            )
            yield Finding("warning", f"{len(mixed):,} {what}", where, mend)
    copies = sum(len(rows) - 1 for rows in groups)
    if copies:
        yield Finding(
            "note",
            f"{copies:,} recordings are copies of others",
            tuple(" = ".join(table.names[row] for row in rows) for rows in groups),
        )


def _speakers(table):
    """Says whether the test is of known voices."""
    if table.speakers is None:
        return
    speakers = np.array(table.speakers)
    tested = set(speakers[table.splits == "test"]) - {""}
    known = sorted(tested & set(speakers[table.splits == "train"]))
    if known:
        yield Finding(
            "note",
            f"{len(known):,} of {len(tested):,} speakers of the test are in training "
            "too; its figures are those of known voices",
            tuple(known),
            "Hold speakers out to learn about new voices",
        )
