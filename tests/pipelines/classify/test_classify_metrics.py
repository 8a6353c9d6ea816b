"""The figures against scikit-learn and a case worked by hand."""

import numpy as np
import pytest
from sklearn import metrics as sk

from amalthea.pipelines.classify.metrics import class_indices, classification_metrics

NAMES = ("ant", "bee", "cat")


def answers(rows):
    """Answers from lists of (label, probability), best first."""
    return {
        "top_labels": np.array([[n.encode() for n, _ in row] for row in rows], object),
        "top_probabilities": np.array([[p for _, p in row] for row in rows], "float32"),
        "valid": np.array([row[0][0] != "" for row in rows]),
    }


def test_a_case_worked_by_hand():
    given = answers(
        [
            [("ant", 0.9), ("bee", 0.1), ("cat", 0.0)],
            [("ant", 0.6), ("bee", 0.3), ("cat", 0.1)],
            [("bee", 0.8), ("ant", 0.1), ("cat", 0.1)],
            [("", 0.0), ("", 0.0), ("", 0.0)],
        ]
    )
    result = classification_metrics([0, 1, 1, 0], given, NAMES)
    assert (result["examples"], result["unreadable"]) == (3, 1)
    assert result["accuracy"] == pytest.approx(2 / 3)
    assert result["top5"] == 1.0
    # ant: precision 1/2, recall 1; bee: precision 1, recall 1/2; cat never occurs.
    assert result["macro_precision"] == pytest.approx(0.75)
    assert result["macro_recall"] == pytest.approx(0.75)
    assert result["macro_f1"] == pytest.approx(2 / 3)
    assert result["confusion_matrix"] == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    # Each answer is alone in its bin: |1 - .9|, |0 - .6|, |1 - .8|, by thirds.
    assert result["calibration_error"] == pytest.approx((0.1 + 0.6 + 0.2) / 3, 1e-5)


def test_random_answers_against_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 200)
    shares = rng.dirichlet([1, 1, 1], 200).astype("float32")
    order = np.argsort(-shares)
    given = answers(
        [[(NAMES[i], shares[row, i]) for i in order[row]] for row in range(200)]
    )
    result = classification_metrics(truth, given, NAMES)
    predicted = shares.argmax(-1)
    assert result["accuracy"] == pytest.approx(sk.accuracy_score(truth, predicted))
    assert result["macro_f1"] == pytest.approx(
        sk.f1_score(truth, predicted, average="macro")
    )
    assert result["macro_recall"] == pytest.approx(
        sk.recall_score(truth, predicted, average="macro")
    )
    assert result["confusion_matrix"] == sk.confusion_matrix(truth, predicted).tolist()


def test_nothing_readable():
    given = answers([[("", 0.0)] * 3])
    assert classification_metrics([0], given, NAMES) == {"examples": 0, "unreadable": 1}


def test_labels_become_numbers():
    labels = np.array([[b"cat", b"ant"], [b"", b"bee"]], object)
    assert class_indices(labels, NAMES).tolist() == [[2, 0], [-1, 1]]
