"""The figures of a detector, from the answers of its serving module."""

import numpy as np

from ...layers.boxes import letterbox_boxes


def detection_metrics(evaluator, labels):
    """Computes the figures of a split.

    Args:
        evaluator: The `DetectionEvaluator` of all its images.
        labels: The class names.

    Returns:
        A dict of plain values: `examples` (images), `boxes` (objects in them),
        `map`, `map50`, `map75`, `map_small`, `map_medium`, `map_large` (COCO's;
        -1 where there is no such object), `mar` and the recalls beside it,
        `best_confidence` and `best_f1` (at IoU .5, mean over the classes),
        `per_class` (a list of dicts), `errors` (TIDE: by kind `dap50` and
        `count`) and `confusion_matrix` at the best confidence (rows are true
        classes, the last row and column are background).
    """
    summary, curves = evaluator.summary(), evaluator.curves()
    best = int(np.argmin(np.abs(curves["confidence"] - curves["best_confidence"])))
    rows = [
        {
            "label": label,
            "boxes": row["truths"],
            "map": row["map"],
            "map50": row["map50"],
            "recall": row["mar"],
            "f1": float(curves["f1"][index, best]),
        }
        for index, (label, row) in enumerate(
            zip(labels, summary["per_class"], strict=True)
        )
    ]
    figures = {
        name: value
        for name, value in summary.items()
        if name not in ("per_class", "images", "truths")
    }
    return {
        "examples": summary["images"],
        "boxes": summary["truths"],
        **figures,
        "best_confidence": curves["best_confidence"],
        "best_f1": curves["best_f1"],
        "per_class": rows,
        "errors": evaluator.errors(),
        "confusion_matrix": evaluator.confusion_matrix().tolist(),
    }


def truth_of(table, row):
    """Returns what an image of a `BoxTable` shows, as `DetectionEvaluator` takes it."""
    truth = {
        "boxes": table.boxes[row],
        "classes": table.classes[row],
        "crowd": table.crowd[row],
        "difficult": table.difficult[row],
    }
    if table.areas is not None:
        truth["areas"] = table.areas[row]
    if table.points is not None:
        truth["points"] = table.points[row]
    return truth


def input_truths(table, rows, height, width):
    """Returns what images show, in pixels of the model's input.

    Args:
        table: A `BoxTable`.
        rows: The images' rows in it.
        height: The input's height.
        width: Its width.

    Returns:
        A list of dicts, as of `truth_of`; areas are those of the boxes.
    """
    truths = []
    for row in rows:
        truth, size = truth_of(table, row), table.sizes[row]
        truth.pop("areas", None)
        truth["boxes"] = np.array(letterbox_boxes(truth["boxes"], size, height, width))
        if "points" in truth:
            # A point is a box without sides.
            points = np.array(truth["points"])
            places = points[..., [0, 1, 0, 1]].reshape(-1, 4)
            places = np.array(letterbox_boxes(places, size, height, width))
            points[..., :2] = places[:, :2].reshape(points[..., :2].shape)
            truth["points"] = points
        truths.append(truth)
    return truths


def add_answers(evaluator, tally, table, answers, first, labels):
    """Adds a batch of answers to an evaluator and a tally, beside the truth.

    Args:
        evaluator: A `DetectionEvaluator`.
        tally: A `Tally` of the detector's head.
        table: A `BoxTable`.
        answers: What the serving module returned for some of its images.
        first: Row of the first of them in the table.
        labels: The class names.

    Returns:
        Rows in the table of the images that could be read; others are left out.
    """
    numbers = {label.encode(): index for index, label in enumerate(labels)}
    rows = []
    for row, count in enumerate(answers["count"]):
        place = first + row
        if not answers["valid"][row]:
            continue
        rows.append(place)
        classes = [numbers[name] for name in answers["classes"][row, :count]]
        truth = truth_of(table, place)
        found = {
            "boxes": answers["boxes"][row, :count],
            "scores": answers["scores"][row, :count],
            "classes": np.array(classes, int),
        }
        if "landmarks" in answers:
            found["landmarks"] = answers["landmarks"][row]
        evaluator.add(truth, found)
        tally.add(truth, found)
    return rows
