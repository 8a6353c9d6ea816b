"""An examination of images with boxes, before hours are spent on training."""

import collections

import numpy as np
import tensorflow as tf

from ..doctor import Finding, Report
from ..images.stored import StoredImages
from ..splits import SPLITS
from .anchors import (
    anchor_recall,
    kmeans_anchors,
    mean_best_iou,
    scaled_sizes,
    target_flags,
)

FEW = 20  # boxes of a class in training
IMBALANCE = 10  # boxes of the largest class to those of the smallest
TINY = 4  # pixels of a box's shorter side
CROWDED = 100  # boxes an image; COCO's figures count so many detections
ANCHORS = 9  # fitted to tell what is possible, if nothing else is said
POOR_FIT = 0.05  # of recall that given anchors may lie below fitted ones


def examine_boxes(
    table,
    *,
    height=None,
    width=None,
    anchors=None,
    anchor_count=None,
    progress=None,
):
    """Looks for what would make training fail or its figures flatter.

    Every image is decoded, by the same code as in training.

    Args:
        table: A `BoxTable`.
        height: Height of the model's input in pixels; without it, sizes of boxes
            are those in the images.
        width: Width of the model's input.
        anchors: `[k, 2]` widths and heights in pixels of the input, whose fit is
            compared with that of fitted ones.
        anchor_count: How many anchors are fitted: as many as `anchors` if not
            given, else 9; 0 for a model without anchors, of which nothing is said
            then.
        progress: Function of `(done, total)` images.

    Returns:
        A `Report`; its summary tells how well anchors can fit.

    Raises:
        UserError: if no image can be decoded.
    """
    stored = StoredImages(table, 3, tf.shape)  # the pixels are not needed
    stored.scan(progress=progress)
    readable = np.zeros(len(table), bool)
    readable[stored.rows] = True
    sizes = _box_sizes(table, height, width)
    in_training = [sizes[row] for row in np.flatnonzero(table.splits == "train")]
    if anchor_count is None:
        anchor_count = ANCHORS if anchors is None else len(anchors)
    lines, anchor_findings = _anchors(in_training, anchors, anchor_count)
    findings = [
        *_unreadable(table, stored.unreadable),
        *_problems(table),
        *_classes(table, readable),
        *_splits(table, readable),
        *_duplicates(table, readable),
        *_counts(table),
        *_tiny(table, sizes, height, width),
        *anchor_findings,
    ]
    return Report((*table.summary(), *lines), tuple(findings))


def _box_sizes(table, height, width):
    """Returns widths and heights of the targets of training, `[n, 2]` an image."""
    flags = target_flags(table)
    if height is not None:
        counts = [np.count_nonzero(wanted) for wanted in flags]
        return np.split(scaled_sizes(table, height, width), np.cumsum(counts)[:-1])
    return [
        (boxes[:, 2:] - boxes[:, :2])[wanted]
        for boxes, wanted in zip(table.boxes, flags, strict=True)
    ]


def _unreadable(table, unreadable):
    if unreadable:
        yield Finding(
            "warning",
            f"{len(unreadable):,} of {len(table):,} images cannot be read; training "
            "leaves them out",
            tuple(f"{name}: {reason}" for name, reason in unreadable),
            "Replace or remove them",
        )


def _problems(table):
    if table.problems:
        images = len({name for name, _ in table.problems})
        yield Finding(
            "warning",
            f"{len(table.problems):,} problems in the annotations of {images:,} images",
            tuple(f"{name}: {text}" for name, text in table.problems),
            "Mend these annotations",
        )


def _classes(table, readable):
    usable = table.take(np.flatnonzero(readable))
    for split in SPLITS:
        if split not in usable.splits:
            continue
        counts = usable.class_counts(split)
        none = np.flatnonzero(counts == 0)
        if len(none) == len(counts):
            yield Finding(
                "error" if split == "train" else "warning",
                f"the split {split!r} has no boxes",
                mend="Annotate its images",
            )
        elif len(none):
            effect = "never be found" if split == "train" else "not be measured there"
            yield Finding(
                "warning" if split == "train" else "note",
                f"classes without a box in the split {split!r}, which will {effect}",
                tuple(table.class_names[index] for index in none),
                "Add images of these classes",
            )
    named = list(zip(table.class_names, usable.class_counts("train"), strict=True))
    few = tuple(f"{name}: {count}" for name, count in named if 0 < count < FEW)
    if few:
        yield Finding(
            "warning",
            f"classes with fewer than {FEW} boxes for training",
            few,
            "Add images of these classes",
        )
    there = sorted((entry for entry in named if entry[1]), key=lambda entry: entry[1])
    if there and there[-1][1] > IMBALANCE * there[0][1]:
        yield Finding(
            "warning",
            f"the largest class has {there[-1][1] / there[0][1]:.0f} times the boxes "
            "of the smallest",
            tuple(f"{name}: {count:,}" for name, count in (there[0], there[-1])),
            "Add images of the small classes",
        )


