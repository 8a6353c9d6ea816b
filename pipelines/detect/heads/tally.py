"""Figures of detectors of one object."""

import numpy as np

from ....layers.metrics.detection_matching import box_iou
from .base import Tally

LEAST_IOU = 0.5
NEAR = 0.1  # of the box's diagonal; a point found so near counts as found


class SingleObjectTally(Tally):
    """How often the object is found, and how far its landmarks are from theirs.

    Args:
        confidence: Boxes of a higher score are shown.
        points: Whether landmarks are measured.
    """

    def __init__(self, confidence, points):
        self._confidence = confidence
        self._points = points
        self._right = []
        self._errors = []  # of the points of objects that are found
        self._near = []

    def add(self, truth, found):
        counted = np.ones(len(truth["boxes"]), bool)
        for flag in ("crowd", "difficult"):
            counted &= ~truth.get(flag, ~counted)
        if len(counted) and not counted.any():
            return  # whether it should be found is not said
        is_shown = bool(len(found["scores"]) and found["scores"][0] > self._confidence)
        if not len(counted):
            self._right.append(not is_shown)
            return
        boxes = np.asarray(truth["boxes"], float)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        largest = np.argmax(np.where(counted, areas, -1))
        self._right.append(is_shown and _fits(truth, found, boxes[largest], largest))
        if self._points:
            points = truth["points"][largest]
            self._add_points(points, boxes[largest], found, is_shown)

    def _add_points(self, points, box, found, is_shown):
        labelled = points[:, 2] > 0
        if not is_shown:
            self._near += [False] * int(labelled.sum())
            return
        away = found["landmarks"][labelled] - points[labelled, :2]
        diagonal = np.linalg.norm(box[2:] - box[:2])
        errors = np.linalg.norm(away, axis=1) / diagonal
        self._errors += errors.tolist()
        self._near += (errors <= NEAR).tolist()

    def summary(self):
        """Returns the figures, -1 where there was nothing to measure.

        Returns:
            A dict of `localisation_accuracy`, the share of images of which all is
            right: the class and the place (IoU of at least .5) of the largest object,
            or that there is none; with landmarks also `landmark_error`, the mean
            distance of the labelled points of objects that were found, as a share of
            the box's diagonal; and `pck`, the share of the labelled points that are
            found within a tenth of it.
        """
        figures = {"localisation_accuracy": _mean(self._right)}
        if self._points:
            figures["landmark_error"] = _mean(self._errors)
            figures["pck"] = _mean(self._near)
        return figures


def _fits(truth, found, box, row):
    if found["classes"][0] != truth["classes"][row]:
        return False
    place = np.asarray(found["boxes"], float)[:1]
    return bool(box_iou(place, box[None], np.zeros(1, bool))[0, 0] >= LEAST_IOU)


def _mean(values):
    return float(np.mean(values)) if values else -1.0
