"""What kind of mistake each detection is, and what each kind costs (TIDE)."""

import numpy as np

from .detection_matching import box_iou, interpolate_precision

KINDS = ("class", "localisation", "both", "duplicate", "background", "missed")
FOREGROUND = 0.5  # IoU from which a detection is on a truth
BACKGROUND = 0.1  # IoU up to which it is on nothing


def explain_detections(scene, matched, counted):
    """Names what each detection of an image is.

    Only truths that are not ignored explain a mistake. A mistake of more than one
    kind is the first of localisation, class, duplicate, background; what is none of
    these is wrong in both class and place.

    Args:
        scene: The image's `Scene`.
        matched: `[D]`, the matched truth at IoU .5, or -1.
        counted: `[D]` booleans, whether the detection is a true or false positive.

    Returns:
        `(kinds, truths)`: `[D]` strings, `"true positive"`, `"ignored"` or one of
        `KINDS`, and `[D]` the truth the detection is on, or -1.
    """
    iou = box_iou(scene.boxes, scene.truth_boxes, np.zeros_like(scene.crowd))
    # One truth more, which overlaps nothing, so that there is always a largest IoU.
    iou = np.pad(np.where(scene.ignored, 0, iou), ((0, 0), (0, 1)))
    same = scene.classes[:, None] == np.append(scene.truth_classes, -1)
    taken = np.isin(np.arange(iou.shape[1]), matched)
    right, wrong = np.where(same, iou, 0), np.where(same, 0, iou)
    repeated = np.where(taken, right, 0)
    nearest = right.max(axis=1)
    cases = {
        "ignored": (~counted, matched),
        "true positive": (matched >= 0, matched),
        "localisation": (
            (nearest >= BACKGROUND) & (nearest <= FOREGROUND),
            right.argmax(axis=1),
        ),
        "class": (wrong.max(axis=1) >= FOREGROUND, wrong.argmax(axis=1)),
        "duplicate": (repeated.max(axis=1) >= FOREGROUND, repeated.argmax(axis=1)),
        "background": (iou.max(axis=1) <= BACKGROUND, np.full(len(iou), -1)),
    }
    conditions, truths = zip(*cases.values(), strict=True)
    kinds = np.select(conditions, list(cases), default="both")
    return kinds, np.select(conditions, truths, default=iou.argmax(axis=1))


def measure_errors(
    scores, classes, kinds, truths, truth_classes, truth_ignored, num_classes
):
    """Counts each kind of mistake and the AP that mending it alone would bring.

    A mistake of class or place is mended by making the detection of the highest
    score on its truth a true positive, and removing the others; where the truth was
    found by another detection, all are removed. One of both, a duplicate or one on
    background is removed. A missed truth, which no mistake of class or place
    explains, is no longer asked for.

    Args:
        scores: `[D]`, of all images, each image's from the highest down.
        classes: `[D]`.
        kinds: `[D]`, as `explain_detections` names them.
        truths: `[D]`, counted over all images, or -1.
        truth_classes: `[M]`, of all images.
        truth_ignored: `[M]` booleans.
        num_classes: Number of classes.

    Returns:
        For each of `KINDS` a dict: `count`, and `dap50`, the gain in mean AP at IoU
        .5, at least 0.
    """
    true = kinds == "true positive"
    found = np.zeros(len(truth_classes), bool)
    found[truths[true]] = True
    close = (kinds == "class") | (kinds == "localisation")
    hopeful = np.flatnonzero(close)
    hopeful = hopeful[~found[truths[hopeful]]]
    explained, first = np.unique(truths[hopeful], return_index=True)
    mended = np.zeros(len(kinds), bool)
    mended[hopeful[first]] = True
    missed = ~truth_ignored & ~found
    missed[explained] = False

    def count_classes(chosen):
        return np.bincount(truth_classes[chosen], minlength=num_classes)

    positives = count_classes(~truth_ignored)
    present = np.flatnonzero(positives)
    kept = kinds != "ignored"

    def mean_precision(kept, classes, true, positives):
        order = np.flatnonzero(kept)
        order = order[np.argsort(-scores[order], kind="stable")]
        values = []
        for index in present:
            mine = true[order[classes[order] == index]][None]
            if positives[index]:
                values.append(
                    interpolate_precision(mine, ~mine, positives[index]).mean()
                )
            elif mine.size:
                values.append(0)
        return np.mean(values) if values else 0.0

    before = mean_precision(kept, classes, true, positives)
    errors = {}
    for kind in KINDS[:-1]:
        wrong = kinds == kind
        right = wrong & mended
        moved = classes.copy()
        moved[right] = truth_classes[truths[right]]
        after = mean_precision(kept & (~wrong | right), moved, true | right, positives)
        errors[kind] = {
            "dap50": max(float(after - before), 0.0),
            "count": int(wrong.sum()),
        }
    after = mean_precision(kept, classes, true, positives - count_classes(missed))
    errors["missed"] = {
        "dap50": max(float(after - before), 0.0),
        "count": int(missed.sum()),
    }
    return errors
