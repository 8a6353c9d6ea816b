import numpy as np
import pytest
from helpers.coco_oracle import coco_evaluation, random_images

from amalthea.layers.metrics import DetectionEvaluator

STATS = (
    *("map", "map50", "map75", "map_small", "map_medium", "map_large"),
    *("mar1", "mar10", "mar", "mar_small", "mar_medium", "mar_large"),
)


def evaluate(images, num_classes, **kwargs):
    evaluator = DetectionEvaluator(num_classes, **kwargs)
    for truth, prediction in images:
        evaluator.add(truth, prediction)
    return evaluator


def mean(values):
    values = values[values > -1]
    return values.mean() if values.size else -1


def coco_stats(evaluation):
    """pycocotools' twelve figures; its own `summarize` knows 100 detections only."""
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
    best = precision[..., -1]
    at = [best[evaluation.params.iouThrs == iou][..., 0] for iou in (0.5, 0.75)]
    precisions = [best[..., 0], *at, *(best[..., size] for size in (1, 2, 3))]
    recalls = [recall[:, :, 0, limit] for limit in range(3)]
    recalls += [recall[:, :, size, -1] for size in (1, 2, 3)]
    return [mean(values) for values in precisions + recalls]


def assert_equals_coco(images, num_classes, max_detections=100):
    evaluator = evaluate(images, num_classes, max_detections=max_detections)
    summary = evaluator.summary()
    theirs = coco_evaluation(images, num_classes, max_detections)
    ours = [summary[name] for name in STATS]
    np.testing.assert_allclose(ours, coco_stats(theirs), rtol=0, atol=1e-9)
    precision, recall = theirs.eval["precision"], theirs.eval["recall"]
    for index, row in enumerate(summary["per_class"]):
        mine = precision[:, :, index, 0, -1]
        expected = [mean(mine), mean(mine[:1]), mean(mine[5:6])]
        expected.append(mean(recall[:, index, 0, -1]))
        ours = [row[name] for name in ("map", "map50", "map75", "mar")]
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        evaluator.curves()["precision"], precision[0, :, :, 0, -1].T, atol=1e-9
    )
    return summary


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "case",
    [
        {},
        {"flags": 0.2},
        {"grid": 10, "flags": 0.15},
        {"num_classes": 30, "detections": 60},
        {"truths": 25, "num_classes": 2, "detections": 80, "grid": 4},
        {"truths": 1, "detections": 2},
    ],
    ids=["plain", "ignored", "ties", "many classes", "crowded", "sparse"],
)
def test_equals_pycocotools(case, seed):
    images = random_images(seed, **case)
    summary = assert_equals_coco(images, case.get("num_classes", 3))
    assert 0 < summary["map"] < summary["map50"] <= 1


@pytest.mark.parametrize("limit", [3, 10, 25])
def test_limits_detections_by_class(limit):
    images = random_images(0, num_classes=2, detections=120, flags=0.1)
    assert_equals_coco(images, 2, limit)


def test_equals_pycocotools_own_summary():
    images = random_images(5, flags=0.1)
    theirs = coco_evaluation(images, 3)
    theirs.summarize()
    ours = evaluate(images, 3).summary()
    np.testing.assert_allclose([ours[name] for name in STATS], theirs.stats, atol=1e-9)


def test_areas_of_objects_that_are_not_their_boxes():
    images = random_images(6)
    draw = np.random.RandomState(0)
    for truth, _ in images:
        area = np.prod(truth["boxes"][:, 2:] - truth["boxes"][:, :2], axis=1)
        truth["areas"] = area * draw.uniform(0.2, 1, len(area))
    summary = assert_equals_coco(images, 3)
    for truth, _ in images:
        del truth["areas"]
    assert summary["map_small"] != evaluate(images, 3).summary()["map_small"]


def boxes(*rows):
    return np.array(rows, "float32").reshape(-1, 4)


SQUARE = (0, 0, 10, 10)
HALF = (0, 0, 10, 5)  # IoU .5 with the square
MOST = (0, 0, 10, 8)  # .8
FAR = (50, 50, 60, 60)


def truth(rows, classes, **more):
    return {"boxes": boxes(*rows), "classes": np.array(classes, int), **more}


def found(rows, classes, scores):
    return {**truth(rows, classes), "scores": np.array(scores, "float32")}


NOTHING_TRUE, NOTHING_FOUND = truth([], []), found([], [], [])


def test_nothing_to_evaluate():
    for images in ([], [(NOTHING_TRUE, NOTHING_FOUND)]):
        evaluator = evaluate(images, 2)
        summary = evaluator.summary()
        assert {summary[name] for name in STATS} == {-1.0}
        assert summary["images"] == len(images)
        assert (evaluator.curves()["precision"] == -1).all()
        assert evaluator.curves()["best_f1"] == 0
        assert not evaluator.confusion_matrix().any()
        assert all(e == {"dap50": 0, "count": 0} for e in evaluator.errors().values())


