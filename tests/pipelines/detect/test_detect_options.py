"""The options of detection's predict."""

import types

import pytest

from amalthea import UserError
from amalthea.pipelines.config import make_config
from amalthea.pipelines.detect.options import PredictOptions

RUN = types.SimpleNamespace(confidence=0.25, nms_iou=0.6, max_detections=300)


def test_what_is_not_given_is_the_runs_own():
    own = {"confidence": 0.25, "iou": 0.6, "max_detections": 300}
    assert PredictOptions().thresholds(RUN) == own
    given = PredictOptions(confidence=0.0, max_detections=5)
    assert given.thresholds(RUN) == {**own, "confidence": 0.0, "max_detections": 5}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"confidence": 1.5}, "`confidence`: expected 0 to 1, received confidence=1.5"),
        ({"iou": -0.1}, "`iou`: expected 0 to 1"),
        ({"iou": float("nan")}, "`iou`: expected 0 to 1"),
        ({"max_detections": 0}, "`max_detections`: expected at least 1"),
        ({"every": 0}, "`every`: expected at least 1"),
        ({"every": 1.5}, "`every`: expected a whole number"),
        ({"confidence": "high"}, "`confidence`: expected a number"),
        ({"crop": True}, "unknown setting `crop`"),
    ],
)
def test_wrong_values(values, expected):
    with pytest.raises(UserError, match=expected):
        make_config(PredictOptions, values)
