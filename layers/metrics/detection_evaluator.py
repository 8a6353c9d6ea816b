"""Mean average precision of detections, and what it is made of."""

import numpy as np

from .detection_errors import explain_detections, measure_errors
from .detection_matching import (
    RECALLS,
    box_iou,
    find_pairs,
    interpolate_precision,
    match_pairs,
)
from .detection_scene import (
    AREAS,
    EMPTY_SCENE,
    Outcome,
    box_areas,
    make_scene,
    outside_range,
)

COCO_IOUS = tuple(np.linspace(0.5, 0.95, 10).tolist())
CONFIDENCES = np.linspace(0, 1, 1001)
SHOWN_IOU = 0.5  # of curves, errors, counts and the confusion matrix


class DetectionEvaluator:
    """Evaluates detections as COCO does, image by image, on the host.

    `add` collects, everything else reports on what was added so far. The figures are
    those of pycocotools: at most `max_detections` an image and class count, ties go
    by the order of images and rows, a class without truths has the figure -1 and is
    left out of the means, and a truth outside a range of areas is ignored there.
    Crowds are COCO's (`iscrowd`): ignored, any number of detections may lie on one,
    and IoU with one is the share of the detection's own area. Difficult truths are
    Pascal VOC's: ignored, any number of detections too, but by ordinary IoU.

    Args:
        num_classes: Number of classes.
        iou_thresholds: The IoUs that `map` and `mar` are the mean over.
        max_detections: Detections of one class that count in an image.

    Raises:
        ValueError: If an argument is out of range.

    Reference:
        Lin et al., 2014, "Microsoft COCO: Common Objects in Context";
        Everingham et al., 2010, "The Pascal Visual Object Classes Challenge";
        Bolya et al., 2020, "TIDE: A General Toolbox for Identifying Object Detection
        Errors".
    """

    def __init__(self, num_classes, iou_thresholds=COCO_IOUS, max_detections=100):
        _check_at_least_one("num_classes", num_classes)
        _check_at_least_one("max_detections", max_detections)
        self.num_classes = num_classes
        self.iou_thresholds = np.array(iou_thresholds, np.float64).reshape(-1)
        if (
            not self.iou_thresholds.size
            or not ((self.iou_thresholds > 0) & (self.iou_thresholds <= 1)).all()
        ):
            raise ValueError(
                "Invalid value for `iou_thresholds`: expected values above 0 and up "
                f"to 1, received iou_thresholds={iou_thresholds}"
            )
        self.max_detections = max_detections
        self.reset()

    def __len__(self):
        """The number of images added."""
        return len(self._scenes)

    def reset(self):
        """Forgets all images."""
        self._scenes = []
        self._evaluated = self._shown = self._curves = None

    def add(self, truth, prediction):
        """Adds an image. Coordinates are xyxy in pixels of one and the same frame.

        Args:
            truth: A dict of `boxes` `[M, 4]` and `classes` `[M]`; optionally `crowd`
                and `difficult`, booleans `[M]`, and `areas` `[M]` in square pixels
                where an object's area is not its box's (COCO's segments).
            prediction: A dict of `boxes` `[D, 4]`, `scores` `[D]` in 0..1 and
                `classes` `[D]`, in any order. A box that is not finite lies on
                nothing.

        Raises:
            ValueError: If a shape, class or value is not as said.
        """
        self._scenes.append(
            make_scene(truth, prediction, self.num_classes, self.max_detections)
        )
        self._evaluated = self._shown = self._curves = None

    def summary(self):
        """COCO's figures.

        Returns:
            A dict, -1 where there is nothing to measure: mean average precision
            `map`, at one IoU `map50` and `map75` (-1 where not among
            `iou_thresholds`), by area of the truths `map_small`, `map_medium`,
            `map_large`; mean recall `mar` with `max_detections`, `mar1` and `mar10`
            with 1 and 10 detections an image and class, `mar_small`, `mar_medium`,
            `mar_large`. `images` and `truths` count what was evaluated, without
            ignored truths. `per_class` lists a dict a class: `class`, `truths`,
            `map`, `map50`, `map75`, `mar`.
        """
        precision, recalls, positives = self._evaluate()
        recall = recalls[self.max_detections]
        rows = [
            {
                "class": index,
                "truths": int(positives[index]),
                **self._average(precision[0, :, index]),
                "mar": _mean(recall[0, :, index]),
            }
            for index in range(self.num_classes)
        ]
        return {
            **self._average(precision[0]),
            **{f"map_{n}": _mean(p) for n, p in _by_size(precision)},
            "mar1": _mean(recalls[1][0]),
            "mar10": _mean(recalls[10][0]),
            "mar": _mean(recall[0]),
            **{f"mar_{n}": _mean(r) for n, r in _by_size(recall)},
            "images": len(self),
            "truths": int(positives.sum()),
            "per_class": rows,
        }

    def curves(self):
        """Curves at IoU .5.

        Returns:
            A dict of `recall` `[101]` and `precision` `[classes, 101]` there, the
            best at that recall or a higher one; `confidence` `[1001]` and `f1`
            `[classes, 1001]` of the detections with at least that score; both -1 for
            a class without truths. `mean_f1` `[1001]` is the mean over the other
            classes, `best_f1` its maximum, and `best_confidence` where that is.
        """
        if self._curves is not None:
            return self._curves
        positives = self._count_positives(self._joined("ignored"))
        scores, classes = self._joined("scores"), self._joined("classes")
        matched, counted = self._matches()
        precision = np.full((self.num_classes, len(RECALLS)), -1.0)
        f1 = np.full((self.num_classes, len(CONFIDENCES)), -1.0)
        for index in np.flatnonzero(positives):
            rows = np.flatnonzero(counted & (classes == index))
            rows = rows[np.argsort(-scores[rows], kind="stable")]
            true = matched[rows] >= 0
            precision[index] = interpolate_precision(
                true[None], ~true[None], positives[index]
            )
            above = np.searchsorted(-scores[rows], -CONFIDENCES, "right")
            hits = np.append(0, np.cumsum(true))[above]
            f1[index] = 2 * hits / (above + positives[index])
        present = f1[positives > 0]
        mean = present.mean(axis=0) if len(present) else np.zeros(len(CONFIDENCES))
        best = np.flatnonzero(mean == mean.max())
        # The middle of a plateau is the safest of its confidences.
        place = best[len(best) // 2]
        self._curves = {
            "recall": RECALLS,
            "precision": precision,
            "confidence": CONFIDENCES,
            "f1": f1,
            "mean_f1": mean,
            "best_f1": float(mean[place]),
            "best_confidence": float(CONFIDENCES[place]),
        }
        return self._curves

    def errors(self):
        """The kinds of mistakes at IoU .5, and what each costs (TIDE).

        `class`: on a truth of another class; `localisation`: on a truth of its class
        with IoU .1 to .5; `both`: neither right; `duplicate`: on a truth already
        found; `background`: on nothing; `missed`: a truth that no mistake of the
        first two kinds is on. The costs need not add up.

        Unlike the authors' package, detections on ignored truths are no mistakes,
        classes without truths do not count, and the recalls are COCO's to the bit.

        Returns:
            A dict of kind to a dict of `dap50`, the gain in `map50` if only that kind
            were mended, and `count`.
        """
        kinds, truths, first = [np.zeros(0, "U1")], [np.zeros(0, int)], 0
        for outcome in self._outcomes():
            kind, truth = explain_detections(*outcome)
            kinds.append(kind)
            truths.append(np.where(truth < 0, -1, truth + first))
            first += len(outcome.scene.ignored)
        return measure_errors(
            self._joined("scores"),
            self._joined("classes"),
            np.concatenate(kinds),
            np.concatenate(truths),
            self._joined("truth_classes"),
            self._joined("ignored"),
            self.num_classes,
        )

    def image_scores(self, confidence=None):
        """Counts each image's detections at IoU .5, e.g. to find the worst images.

        Args:
            confidence: Detections with at least this score count; `None` for
                `best_confidence` of `curves`.

        Returns:
            A dict of `true_positives`, `false_positives` and `false_negatives`, each
            an int array `[images]` in the order they were added.
        """
        confidence = self._confidence(confidence)
        rows = np.zeros((len(self), 3), int)
        for row, outcome in zip(rows, self._outcomes(), strict=True):
            shown = outcome.counted & (outcome.scene.scores >= confidence)
            found = np.count_nonzero(shown & (outcome.matched >= 0))
            truths = np.count_nonzero(~outcome.scene.ignored)
            row[:] = found, np.count_nonzero(shown) - found, truths - found
        names = ("true_positives", "false_positives", "false_negatives")
        return dict(zip(names, rows.T, strict=True))

    def image_matches(self, index, confidence=None):
        """What each detection of an image is at IoU .5, e.g. to draw it.

        Args:
            index: The number of the image, in the order they were added.
            confidence: As for `image_scores`.

        Returns:
            A dict of `kinds` `[D]`, strings: `"true positive"`, one of the kinds of
            `errors` but missed, or `"ignored"`: on an ignored truth, below the
            confidence or beyond `max_detections`; `truths` `[D]`, the row of the
            truth the detection is on, or -1; and `false_negatives`, the rows of the
            truths not found. Detections and truths are in the order given to `add`.
        """
        confidence = self._confidence(confidence)
        outcome = list(self._outcomes())[index]
        scene = outcome.scene
        kinds, truths = explain_detections(*outcome)
        kinds = np.where(scene.scores >= confidence, kinds, "ignored")
        lost = ~scene.ignored
        lost[truths[kinds == "true positive"]] = False
        told = {
            "kinds": np.full(scene.received, "ignored", dtype=object),
            "truths": np.full(scene.received, -1),
            "false_negatives": np.flatnonzero(lost),
        }
        told["kinds"][scene.rows] = kinds
        told["truths"][scene.rows] = truths
        return told

    def scene(self, index):
        """Returns the `Scene` of an image: its truths and detections as evaluated."""
        return self._scenes[index]

    def confusion_matrix(self, confidence=None):
        """Counts which class was taken for which, at IoU .5.

        True positives are on the diagonal. Each detection left, from the highest
        score down, is counted with the truth left of another class that it overlaps
        most, and else as background; so is each truth left.

        Args:
            confidence: As for `image_scores`.

        Returns:
            `[classes + 1, classes + 1]` ints: rows are true classes, columns
            detected ones, and the last of each is background.
        """
        confidence = self._confidence(confidence)
        background = self.num_classes
        matrix = np.zeros((background + 1, background + 1), int)
        for scene, matched, counted in self._outcomes():
            shown = counted & (scene.scores >= confidence)
            free = ~scene.ignored
            found = shown & (matched >= 0)
            free[matched[found]] = False
            np.add.at(matrix, (scene.classes[found],) * 2, 1)
            iou = box_iou(scene.boxes, scene.truth_boxes, np.zeros_like(scene.crowd))
            for row in np.flatnonzero(shown & ~found):
                other = free & (scene.truth_classes != scene.classes[row])
                overlap = np.where(other, iou[row], 0)
                truth = background
                if overlap.size and overlap.max() >= SHOWN_IOU:
                    free[overlap.argmax()] = False
                    truth = scene.truth_classes[overlap.argmax()]
                matrix[truth, scene.classes[row]] += 1
            np.add.at(matrix, (scene.truth_classes[free], background), 1)
        return matrix

    def _joined(self, field):
        """A field of all scenes, one after another."""
        scenes = [EMPTY_SCENE, *self._scenes]
        return np.concatenate([getattr(scene, field) for scene in scenes])

    def _count_positives(self, ignored):
        """Truths to be found, by class."""
        classes = self._joined("truth_classes")
        return np.bincount(classes[~ignored], minlength=self.num_classes)

    def _confidence(self, confidence):
        return self.curves()["best_confidence"] if confidence is None else confidence

    def _evaluate(self):
        """Precision `[areas, T, classes, 101]`, recalls and counts of truths.

        The recalls `[areas, T, classes]` are in a dict by the number of detections of
        a class that count in an image.
        """
        if self._evaluated is not None:
            return self._evaluated
        thresholds, ranks = self.iou_thresholds, self._joined("ranks")
        scores, classes = self._joined("scores"), self._joined("classes")
        order = np.lexsort((-scores, classes))
        ends = np.searchsorted(classes[order], np.arange(self.num_classes + 1))
        pairs = find_pairs(self._scenes, min(thresholds.min(), 1 - 1e-10))

        shape = (len(AREAS), len(thresholds), self.num_classes)
        precision = np.full((*shape, len(RECALLS)), -1.0)
        recalls = {n: np.full(shape, -1.0) for n in (1, 10, self.max_detections)}
        counts = []
        for size, name in enumerate(AREAS):
            matched, counted, ignored = self._match(pairs, name, thresholds)
            found, lost = counted & (matched >= 0), counted & (matched < 0)
            counts.append(self._count_positives(ignored))
            for index in np.flatnonzero(counts[-1]):
                rows = order[ends[index] : ends[index + 1]]
                true, positives = found[:, rows], counts[-1][index]
                precision[size, :, index] = interpolate_precision(
                    true, lost[:, rows], positives
                )
                for limit, recall in recalls.items():
                    hits = true[:, ranks[rows] < limit].sum(axis=1)
                    recall[size, :, index] = hits / positives
        self._evaluated = precision, recalls, counts[0]
        return self._evaluated

    def _match(self, pairs, size, thresholds):
        """Matches all detections to the truths of one of `AREAS`.

        Returns:
            `(matched, counted, ignored)`: `[T, D]` the truth, counted over all
            images, or -1; `[T, D]` whether the detection is a true or false positive;
            `[M]` whether the truth is ignored.
        """
        shareable = self._joined("shareable")
        ignored = shareable | outside_range(self._joined("truth_areas"), size)
        outside = outside_range(box_areas(self._joined("boxes")), size)
        matched = match_pairs(pairs, ignored, shareable, len(outside), thresholds)
        # The one more is what an unmatched detection looks up.
        spared = np.append(ignored, False)[matched]
        return matched, ~np.where(matched >= 0, spared, outside), ignored

    def _matches(self):
        """What `_match` finds at the IoU shown: `[D]` truths, `[D]` counted."""
        if self._shown is None:
            pairs = find_pairs(self._scenes, SHOWN_IOU)
            matched, counted, _ = self._match(pairs, "all", np.array([SHOWN_IOU]))
            self._shown = matched[0], counted[0]
        return self._shown

    def _outcomes(self):
        """The `Outcome` of each image."""
        matched, counted = self._matches()
        first = first_truth = 0
        for scene in self._scenes:
            part = slice(first, first + len(scene.boxes))
            local = np.where(matched[part] < 0, -1, matched[part] - first_truth)
            yield Outcome(scene, local, counted[part])
            first += len(scene.boxes)
            first_truth += len(scene.truth_boxes)

    def _average(self, precision):
        """Mean precision `[T, ...]` over all thresholds, at .5 and at .75."""
        at = {
            f"map{round(100 * iou)}": _mean(
                precision[np.isclose(self.iou_thresholds, iou)]
            )
            for iou in (0.5, 0.75)
        }
        return {"map": _mean(precision), **at}


def _mean(values):
    """Mean without the figures of absent classes; -1 where nothing is left."""
    values = values[values > -1]
    return float(values.mean()) if values.size else -1.0


def _by_size(figures):
    return list(zip(AREAS, figures, strict=True))[1:]


def _check_at_least_one(name, value):
    if value < 1:
        raise ValueError(
            f"Invalid value for `{name}`: expected at least 1, received {name}={value}"
        )
