"""An examination of labelled images, before hours are spent on training."""

import collections
import os

import numpy as np
import tensorflow as tf

from ..doctor import Finding, Report
from ..splits import SPLITS
from ..untuned import untuned
from .decode import decode_inspected, inspect_image
from .modes import unusual_modes
from .stored import DECODERS, why_unreadable

FEW = 20  # images of a class in training
IMBALANCE = 10  # largest class to smallest
SMALLEST, LARGEST = 8, 4096  # sides in pixels
LONGEST = 5  # long side to short side


def examine_images(table, *, progress=None):
    """Looks for what would make training fail or its figures flatter.

    Every image is decoded, by the same code as in training.

    Args:
        table: `ImageTable`.
        progress: Function of `(done, total)` images.

    Returns:
        A `Report`.
    """
    seen = _look(table, progress)
    findings = [
        *_unreadable(table, seen),
        *_classes(table, seen),
        *_splits(table, seen),
        *_duplicates(table, seen),
        *_sizes(table, seen),
        *_modes(table, seen),
    ]
    return Report(tuple(table.summary()), tuple(findings))


class _Seen:
    """What decoding showed, one entry an image."""

    def __init__(self, total):
        self.readable = np.zeros(total, bool)
        self.heights = np.zeros(total, np.int64)
        self.widths = np.zeros(total, np.int64)
        self.orientations = np.ones(total, np.int64)
        self.grey = np.zeros(total, bool)


def _look(table, progress):
    total = len(table)
    seen = _Seen(total)
    if table.pixels is not None:
        seen.readable[:] = True
        seen.heights[:], seen.widths[:] = table.pixels.shape[1:3]
        seen.grey[:] = table.pixels.shape[-1] == 1
        return seen

    def look(row, source):
        contents = source if table.files is None else tf.io.read_file(source)
        kind, orientation = inspect_image(contents)
        pixels = decode_inspected(contents, kind, orientation, 3)
        grey = tf.reduce_all(tf.equal(pixels, pixels[..., :1]))
        return row, tf.shape(pixels), orientation, grey

    sources = table.encoded
    if sources is None:
        sources = [os.fsencode(path) for path in table.files]
    with tf.device("CPU"):
        rows = tf.data.Dataset.from_tensor_slices((np.arange(total), sources))
        rows = rows.map(look, num_parallel_calls=DECODERS, deterministic=False)
        rows = untuned(rows.ignore_errors().batch(32))
    done = 0
    for index, shapes, orientations, grey in rows.as_numpy_iterator():
        seen.readable[index] = True
        seen.heights[index], seen.widths[index] = shapes[:, 0], shapes[:, 1]
        seen.orientations[index], seen.grey[index] = orientations, grey
        done += len(index)
        if progress:
            progress(done, total)
    return seen


def _names(table, mask):
    return tuple(table.names[row] for row in np.flatnonzero(mask))


def _unreadable(table, seen):
    bad = np.flatnonzero(~seen.readable)
    if len(bad):
        where = tuple(f"{table.names[r]}: {why_unreadable(table, r)}" for r in bad)
        yield Finding(
            "warning",
            f"{len(bad):,} of {len(table):,} images cannot be read; training leaves "
            "them out",
            where,
            "Replace or remove them",
        )


def _classes(table, seen):
    usable = seen.readable & (table.splits == "train")
    counts = np.bincount(table.labels[usable], minlength=len(table.class_names))
    named = list(zip(table.class_names, counts.tolist(), strict=True))
    if np.count_nonzero(counts) < 2:
        yield Finding(
            "error",
            "training needs at least two classes with readable images",
            tuple(name for name, count in named if count),
            "Add images of another class",
        )
    none = tuple(name for name, count in named if not count)
    few = tuple(f"{name}: {count}" for name, count in named if 0 < count < FEW)
    if none:
        yield Finding(
            "error",
            "classes without a readable image for training",
            none,
            "Add images of these classes or remove the classes",
        )
    if few:
        yield Finding(
            "warning",
            f"classes with fewer than {FEW} readable images for training",
            few,
            "Add images of these classes",
        )
    smallest, largest = min(named, key=_count), max(named, key=_count)
    if smallest[1] and largest[1] > IMBALANCE * smallest[1]:
        yield Finding(
            "warning",
            f"the largest class has {largest[1] / smallest[1]:.0f} times the images "
            "of the smallest",
            tuple(f"{name}: {count:,}" for name, count in (largest, smallest)),
            "Add images of the small classes, or weight the classes in training",
        )


