"""Counting which words stand near each other, in bounded memory."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np

from ...data.threads import ordered_map
from ...errors import UserError
from ...files import atomic_file

CELL = np.dtype([("row", "<i4"), ("column", "<i4"), ("count", "<f4")])
# Pairs at work at a time in one thread; 6 bytes each, and up to 36 for its cells. Large
# texts get more, so that they are read some fifty times at most.
LEAST_PAIRS, MOST_PAIRS = 8_000_000, 64_000_000
_READINGS = 50
# A file is read whole when it is trained on; most are much smaller.
MOST_CELLS = 8_000_000
_FACTS = "cells.json"  # written last
_STRETCH = 4_000_000  # tokens read at a time


@dataclasses.dataclass(frozen=True)
class CellFiles:
    """The cells of a matrix of co-occurrences, each in a file chosen by chance.

    Args:
        folder: The folder of the files.
        files: How many there are.
        cells: How many cells they hold in all.
    """

    folder: Path
    files: int
    cells: int

    @classmethod
    def find(cls, folder):
        """Returns the files that `count_cooccurrences` wrote; `None` if it did not."""
        facts = Path(folder) / _FACTS
        if not facts.exists():
            return None
        return cls(Path(folder), **json.loads(facts.read_text(encoding="utf-8")))

    def none(self):
        """Returns no cells, of the right type."""
        return np.zeros(0, CELL)

    def sizes(self):
        """Returns the number of cells of each file."""
        paths = (_cell_file(self.folder, number) for number in range(self.files))
        return [path.stat().st_size // CELL.itemsize for path in paths]

    def read(self, number):
        """Returns the cells of one file: an array of `CELL`."""
        return np.fromfile(_cell_file(self.folder, number), CELL)


def count_cooccurrences(
    tokens, vocabulary_size, window, folder, *, workers=1, seed=0, pairs=None
):
    """Counts pairs of words, each weighted by 1 / distance, into files.

    The matrix is symmetric: the window reaches to both sides, so both words of a pair
    get it, and a word beside itself gets it twice, as in GloVe's own program. Words are
    taken in ranges whose pairs fit into memory. The text is read once for each range,
    which costs less than merging counts that were written in parts.

    Args:
        tokens: int32 `[n]`, word numbers by falling frequency, -1 where a document
            ends; what gives arrays by slices.
        vocabulary_size: Number of words.
        window: Largest distance of a pair, below 65,536.
        folder: The folder for the files; what is there goes.
        workers: Threads.
        seed: Of the chance by which a cell gets into its file.
        pairs: Most pairs at work at a time in a thread. If not given, 8 million, and
            for texts of more than 50 million words or so up to 64 million.

    Returns:
        The `CellFiles`.

    Raises:
        UserError: if no word has a neighbour.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder = Path(folder)
    folder.mkdir(parents=True)
    meetings = _meetings(tokens, vocabulary_size, window)
    total = int(meetings.sum())
    if total == 0:
        raise UserError("no word of the corpus has a neighbour")
    # Most pairs of a large corpus meet often: it has a quarter as many cells as pairs.
    files = -(-min(2 * total, vocabulary_size**2) // MOST_CELLS)

    def cells_of(bounds):
        return _cells(tokens, window, meetings, *bounds)

    count = 0
    if pairs is None:
        pairs = min(max(total // _READINGS, LEAST_PAIRS), MOST_PAIRS)
    ranges = _ranges(meetings, pairs)
    for number, cells in enumerate(ordered_map(cells_of, ranges, workers)):
        chance = np.random.default_rng([seed, number])
        chosen = chance.integers(files, size=len(cells), dtype=np.uint16)
        cells = cells[np.argsort(chosen, kind="stable")]
        ends = np.cumsum(np.bincount(chosen, minlength=files))
        for file, part in enumerate(np.split(cells, ends[:-1])):
            with _cell_file(folder, file).open("ab") as handle:
                handle.write(part.data)
        count += len(cells)
    with atomic_file(folder / _FACTS) as file:
        json.dump({"files": int(files), "cells": count}, file)
    return CellFiles(folder, int(files), count)


def _cell_file(folder, number):
    return Path(folder) / f"cells-{number:05d}.bin"


def _meetings(tokens, vocabulary_size, window):
    """Returns for each word how many pairs it is the rarer word of."""
    from .kernels.pair_counts import count_meetings

    meetings = np.zeros(vocabulary_size, np.int64)
    for stretch, begin in _stretches(tokens, window):
        count_meetings(stretch, begin, window, meetings)
    return meetings


def _stretches(tokens, window):
    """Yields pieces of the tokens, each after the last `window` of those before."""
    for begin in range(0, len(tokens), _STRETCH):
        before = min(begin, window)
        yield np.array(tokens[begin - before : begin + _STRETCH]), before


def _ranges(meetings, most):
    """Yields ranges of words, each with at most so many pairs or of one word."""
    ends = np.cumsum(meetings)
    first = 0
    while first < len(meetings):
        before = ends[first - 1] if first else 0
        last = int(np.searchsorted(ends, before + most, side="right"))
        last = max(last, first + 1)
        yield first, last
        first = last


def _cells(tokens, window, meetings, first, last):
    """Counts the cells whose rarer word is in a range; returns them and mirrored."""
    from .kernels.pair_counts import gather_meetings, sum_meetings

    heads = np.concatenate([[0], np.cumsum(meetings[first:last])])
    size = int(heads[-1])
    partners = np.empty(size, np.int32)
    distances = np.empty(size, np.uint16)
    tails = heads[:-1].copy()
    for stretch, begin in _stretches(tokens, window):
        gather_meetings(stretch, begin, window, first, last, tails, partners, distances)
    rows, columns = np.empty(size, np.int32), np.empty(size, np.int32)
    counts, sums = np.empty(size, np.float32), np.zeros(last, np.float64)
    number = sum_meetings(
        heads, first, partners, distances, sums, rows, columns, counts
    )
    rows, columns, counts = rows[:number], columns[:number], counts[:number]
    itself = rows == columns
    counts[itself] *= 2
    cells = np.empty(2 * number - int(itself.sum()), CELL)
    for name, values, mirrored in (
        ("row", rows, columns),
        ("column", columns, rows),
        ("count", counts, counts),
    ):
        cells[name][:number] = values
        cells[name][number:] = mirrored[~itself]
    return cells
