"""The figures of a classifier, from the answers of its serving module."""

import numpy as np

from ...layers import ExpectedCalibrationError


def classification_metrics(labels, answers, names):
    """Computes the figures of a split.

    Args:
        labels: int `[N]`, the true classes.
        answers: What the serving module returned for the N images: dict with
            `top_labels` bytes `[N, k]`, `top_probabilities` float `[N, k]` and
            `valid` bool `[N]`. Rows that are not valid are counted and left out.
        names: The class names.

    Returns:
        A dict of plain values: `examples`, `unreadable`, `accuracy`, `top5`,
        `macro_precision`, `macro_recall`, `macro_f1`, `calibration_error`
        (15 bins), `per_class` (a list of dicts) and `confusion_matrix` (rows are
        true classes). Macro means run over the classes that occur, as truth or
        as prediction.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    valid = np.asarray(answers["valid"])
    truth = np.asarray(labels)[valid]
    top = class_indices(answers["top_labels"], names)[valid]
    figures = {"examples": len(truth), "unreadable": int((~valid).sum())}
    if not len(truth):
        return figures
    predicted = top[:, 0]
    classes = np.arange(len(names))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=classes, zero_division=0.0
    )
    present = np.union1d(truth, predicted)
    calibration = ExpectedCalibrationError(bins=15)
    # The columns of the answer are ranks: a right answer is of rank 0.
    calibration.update_state(
        (predicted != truth).astype("int32"),
        np.asarray(answers["top_probabilities"])[valid],
    )
    return figures | {
        "accuracy": float(np.mean(predicted == truth)),
        "top5": float(np.mean((top == truth[:, None]).any(-1))),
        "macro_precision": float(precision[present].mean()),
        "macro_recall": float(recall[present].mean()),
        "macro_f1": float(f1[present].mean()),
        "calibration_error": float(calibration.result()),
        "per_class": [
            {
                "label": names[index],
                "precision": float(precision[index]),
                "recall": float(recall[index]),
                "f1": float(f1[index]),
                "examples": int(support[index]),
            }
            for index in classes
        ],
        "confusion_matrix": confusion_matrix(truth, predicted, labels=classes).tolist(),
    }


def class_indices(labels, names):
    """Returns int indices for an array of label bytes; -1 for an empty label."""
    numbers = {name.encode(): index for index, name in enumerate(names)}
    flat = [numbers.get(bytes(label), -1) for label in np.ravel(labels)]
    return np.reshape(np.array(flat, "int64"), np.shape(labels))
