"""From what a reader found to a table of images with boxes."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...errors import UserError
from ..class_names import check_class_names
from ..images.folders import READERS
from ..images.image_set import pick_rows, read_file
from ..splits import content_key, resolve_splits
from .check import check_boxes
from .sizes import image_size
from .table import BoxTable


def build_table(
    found, source, *, val_fraction, test_fraction, known_splits, class_names
):
    """Checks boxes, numbers classes and gives each image its split.

    Args:
        found: A `FoundBoxes`.
        source: The data spec.
        val_fraction: As in `load_boxes`.
        test_fraction: As in `load_boxes`.
        known_splits: As in `load_boxes`.
        class_names: As in `load_boxes`.

    Returns:
        A `BoxTable`.

    Raises:
        UserError: if no images are left, or classes are unknown or ill-named.
    """
    problems = list(found.problems)
    keys, sizes, rows = _look(found, problems)
    annotations = [found.annotations[row] for row in rows]
    if not annotations:
        reason = f"The first is {': '.join(problems[0])}" if problems else None
        raise UserError("has no annotated images that can be read", source, reason)

    columns = {name: [] for name in ("boxes", "labels", "crowd", "difficult", "points")}
    for annotation, size in zip(annotations, sizes, strict=True):
        checked = _check(annotation, size, found, problems)
        for name, column in columns.items():
            column.append(checked[name])
    names = _class_names(columns["labels"], found.class_names, class_names, source)
    number = {name: index for index, name in enumerate(names)}
    classes = [
        np.array([number[label] for label in labels], np.int32)
        for labels in columns.pop("labels")
    ]
    splits = resolve_splits(
        [annotation.split for annotation in annotations],
        keys,
        _rarest(classes, len(names)),
        val=val_fraction,
        test=test_fraction,
        known=known_splits,
    )
    points = columns.pop("points")
    return BoxTable(
        source=source,
        description=found.description,
        class_names=names,
        classes=classes,
        sizes=sizes,
        splits=splits,
        keys=keys,
        names=[annotation.name for annotation in annotations],
        files=pick_rows(found.files, rows),
        encoded=pick_rows(found.encoded, rows),
        problems=tuple(problems),
        points=points if found.point_names else None,
        point_names=tuple(found.point_names),
        **columns,
    )


def _look(found, problems):
    """Reads keys and sizes; returns them and the rows of the images that are there."""
    if found.sizes is not None:
        rows = np.arange(len(found.annotations))
        return np.asarray(found.keys), np.asarray(found.sizes, np.int32), rows

    def look(source):
        try:
            contents = source if isinstance(source, bytes) else read_file(source)
        except UserError as error:
            return None, error.what
        size = image_size(contents)
        if size is None:
            return None, "is no image that can be read"
        return (content_key(contents), size), None

    sources = found.files if found.files is not None else found.encoded
    with ThreadPoolExecutor(READERS) as pool:
        seen = list(pool.map(look, sources))
    for annotation, (_, reason) in zip(found.annotations, seen, strict=True):
        if reason:
            problems.append((annotation.name, f"{reason}; the image is left out"))
    rows = [row for row, (looked, _) in enumerate(seen) if looked]
    keys = np.array([seen[row][0][0] for row in rows])
    sizes = np.array([seen[row][0][1] for row in rows], np.int32).reshape(-1, 2)
    return keys, sizes, np.array(rows, int)


def _check(annotation, size, found, problems):
    """Returns the useful boxes of one image; appends what was wrong to `problems`."""
    height, width = map(int, size)
    name, stated = annotation.name, annotation.size
    if stated and tuple(map(int, stated)) != (height, width):
        problems.append(
            (
                name,
                f"the annotation says {stated[1]:.0f} x {stated[0]:.0f} pixels, the "
                f"upright image has {width} x {height}; the image is believed",
            )
        )
    boxes = annotation.boxes
    points = np.array(annotation.points, np.float32)
    points = points.reshape(len(boxes), len(found.point_names), 3)
    if found.relative:
        boxes = np.reshape(boxes, (-1, 4)) * np.array([width, height, width, height])
        points = points * np.array([width, height, 1], np.float32)
    boxes, kept, texts = check_boxes(boxes, annotation.labels, height, width)
    problems += [(name, text) for text in texts]

    def flags(values):
        return np.array([bool(values) and values[index] for index in kept], bool)

    return {
        "boxes": boxes,
        "labels": [annotation.labels[index] for index in kept],
        "crowd": flags(annotation.crowd),
        "difficult": flags(annotation.difficult),
        "points": points[kept],
    }


def _class_names(labels, declared, wanted, spec):
    """Returns the classes in their order.

    Args:
        labels: For each image, a list of class names.
        declared: What the data declares, or `None`.
        wanted: The classes of a run, or `None`.
        spec: The data's name, for messages.
    """
    there = {label for row in labels for label in row}
    if not there:
        raise UserError("has no boxes of use", spec)
    if wanted is None:
        wanted = sorted(there) if declared is None else declared
    check_class_names(there, wanted, spec)
    return tuple(wanted)


def _rarest(classes, count):
    """Returns each image's class that the fewest images have; `count` for none."""
    images = np.zeros(count, int)
    for row in classes:
        images[np.unique(row)] += 1
    return np.array(
        [row[np.argmin(images[row])] if len(row) else count for row in classes]
    )