def test_no_predictions_and_no_truths():
    missed = evaluate([(truth([SQUARE], [0]), NOTHING_FOUND)], 2)
    assert [missed.summary()[name] for name in ("map", "map_large")] == [0, -1]
    assert missed.errors()["missed"]["count"] == 1
    invented = evaluate([(NOTHING_TRUE, found([SQUARE], [0], [0.9]))], 2)
    assert invented.summary()["map"] == -1
    assert invented.errors()["background"]["count"] == 1
    assert invented.image_scores(0.5)["false_positives"].tolist() == [1]


def test_difficult_truths_as_voc():
    # Two detections on a difficult truth are neither right nor wrong.
    hard = truth([SQUARE, FAR], [0, 0], difficult=[True, False])
    seen = found([SQUARE, SQUARE, FAR], [0, 0, 0], [0.9, 0.8, 0.7])
    evaluator = evaluate([(hard, seen)], 1)
    assert evaluator.summary()["map"] == pytest.approx(1)
    assert evaluator.summary()["truths"] == 1
    # By ordinary IoU a small box within it is wrong; within a crowd it is not.
    inside = found([(0, 0, 3, 3), FAR], [0, 0], [0.9, 0.7])
    assert evaluate([(hard, inside)], 1).summary()["map"] == pytest.approx(0.5)
    crowd = truth([SQUARE, FAR], [0, 0], crowd=[True, False])
    assert evaluate([(crowd, inside)], 1).summary()["map"] == pytest.approx(1)


def test_boxes_that_are_not_finite_match_nothing():
    wild = found(
        [(np.nan, 0, 10, 10), (-np.inf, 0, np.inf, 10), SQUARE], [0] * 3, [1, 0.9, 0.8]
    )
    evaluator = evaluate([(truth([SQUARE], [0]), wild)], 1)
    assert evaluator.summary()["map"] == pytest.approx(1 / 3)
    assert evaluator.image_scores(0)["true_positives"].tolist() == [1]


def test_f1_by_hand():
    images = [
        (truth([SQUARE, FAR], [0, 1]), found([SQUARE, SQUARE], [0, 1], [0.8, 0.6])),
        (truth([SQUARE], [0]), found([FAR, SQUARE], [0, 0], [0.7, 0.3])),
    ]
    curves = evaluate(images, 3).curves()

    def at(confidence):
        return curves["f1"][:2, round(1000 * confidence)]

    assert (curves["f1"][2] == -1).all()
    np.testing.assert_allclose(at(0.9), [0, 0])
    np.testing.assert_allclose(at(0.75), [2 / 3, 0])
    np.testing.assert_allclose(at(0.5), [2 / 4, 0])
    np.testing.assert_allclose(at(0.2), [4 / 5, 0])
    assert curves["best_f1"] == pytest.approx(0.4)
    # The middle of 0 to .3; .3 as a float32 is a little more than that.
    assert curves["best_confidence"] == pytest.approx(0.15)


def test_f1_agrees_with_counts():
    evaluator = evaluate(random_images(1, flags=0.1), 3)
    curves = evaluator.curves()
    for place in (0, 100, 437, 900):
        scores = evaluator.image_scores(curves["confidence"][place])
        right, wrong, lost = (
            sum(scores[f"{name}s"])
            for name in ("true_positive", "false_positive", "false_negative")
        )
        matrix = evaluator.confusion_matrix(curves["confidence"][place])
        assert np.trace(matrix) == right
        assert matrix[:, :-1].sum() == right + wrong
        assert matrix[:-1].sum() == right + lost
        per_class = 2 * np.diag(matrix) / (matrix.sum(axis=0) + matrix.sum(axis=1))
        np.testing.assert_allclose(curves["f1"][:, place], per_class[:-1], atol=1e-12)


def test_image_scores_and_matches_by_hand():
    images = [
        (NOTHING_TRUE, NOTHING_FOUND),
        (
            truth([SQUARE, FAR, (100, 0, 110, 10)], [0, 1, 1]),
            found(
                [FAR, MOST, SQUARE, (102, 0, 114, 10), (104, 4, 114, 14), FAR],
                [1, 0, 0, 1, 0, 0],
                [0.1, 0.6, 0.9, 0.8, 0.7, 0.5],
            ),
        ),
    ]
    evaluator = evaluate(images, 2)
    told = evaluator.image_matches(1, confidence=0.3)
    assert told["kinds"].tolist() == [
        *("ignored", "duplicate", "true positive", "true positive", "both", "class")
    ]
    assert told["truths"].tolist() == [1, 0, 0, 2, 2, 1]
    assert told["false_negatives"].tolist() == [1]
    assert evaluator.image_matches(1, 0)["false_negatives"].tolist() == []
    assert evaluator.image_matches(0)["kinds"].tolist() == []
    scores = evaluator.image_scores(0.3)
    assert [scores[name].tolist() for name in scores] == [[0, 2], [0, 3], [0, 1]]
    best = evaluator.curves()["best_confidence"]
    assert evaluator.image_scores()["true_positives"].tolist() == (
        evaluator.image_scores(best)["true_positives"].tolist()
    )


