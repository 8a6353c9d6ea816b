"""Random detections, and pycocotools' figures for them."""

import contextlib
import io

import numpy as np
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


class _Evaluation(COCOeval):
    """pycocotools, and difficult truths as crowds that ordinary IoU is taken with."""

    def computeIoU(self, image, category):
        truths = self._gts[image, category]
        found = self._dts[image, category]
        if not truths and not found:
            return []
        order = np.argsort([-box["score"] for box in found], kind="mergesort")
        found = [found[i]["bbox"] for i in order[: self.params.maxDets[-1]]]
        crowd = [truth["crowd"] for truth in truths]
        return mask.iou(found, [truth["bbox"] for truth in truths], crowd)


def _dataset(rows, num_images, num_classes):
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image} for image in range(num_images)],
        "categories": [{"id": index} for index in range(num_classes)],
        # An annotation numbered 0 would count as not matched.
        "annotations": [{"id": i, **row} for i, row in enumerate(rows, start=1)],
    }
    coco.createIndex()
    return coco


def _rows(image, boxes):
    corners = np.asarray(boxes["boxes"], np.float64).reshape(-1, 4)
    sides = corners[:, 2:] - corners[:, :2]
    for (x, y), (width, height), index in zip(
        corners[:, :2], sides, boxes["classes"], strict=True
    ):
        yield {
            "image_id": image,
            "category_id": int(index),
            "bbox": [x, y, width, height],
            "area": width * height,
            "iscrowd": 0,
        }


def coco_evaluation(images, num_classes, max_detections=100):
    """An evaluated `COCOeval` for a list of (truth, prediction)."""
    truths, found = [], []
    for image, (truth, prediction) in enumerate(images):
        none = np.zeros(len(truth["classes"]), bool)
        columns = [truth.get(key, none) for key in ("crowd", "difficult")]
        areas = truth.get("areas", [None] * len(none))
        for row, crowd, hard, area in zip(
            _rows(image, truth), *columns, areas, strict=True
        ):
            row |= {"iscrowd": int(crowd or hard), "crowd": bool(crowd)}
            truths.append(row if area is None else row | {"area": float(area)})
        for row, score in zip(
            _rows(image, prediction), prediction["scores"], strict=True
        ):
            found.append(row | {"score": float(score)})
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = _Evaluation(
            *(_dataset(rows, len(images), num_classes) for rows in (truths, found)),
            "bbox",
        )
        evaluation.params.maxDets = [1, min(10, max_detections), max_detections]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def random_images(
    seed,
    count=12,
    num_classes=3,
    truths=6,
    detections=20,
    flags=0.0,
    grid=None,
    size=200,
):
    """A list of (truth, prediction) dicts, of which some overlap well.

    Args:
        seed: Of the draws, the same with every release of NumPy.
        count: Number of images.
        num_classes: Number of classes.
        truths: The most truths in an image.
        detections: The most detections.
        flags: Share of crowds, and of difficult truths.
        grid: Round coordinates to multiples of it and scores to tenths, for ties.
        size: Of the images in pixels.
    """
    draw = np.random.RandomState(seed)

    def rounded(values):
        return (np.round(values / grid) * grid if grid else values).astype("float32")

    images = []
    for _ in range(count):
        known, found = draw.randint(0, truths + 1), draw.randint(0, detections + 1)
        corner = draw.uniform(0, size * 0.6, (known, 2))
        sides = np.exp(draw.uniform(np.log(8), np.log(size * 0.8), (known, 2)))
        truth = {
            "boxes": rounded(np.concatenate([corner, corner + sides], axis=1)),
            "classes": draw.randint(0, num_classes, known),
            "crowd": draw.uniform(size=known) < flags,
            "difficult": draw.uniform(size=known) < flags,
        }
        if known:
            source = draw.randint(0, known, found)
            boxes = truth["boxes"][source]
            spread = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
            noise = draw.choice([0.02, 0.1, 0.4, 3.0], (found, 1))
            boxes = boxes + draw.normal(size=(found, 4)) * noise * spread
            boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
            right = draw.uniform(size=found) < 0.8
            other = draw.randint(0, num_classes, found)
            classes = np.where(right, truth["classes"][source], other)
        else:
            corner = draw.uniform(0, size, (found, 2))
            boxes = np.concatenate([corner, corner + 20], axis=1)
            classes = draw.randint(0, num_classes, found)
        scores = draw.uniform(size=found)
        prediction = {
            "boxes": rounded(boxes),
            "classes": classes,
            "scores": np.round(scores, 1 if grid else 16).astype("float32"),
        }
        images.append((truth, prediction))
    return images