def _count(entry):
    return entry[1]


def _splits(table, seen):
    for split in SPLITS:
        inside = table.splits == split
        if not np.any(seen.readable & inside):
            yield Finding(
                # Training can do without a split, not with one it cannot read.
                "error" if split == "train" or inside.any() else "warning",
                f"the split {split!r} has no readable images",
                mend="Add images, or leave the splits to their content",
            )


def _duplicates(table, seen):
    by_key = collections.defaultdict(list)
    for row in np.flatnonzero(seen.readable):
        by_key[table.keys[row]].append(row)
    groups = [rows for rows in by_key.values() if len(rows) > 1]
    for column, what, mend in (
        (
            table.labels,
            "images stand under more than one label",
            "Keep each under its right label only",
        ),
        (
            table.splits,
            "images are in more than one split, so the figures will flatter",
            "Remove the copies from all splits but one",
        ),
    ):
        mixed = [rows for rows in groups if len({*column[rows].tolist()}) > 1]
        if mixed:
            where = tuple(" = ".join(table.names[r] for r in rows) for rows in mixed)
            yield Finding("warning", f"{len(mixed):,} {what}", where, mend)


def _sizes(table, seen):
    short = np.minimum(seen.heights, seen.widths)
    long = np.maximum(seen.heights, seen.widths)
    for mask, what, mend in (
        (short < SMALLEST, f"a side below {SMALLEST} pixels", None),
        (
            long > LARGEST,
            f"a side above {LARGEST:,} pixels",
            "Shrink them: it is faster",
        ),
        (
            long > LONGEST * short,
            f"one side more than {LONGEST} times the other",
            "Crop them, or choose the resize policy with this in mind",
        ),
    ):
        mask = mask & seen.readable
        if mask.any():
            where = tuple(
                f"{table.names[row]}: {seen.widths[row]} x {seen.heights[row]}"
                for row in np.flatnonzero(mask)
            )
            yield Finding("note", f"{mask.sum():,} images have {what}", where, mend)


_MODE_TEXTS = {
    "CMYK": "are CMYK and will be converted to RGB",
    "16-bit": "have 16 bits and will be cut to 8",
    "palette": "have a palette and will be converted to RGB",
    "alpha": "have an alpha channel, which 1 and 3 channels drop",
    "animated": "are animated; their first frame is taken",
}


def _modes(table, seen):
    if table.pixels is not None:
        return
    rows = np.flatnonzero(seen.readable)
    found = collections.defaultdict(list)
    for row, contents in zip(rows, table.contents(rows), strict=True):
        for mode in unusual_modes(contents):
            found[mode].append(table.names[row])
    for mode, text in _MODE_TEXTS.items():
        if found[mode]:
            yield Finding(
                "note", f"{len(found[mode]):,} images {text}", tuple(found[mode])
            )
    turned = seen.readable & (seen.orientations > 1)
    if turned.any():
        yield Finding(
            "note",
            f"{turned.sum():,} images are turned upright by their EXIF orientation",
            _names(table, turned),
        )
    grey = seen.readable & seen.grey
    if 0 < grey.sum() < seen.readable.sum():
        rarer = grey if grey.sum() * 2 <= seen.readable.sum() else seen.readable & ~grey
        yield Finding(
            "note",
            f"grey and colour are mixed: {grey.sum():,} of {seen.readable.sum():,} "
            "images are grey",
            _names(table, rarer),
        )