def _splits(table, readable):
    for split in SPLITS:
        inside = table.splits == split
        if not np.any(readable & inside):
            yield Finding(
                # Training can do without a split, not with one it cannot read.
                "error" if split == "train" or inside.any() else "warning",
                f"the split {split!r} has no readable images",
                mend="Add images, or leave the splits to their content",
            )


def _duplicates(table, readable):
    by_key = collections.defaultdict(list)
    for row in np.flatnonzero(readable):
        by_key[table.keys[row]].append(row)
    groups = [rows for rows in by_key.values() if len(rows) > 1]
    for is_mixed, what, mend in (
        (
            lambda rows: len({*table.splits[rows].tolist()}) > 1,
            "images are in more than one split, so the figures will flatter",
            "Remove the copies from all splits but one",
        ),
        (
            lambda rows: len({_annotation(table, row) for row in rows}) > 1,
            "images are there more than once, with different boxes",
            "Keep each once, with all its boxes",
        ),
    ):
        mixed = [rows for rows in groups if is_mixed(rows)]
        if mixed:
            where = tuple(" = ".join(table.names[r] for r in rows) for rows in mixed)
            yield Finding("warning", f"{len(mixed):,} {what}", where, mend)


def _annotation(table, row):
    """All that is known about the boxes of an image, in no order."""
    pairs = zip(table.classes[row].tolist(), table.boxes[row].tolist(), strict=True)
    return tuple(sorted((label, *box) for label, box in pairs))


def _counts(table):
    counts = np.array([len(boxes) for boxes in table.boxes])
    empty, crowded = np.flatnonzero(counts == 0), np.flatnonzero(counts > CROWDED)
    if len(empty):
        yield Finding(
            "note",
            f"{len(empty):,} of {len(table):,} images have no boxes; they teach what "
            "is background",
            tuple(table.names[row] for row in empty),
        )
    if len(crowded):
        yield Finding(
            "note",
            f"{len(crowded):,} images have more than {CROWDED} boxes; COCO's figures "
            f"count the best {CROWDED} detections of an image",
            tuple(f"{table.names[row]}: {counts[row]}" for row in crowded),
        )


def _tiny(table, sizes, height, width):
    tiny = [int((each.min(axis=1) < TINY).sum()) if len(each) else 0 for each in sizes]
    rows = np.flatnonzero(tiny)
    if len(rows):
        where = "" if height is None else f" at the input of {width} x {height}"
        total = sum(map(len, sizes))
        yield Finding(
            "note" if sum(tiny) < 0.01 * total else "warning",
            f"{sum(tiny):,} of {total:,} boxes have a side below {TINY} pixels{where}",
            tuple(f"{table.names[row]}: {tiny[row]}" for row in rows),
            "Choose a larger input, or cut the images into parts" if height else None,
        )


def _anchors(sizes, anchors, count):
    """Returns summary lines about the fit of anchors, and findings."""
    sizes = np.concatenate([np.zeros((0, 2), np.float32), *sizes])
    if not len(sizes) or not count:
        return [], []
    fitted = kmeans_anchors(sizes, count)
    possible = anchor_recall(sizes, fitted)
    lines = [
        f"anchors: {count} fitted ones cover {possible:.1%} of the boxes at IoU .5, "
        f"mean IoU {mean_best_iou(sizes, fitted):.3f}"
    ]
    if anchors is None:
        return lines, []
    recall = anchor_recall(sizes, anchors)
    lines.append(
        f"         the {len(anchors)} given ones cover {recall:.1%}, "
        f"mean IoU {mean_best_iou(sizes, anchors):.3f}"
    )
    if recall >= possible - POOR_FIT:
        return lines, []
    shown = ", ".join(f"{width:.0f} x {height:.0f}" for width, height in fitted)
    finding = Finding(
        "warning",
        f"the anchors cover {recall:.1%} of the boxes at IoU .5, fitted ones "
        f"{possible:.1%}",
        (f"fitted: {shown}",),
        "Fit the anchors to this data",
    )
    return lines, [finding]
