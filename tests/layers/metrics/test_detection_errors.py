import numpy as np
import pytest
from helpers.coco_oracle import random_images

from amalthea.layers.metrics import DetectionEvaluator

KINDS = ("class", "localisation", "both", "duplicate", "background", "missed")

# Of tidecv 1.0.1, the paper's own package, on `random_images(seed, truths=8,
# detections=25)`: AP at IoU .5, dAP and counts in the order of KINDS.
TIDE = {
    0: (
        0.23032008063724704,
        (
            *(0.044028799378635915, 0.06920684165582185, 0.011384074298370201),
            *(0.019831198226903126, 0.11495291572237243, 0.06716135736311628),
        ),
        (13, 22, 3, 26, 46, 11),
    ),
    3: (
        0.32010405335834036,
        (
            *(0.030147061833592018, 0.08577359744248064, 0.01647628004995134),
            *(0.041130508178308316, 0.06132596578065737, 0.10946967295854136),
        ),
        (7, 19, 5, 39, 41, 10),
    ),
}


def evaluate(images, num_classes):
    evaluator = DetectionEvaluator(num_classes)
    for truth, prediction in images:
        evaluator.add(truth, prediction)
    return evaluator


@pytest.mark.parametrize("seed", TIDE)
def test_agrees_with_the_authors_package(seed):
    evaluator = evaluate(random_images(seed, truths=8, detections=25), 3)
    errors = evaluator.errors()
    precision, gains, counts = TIDE[seed]
    assert evaluator.summary()["map50"] == pytest.approx(precision, abs=1e-12)
    assert tuple(errors) == KINDS
    assert tuple(error["count"] for error in errors.values()) == counts
    ours = [error["dap50"] for error in errors.values()]
    np.testing.assert_allclose(ours, gains, rtol=0, atol=1e-12)


def image(truths, detections, **flags):
    """Rows of (x, class) and of (x, class, score); boxes are 10 by 10."""

    def boxes(rows):
        corners = np.array([(row[0], 0) for row in rows], float).reshape(-1, 2)
        return {
            "boxes": np.concatenate([corners, corners + 10], axis=1),
            "classes": np.array([row[1] for row in rows], int),
        }

    scores = np.array([row[2] for row in detections], float)
    return {**boxes(truths), **flags}, {**boxes(detections), "scores": scores}


RIGHT = (0, 0, 0.9)  # finds the truth at 0


@pytest.mark.parametrize(
    "truths, detection, kind, gains",
    [
        # One truth of two found, and AP .5 since 51 of the 101 recalls are reached;
        # mended, the other is found too, or not asked for.
        ([(0, 0), (50, 0)], (56, 0, 0.5), "localisation", 50 / 101),
        # An IoU of 1/19 is none.
        ([(0, 0), (50, 0)], (59, 0, 0.5), "background", 0),
        ([(0, 0)], (1, 0, 0.5), "duplicate", 0),
        # Over the right one in score, mistakes cost precision.
        ([(0, 0)], (50, 0, 0.95), "background", 1 / 2),
        ([(0, 0)], (1, 1, 0.95), "class", 0),
        ([(0, 0)], (5, 0, 0.95), "localisation", 1 / 2),
        ([(0, 0)], (5, 1, 0.95), "both", 0),
    ],
)
def test_kinds_by_hand(truths, detection, kind, gains):
    evaluator = evaluate([image(truths, [RIGHT, detection])], 2)
    errors = evaluator.errors()
    assert evaluator.image_matches(0, 0)["kinds"].tolist() == ["true positive", kind]
    assert errors[kind]["count"] == 1
    assert errors[kind]["dap50"] == pytest.approx(gains)
    others = [errors[other]["count"] for other in KINDS[:-1] if other != kind]
    assert others == [0] * 4


def test_a_mistake_of_class_counts_where_it_belongs():
    # Class 1 is found as class 0, which costs class 0 precision and class 1 all.
    images = [image([(0, 0), (50, 1)], [(50, 0, 0.95), RIGHT])]
    evaluator = evaluate(images, 2)
    assert evaluator.summary()["map50"] == pytest.approx(1 / 4)
    errors = evaluator.errors()
    assert errors["class"] == {"dap50": pytest.approx(3 / 4), "count": 1}
    # The truth is not missed: a mended class would find it.
    assert errors["missed"] == {"dap50": 0, "count": 0}


def test_one_mistake_a_truth_is_mended():
    # Two poor boxes on one truth: the surer is mended, the other goes.
    images = [image([(0, 0)], [(5, 0, 0.6), (6, 0, 0.8)])]
    errors = evaluate(images, 1).errors()
    assert errors["localisation"] == {"dap50": pytest.approx(1), "count": 2}


def test_missed_by_hand():
    evaluator = evaluate([image([(0, 0), (50, 0), (90, 1)], [RIGHT])], 2)
    # Of class 0 one of two is found; class 1, all missed, leaves the mean.
    assert evaluator.summary()["map50"] == pytest.approx(51 / 202)
    missed = evaluator.errors()["missed"]
    assert missed == {"dap50": pytest.approx(1 - 51 / 202), "count": 2}


@pytest.mark.parametrize("flag", ["crowd", "difficult"])
def test_ignored_truths_make_no_mistakes(flag):
    truths = [(0, 0), (50, 0), (90, 0)]
    flags = {flag: [False, True, True]}
    evaluator = evaluate([image(truths, [RIGHT, (50, 0, 0.95)], **flags)], 1)
    assert all(e == {"dap50": 0, "count": 0} for e in evaluator.errors().values())
    told = evaluator.image_matches(0, 0)
    assert told["kinds"].tolist() == ["true positive", "ignored"]
    assert told["truths"].tolist() == [0, 1]
    assert told["false_negatives"].tolist() == []


@pytest.mark.parametrize("seed", range(3))
def test_every_detection_and_truth_is_accounted_for(seed):
    evaluator = evaluate(random_images(seed, flags=0.1), 3)
    told = [evaluator.image_matches(i, 0) for i in range(len(evaluator))]
    kinds = np.concatenate([one["kinds"] for one in told])
    errors = evaluator.errors()
    for kind in KINDS[:-1]:
        assert errors[kind]["count"] == np.count_nonzero(kinds == kind)
    scores = evaluator.image_scores(0)
    right = np.count_nonzero(kinds == "true positive")
    assert right == scores["true_positives"].sum()
    wrong = np.count_nonzero((kinds != "true positive") & (kinds != "ignored"))
    assert wrong == scores["false_positives"].sum()
    lost = sum(len(one["false_negatives"]) for one in told)
    assert lost == scores["false_negatives"].sum() >= errors["missed"]["count"]
    assert all(0 <= error["dap50"] <= 1 for error in errors.values())
