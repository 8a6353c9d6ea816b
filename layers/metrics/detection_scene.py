"""One image of an evaluation of detections: its truths and its detections."""

from typing import NamedTuple

import numpy as np

# Square pixels, both ends included.
AREAS = {
    "all": (0, 1e5**2),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e5**2),
}


class Scene(NamedTuple):
    """The truths of an image, and its detections from the highest score down."""

    boxes: np.ndarray  # [D, 4] xyxy, float64
    scores: np.ndarray  # [D]
    classes: np.ndarray  # [D]
    ranks: np.ndarray  # [D] place among the image's detections of the class
    rows: np.ndarray  # [D] row among the detections as they were given
    received: int  # how many were given
    truth_boxes: np.ndarray  # [M, 4] xyxy, float64
    truth_classes: np.ndarray  # [M]
    truth_areas: np.ndarray  # [M] square pixels
    crowd: np.ndarray  # [M] compared by the share of the detection it covers
    shareable: np.ndarray  # [M] any number of detections may lie on it
    ignored: np.ndarray  # [M] neither to be found nor to be missed


class Outcome(NamedTuple):
    """How an image's detections were matched at one IoU."""

    scene: Scene
    matched: np.ndarray  # [D] the truth, or -1
    counted: np.ndarray  # [D] whether it is a true or a false positive


def make_scene(truth, prediction, num_classes, max_detections):
    """The checked `Scene` of what `DetectionEvaluator.add` is given."""
    boxes, truths = _boxes(prediction, "prediction"), _boxes(truth, "truth")
    if not np.isfinite(truths).all():
        raise ValueError("Invalid value for `truth`: expected finite boxes")
    # What overflowed lies on nothing.
    boxes = np.where(np.isfinite(boxes).all(axis=1, keepdims=True), boxes, 0)
    classes = _classes(prediction, len(boxes), "prediction", num_classes)
    scores = _column(prediction, "scores", len(boxes), "prediction", np.float64)
    if np.isnan(scores).any():
        raise ValueError("Invalid value for `prediction`: expected scores, not NaN")
    order = np.argsort(-scores, kind="stable")
    ranks = _ranks(classes[order])
    order, ranks = (part[ranks < max_detections] for part in (order, ranks))

    def optional(name, default):
        if truth.get(name) is None:
            return default
        return _column(truth, name, len(truths), "truth", default.dtype)

    crowd = optional("crowd", np.zeros(len(truths), bool))
    shareable = crowd | optional("difficult", np.zeros(len(truths), bool))
    areas = optional("areas", box_areas(truths))
    return Scene(
        boxes=boxes[order],
        scores=scores[order],
        classes=classes[order],
        ranks=ranks,
        rows=order,
        received=len(boxes),
        truth_boxes=truths,
        truth_classes=_classes(truth, len(truths), "truth", num_classes),
        truth_areas=areas,
        crowd=crowd,
        shareable=shareable,
        ignored=shareable | outside_range(areas, "all"),
    )


def box_areas(boxes):
    """Areas `[n]` of xyxy boxes `[n, 4]`."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def outside_range(areas, name):
    """Whether areas are outside one of `AREAS`."""
    low, high = AREAS[name]
    return (areas < low) | (areas > high)


def _ranks(classes):
    """The place `[n]` of each among those of its class."""
    order = np.argsort(classes, kind="stable")
    first = np.searchsorted(classes[order], classes[order])
    ranks = np.empty(len(classes), int)
    ranks[order] = np.arange(len(classes)) - first
    return ranks


def _boxes(values, name):
    boxes = np.asarray(values["boxes"], np.float64)
    if boxes.size == 0:
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f"Invalid value for `{name}`: expected boxes of shape [n, 4], received "
            f"{list(boxes.shape)}"
        )
    return boxes


def _column(values, key, count, name, dtype):
    column = np.asarray(values[key], dtype)
    if column.shape != (count,):
        raise ValueError(
            f"Invalid value for `{name}`: expected {key} of shape [{count}] as there "
            f"are boxes, received {list(column.shape)}"
        )
    return column


def _classes(values, count, name, num_classes):
    classes = _column(values, "classes", count, name, np.float64)
    known = (classes >= 0) & (classes < num_classes) & (classes % 1 == 0)
    if not known.all():
        raise ValueError(
            f"Invalid value for `{name}`: expected classes from 0 to "
            f"{num_classes - 1}, received {classes[~known][0]:g}"
        )
    return classes.astype(int)


NOTHING = {"boxes": [], "scores": [], "classes": []}
EMPTY_SCENE = make_scene(NOTHING, NOTHING, num_classes=1, max_detections=1)
