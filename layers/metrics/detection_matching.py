"""Detections matched to truths as COCO's evaluation matches them, in numpy."""

from typing import NamedTuple

import numpy as np

from .detection_scene import box_areas

RECALLS = np.linspace(0, 1, 101)


class Pairs(NamedTuple):
    """Detections and truths of one image and class that overlap enough."""

    detection: np.ndarray  # [P] counted over all images
    truth: np.ndarray  # [P] counted over all images
    iou: np.ndarray  # [P]


def box_iou(detections, truths, crowd):
    """IoU `[D, M]`, with a crowd as COCO defines it: over the detection's own area.

    Args:
        detections: `[D, 4]` xyxy.
        truths: `[M, 4]` xyxy.
        crowd: `[M]` booleans.
    """
    upper = np.minimum(detections[:, None, 2:], truths[:, 2:])
    sides = upper - np.maximum(detections[:, None, :2], truths[:, :2])
    shared = np.where((sides > 0).all(axis=-1), sides[..., 0] * sides[..., 1], 0)
    own = box_areas(detections)[:, None]
    union = np.where(crowd, own, own + box_areas(truths) - shared)
    return np.divide(shared, union, out=np.zeros_like(union), where=shared > 0)


def find_pairs(scenes, minimum):
    """The `Pairs` of all images whose IoU is at least `minimum`."""
    found = []
    first_detection = first_truth = 0
    for scene in scenes:
        if len(scene.boxes) and len(scene.truth_boxes):
            iou = box_iou(scene.boxes, scene.truth_boxes, scene.crowd)
            same = scene.classes[:, None] == scene.truth_classes
            detection, truth = np.nonzero(same & (iou >= minimum))
            pair = iou[detection, truth]
            found.append((detection + first_detection, truth + first_truth, pair))
        first_detection += len(scene.boxes)
        first_truth += len(scene.truth_boxes)
    if not found:
        return Pairs(np.zeros(0, int), np.zeros(0, int), np.zeros(0))
    return Pairs(*map(np.concatenate, zip(*found, strict=True)))


def match_pairs(pairs, ignored, shareable, num_detections, thresholds):
    """Matches every detection at every IoU threshold.

    The rule: from the highest score down, a detection takes the free truth that
    overlaps it most, an ignored one only where no other is left; of equal overlaps
    the later truth. Since all truths prefer the higher score, that is the one stable
    matching, and proposals in rounds find it for all images and thresholds at once.

    Args:
        pairs: `Pairs`, whose detections are numbered from the highest score of
            their image down.
        ignored: `[truths]`, whether a truth is ignored.
        shareable: `[truths]`, whether any number of detections may take it.
        num_detections: Of all images.
        thresholds: `[T]`.

    Returns:
        `[T, num_detections]`, the number of the truth, or -1.
    """
    preference = np.lexsort(
        (-pairs.truth, -pairs.iou, ignored[pairs.truth], pairs.detection)
    )
    detection, truth, iou = (field[preference] for field in pairs)
    level, edge = np.nonzero(iou >= np.minimum(thresholds, 1 - 1e-10)[:, None])
    suitor = level * num_detections + detection[edge]
    wanted = level * len(ignored) + truth[edge]
    open_to_all = shareable[truth[edge]]

    place = np.flatnonzero(np.diff(suitor, prepend=-1))
    end = np.append(place[1:], len(suitor))
    while True:
        # The lowest number has the highest score.
        best = np.full(len(thresholds) * len(ignored), len(thresholds) * num_detections)
        np.minimum.at(best, wanted[place], suitor[place])
        refused = (best[wanted[place]] != suitor[place]) & ~open_to_all[place]
        if not refused.any():
            break
        place = place + refused
        hopeful = place < end
        place, end = place[hopeful], end[hopeful]

    matched = np.full(len(thresholds) * num_detections, -1)
    matched[suitor[place]] = truth[edge[place]]
    return matched.reshape(len(thresholds), num_detections)


def interpolate_precision(true, false, positives):
    """Precision at the 101 recalls of COCO, made monotonous.

    Args:
        true: `[T, n]` booleans, the true positives from the highest score down.
        false: `[T, n]` booleans, the false positives.
        positives: Number of truths, at least 1.

    Returns:
        `[T, 101]`, 0 where the recall is not reached.
    """
    true, false = np.cumsum(true, axis=1), np.cumsum(false, axis=1)
    precision = true / (true + false + np.spacing(1))
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    precision = np.pad(precision, ((0, 0), (0, 1)))
    reached = [np.searchsorted(recall, RECALLS) for recall in true / positives]
    return np.take_along_axis(precision, np.array(reached), axis=1)