def test_detections_beyond_the_limit_are_ignored():
    seen = found([FAR, SQUARE, MOST], [0, 0, 0], [0.3, 0.9, 0.5])
    evaluator = evaluate([(truth([SQUARE], [0]), seen)], 1, max_detections=2)
    told = evaluator.image_matches(0, 0)
    assert told["kinds"].tolist() == ["ignored", "true positive", "duplicate"]


def test_confusion_matrix_by_hand():
    images = [
        (
            truth([SQUARE, FAR, (100, 0, 110, 10)], [0, 1, 2]),
            # Right; another class beside it; another class; on nothing; too unsure.
            found(
                [SQUARE, SQUARE, FAR, (200, 0, 210, 10), (100, 0, 110, 10)],
                [0, 1, 2, 0, 2],
                [0.6, 0.9, 0.8, 0.7, 0.2],
            ),
        )
    ]
    matrix = evaluate(images, 3).confusion_matrix(0.5)
    # Rows are true, columns detected, the last is background.
    assert matrix.tolist() == [
        [1, 0, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [1, 1, 0, 0],
    ]


def test_order_of_detections_does_not_matter():
    images = random_images(3, flags=0.1)
    draw = np.random.RandomState(0)
    shuffled = []
    for known, seen in images:
        order = draw.permutation(len(seen["scores"]))
        shuffled.append((known, {name: part[order] for name, part in seen.items()}))
    ours, theirs = evaluate(images, 3), evaluate(shuffled, 3)
    assert ours.summary() == theirs.summary()
    assert ours.errors() == theirs.errors()


def test_added_images_and_reset_are_noticed():
    images = random_images(2)
    evaluator = evaluate(images[:6], 3)
    assert evaluator.summary() == evaluate(images[:6], 3).summary()
    evaluator.errors()
    for known, seen in images[6:]:
        evaluator.add(known, seen)
    assert evaluator.summary() == evaluate(images, 3).summary()
    assert evaluator.errors() == evaluate(images, 3).errors()
    evaluator.reset()
    assert len(evaluator) == 0
    assert evaluator.summary()["map"] == -1


def test_other_thresholds():
    images = [(truth([SQUARE], [0]), found([HALF], [0], [0.9]))]
    summary = evaluate(images, 1, iou_thresholds=(0.5, 0.6)).summary()
    ours = [summary[name] for name in ("map", "map50", "map75")]
    assert ours == pytest.approx([0.5, 1, -1])
    assert evaluate(images, 1, iou_thresholds=0.3).summary()["map"] == pytest.approx(1)


@pytest.mark.parametrize(
    "known, seen, message",
    [
        (truth([SQUARE], [3]), NOTHING_FOUND, "`truth`: expected classes from 0 to 2"),
        (truth([SQUARE], [-1]), NOTHING_FOUND, "received -1"),
        (truth([SQUARE], [0, 1]), NOTHING_FOUND, "classes of shape"),
        (truth([SQUARE], [0], crowd=[]), NOTHING_FOUND, "crowd of shape"),
        (truth([(0, 0, np.nan, 1)], [0]), NOTHING_FOUND, "expected finite boxes"),
        (NOTHING_TRUE, found([SQUARE], [0], [np.nan]), "scores, not NaN"),
        (NOTHING_TRUE, found([SQUARE], [0], [1, 2]), "`prediction`: expected scores"),
        (NOTHING_TRUE, {**NOTHING_FOUND, "boxes": np.zeros((1, 5))}, "boxes of shape"),
    ],
)
def test_wrong_images(known, seen, message):
    evaluator = DetectionEvaluator(3)
    with pytest.raises(ValueError, match=message):
        evaluator.add(known, seen)
    assert len(evaluator) == 0


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_classes": 0}, "`num_classes`: expected at least 1"),
        ({"num_classes": 1, "max_detections": 0}, "`max_detections`: expected at"),
        ({"num_classes": 1, "iou_thresholds": (0.5, 1.5)}, "`iou_thresholds`"),
        ({"num_classes": 1, "iou_thresholds": ()}, "`iou_thresholds`"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DetectionEvaluator(**arguments)
