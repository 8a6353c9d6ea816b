"""The figures of detectors of one object, by hand."""

import numpy as np
import pytest

from amalthea.pipelines.detect.heads.tally import SingleObjectTally

BOX = [10, 20, 40, 60]  # its diagonal is 50
POINTS = np.float32([[10, 20, 2], [40, 60, 1], [0, 0, 0]])


def truth(*boxes, classes=None, points=None, **flags):
    made = {
        "boxes": np.array(boxes, np.float32).reshape(-1, 4),
        "classes": np.array(classes or range(len(boxes)), int),
        **{name: np.array(values, bool) for name, values in flags.items()},
    }
    if points is not None:
        made["points"] = points
    return made


def found(*box, kind=0, score=0.9, landmarks=None):
    boxes = np.array(box, np.float32).reshape(-1, 4)
    made = {
        "boxes": boxes,
        "classes": np.full(len(boxes), kind),
        "scores": np.full(len(boxes), score),
    }
    if landmarks is not None:
        made["landmarks"] = np.array(landmarks, np.float32)
    return made


def accuracy(*images):
    tally = SingleObjectTally(confidence=0.5, points=False)
    for true, answer in images:
        tally.add(true, answer)
    return tally.summary()["localisation_accuracy"]


@pytest.mark.parametrize(
    "answer, is_right",
    [
        (found(BOX), True),
        (found(BOX, kind=1), False),
        (found(BOX, score=0.51), True),
        (found(BOX, score=0.5), False),
        (found(), False),
        (found([10, 20, 40, 41]), True),  # more than half of it
        (found([10, 20, 40, 39]), False),
    ],
)
def test_an_object_is_found_by_class_and_place(answer, is_right):
    assert accuracy((truth(BOX), answer)) == is_right


def test_of_several_objects_the_largest_is_meant():
    large, small = [0, 0, 30, 30], [40, 40, 50, 50]
    for boxes, kind in (((large, small), 0), ((small, large), 1)):
        assert accuracy((truth(*boxes), found(large, kind=kind))) == 1
        assert accuracy((truth(*boxes), found(small, kind=1 - kind))) == 0
    aside = truth(large, small, crowd=[True, False], difficult=[False, False])
    assert accuracy((aside, found(small, kind=1))) == 1


def test_images_without_an_object_are_right_without_a_box():
    assert accuracy((truth(), found())) == 1
    assert accuracy((truth(), found(BOX, score=0.3))) == 1
    assert accuracy((truth(), found(BOX))) == 0
    assert accuracy((truth(BOX), found(BOX)), (truth(), found(BOX))) == 0.5


def test_what_is_neither_to_be_found_nor_to_be_missed_is_left_out():
    crowd = truth(BOX, crowd=[True], difficult=[False])
    assert accuracy((crowd, found())) == -1
    assert accuracy((crowd, found()), (truth(BOX), found(BOX))) == 1


def test_points_by_hand():
    tally = SingleObjectTally(confidence=0.5, points=True)
    assert tally.summary() == {
        "localisation_accuracy": -1,
        "landmark_error": -1,
        "pck": -1,
    }
    true = truth(BOX, points=POINTS[None])
    # 5 and 10 pixels away; the last point is not labelled.
    tally.add(true, found(BOX, landmarks=[[13, 24], [40, 70], [99, 99]]))
    summary = tally.summary()
    assert summary["landmark_error"] == pytest.approx((5 + 10) / 2 / 50)
    assert summary["pck"] == 0.5
    # What is not shown has no error, but its points are not found.
    tally.add(true, found(BOX, score=0.1, landmarks=POINTS[:, :2]))
    assert tally.summary()["landmark_error"] == summary["landmark_error"]
    assert tally.summary()["pck"] == 0.25
    # Points count where the class is wrong.
    tally.add(true, found(BOX, kind=3, landmarks=POINTS[:, :2]))
    assert tally.summary()["landmark_error"] == pytest.approx(15 / 4 / 50)
    assert tally.summary()["pck"] == 0.5
    tally.add(truth(points=np.zeros((0, 3, 3))), found(BOX, landmarks=POINTS[:, :2]))
    assert tally.summary()["pck"] == 0.5
