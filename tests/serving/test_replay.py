"""What replaying an export's warm-up finds."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.small_models import ROW, replayed_scale, save

from amalthea import UserError
from amalthea.serving.records import WARMUP_FILE, prediction_log, write_records
from amalthea.serving.replay import replay


def test_the_answers_of_the_export(tmp_path):
    found = replay(replayed_scale(tmp_path, golden=3 * ROW))
    assert found == {"records": 1, "compared": 1, "largest": 0.0, "failures": []}


def test_a_warm_up_that_fails(tmp_path):
    found = replay(replayed_scale(tmp_path, x=np.zeros((1, 2), np.int64)))
    ((code, text),) = found["failures"]
    assert code == "warm-up" and "record 0" in text


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ("max_batch_size: 4", "not batching parameters"),
        (
            "max_batch_size { value: 4 } allowed_batch_sizes: 8",
            "expected 4 as the last",
        ),
    ],
)
def test_batching_that_a_server_does_not_load(tmp_path, settings, text):
    folder = replayed_scale(tmp_path, x=np.zeros((2, 2), np.float32))
    (folder / "batching_params.pbtxt").write_text(settings)
    with pytest.raises(UserError, match=text):
        replay(folder)


def test_batching_that_does_not_take_a_record(tmp_path):
    folder = replayed_scale(tmp_path, x=np.zeros((2, 2), np.float32))
    (folder / "batching_params.pbtxt").write_text("max_batch_size { value: 1 }")
    ((code, text),) = replay(folder)["failures"]
    assert code == "warm-up" and "larger than maximum" in text


def test_a_signature_without_rows(tmp_path):
    save(tmp_path, lambda x: {"y": 2.0 * x}, tf.TensorSpec([], tf.float32, name="x"))
    one = np.float32(1)
    log = prediction_log("m", "serving_default", {"x": one}, {"y": 2 * one})
    write_records(tmp_path / WARMUP_FILE, [log])
    found = replay(tmp_path)
    assert (found["records"], found["compared"], found["failures"]) == (1, 1, [])


def test_variables_cut_short(tmp_path):
    folder = replayed_scale(tmp_path, golden=3 * ROW)
    (data,) = (folder / "variables").glob("variables.data*")
    data.write_bytes(b"")
    with pytest.raises(UserError):
        replay(folder)
