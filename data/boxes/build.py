"""From what a reader found to a table of images with boxes."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...errors import UserError
from ..class_names import check_class_names
from ..files import read_file
from ..rows import pick_rows
from ..splits import content_key, resolve_splits
from ..threads import READERS
from .check import check_boxes
from .frames import fit_annotation
from .sizes import read_header
from .table import BoxTable

_COLUMNS = ("boxes", "labels", "crowd", "difficult", "points", "areas")


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
    keys, sizes, rows, annotations = _look(found, problems)
    if not annotations:
        raise UserError(
            "has no annotated images that can be read", source, _first(problems)
        )
    columns = {name: [] for name in _COLUMNS}
    for annotation, size in zip(annotations, sizes, strict=True):
        checked = _check(annotation, size, found, problems)
        for name, column in columns.items():
            column.append(checked[name])
    if not any(columns["labels"]):
        raise UserError("has no boxes of use", source, _first(problems))
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
    points, areas = columns.pop("points"), columns.pop("areas")
    states_areas = any(np.isfinite(each.areas).any() for each in annotations)
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
        areas=areas if states_areas else None,
        **columns,
    )


def _look(found, problems):
    """Reads the headers of the images.

    Returns:
        A tuple `(keys, sizes, rows, annotations)` of the images that are there and
        fit their annotations.
    """
    keys, headers, rows = _read_headers(found, problems)
    annotations, fitting = [], []
    for index, (height, width, orientation) in enumerate(headers.tolist()):
        annotation = found.annotations[rows[index]]
        fitted, problem = fit_annotation(annotation, (height, width), orientation)
        if problem:
            problems.append((annotation.name, problem))
        if fitted is not None:
            annotations.append(fitted)
            fitting.append(index)
    fitting = np.array(fitting, int)
    return keys[fitting], headers[fitting, :2], rows[fitting], annotations


def _read_headers(found, problems):
    """Returns keys, int32 `[n, 3]` of what `read_header` says, and row numbers."""
    if found.sizes is not None:
        rows = np.arange(len(found.annotations))
        headers = np.column_stack([found.sizes, np.ones(len(rows))])
        return np.asarray(found.keys), headers.astype(np.int32), rows

    def look(source):
        try:
            contents = source if isinstance(source, bytes) else read_file(source)
        except UserError as error:
            return None, error.what
        header = read_header(contents)
        if header is None:
            return None, "is no image that can be read"
        return (content_key(contents), header), None

    sources = found.files if found.files is not None else found.encoded
    with ThreadPoolExecutor(READERS) as pool:
        seen = list(pool.map(look, sources))
    for annotation, (_, reason) in zip(found.annotations, seen, strict=True):
        if reason:
            problems.append((annotation.name, f"{reason}; the image is left out"))
    rows = [row for row, (looked, _) in enumerate(seen) if looked]
    keys = np.array([seen[row][0][0] for row in rows])
    headers = np.array([seen[row][0][1] for row in rows], np.int32).reshape(-1, 3)
    return keys, headers, np.array(rows, int)


def _check(annotation, size, found, problems):
    """Returns the useful boxes of one image; appends what was wrong to `problems`."""
    height, width = map(int, size)
    boxes = annotation.boxes
    points = np.array(annotation.points, np.float32)
    points = points.reshape(len(boxes), len(found.point_names), 3)
    if found.relative:
        boxes = np.reshape(boxes, (-1, 4)) * np.array([width, height, width, height])
        points = points * np.array([width, height, 1], np.float32)
    boxes, kept, texts = check_boxes(boxes, annotation.labels, height, width)
    problems += [(annotation.name, text) for text in texts]

    def flags(values):
        return np.array([bool(values) and values[index] for index in kept], bool)

    return {
        "boxes": boxes,
        "labels": [annotation.labels[index] for index in kept],
        "crowd": flags(annotation.crowd),
        "difficult": flags(annotation.difficult),
        "points": points[kept],
        "areas": _areas(annotation.areas, kept, boxes),
    }


def _areas(stated, kept, boxes):
    """Returns the areas that are stated, and those of boxes where none is."""
    own = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64).prod(axis=1)
    if not stated:
        return own
    stated = np.array(stated, np.float64)[kept]
    return np.where(np.isfinite(stated), stated, own)


def _first(problems):
    """Says what the first problem is; `None` if there is none."""
    return f"The first problem is {': '.join(problems[0])}" if problems else None


def _class_names(labels, declared, wanted, spec):
    """Returns the classes in their order.

    Args:
        labels: For each image, a list of class names.
        declared: What the data declares, or `None`.
        wanted: The classes of a run, or `None`.
        spec: The data's name, for messages.
    """
    there = {label for row in labels for label in row}
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
