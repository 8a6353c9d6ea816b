import sys

import numpy as np
import pytest
import tensorflow as tf
from helpers.small_models import NUMBERS, Scale, save

from amalthea import UserError
from amalthea.pipelines.cli import run
from amalthea.serving.check import check
from amalthea.serving.records import WARMUP_FILE, prediction_log, write_records

X = np.array([[1.0, 2.0]], np.float32)


def scale_model(folder, golden=None, x=X):
    """A model of y = 3 x with one warm-up record, and the answer kept with it."""
    module = Scale()
    tf.saved_model.save(module, str(folder), signatures=module.signatures)
    outputs = None if golden is None else {"y": golden}
    log = prediction_log("scale", "serving_default", {"x": x}, outputs)
    write_records(folder / WARMUP_FILE, [log])
    return folder


def codes(result):
    return [finding.code for finding in result.findings]


def test_a_sound_export_has_no_findings(tmp_path, capsys):
    folder = scale_model(tmp_path, golden=3 * X)
    result = check(folder)
    assert (codes(result), result.records, result.compared) == ([], 1, 1)
    assert result.largest == 0.0
    assert run(["check", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "warm-up: 1 requests replayed in a fresh process" in printed
    assert "golden answers: 1 compared, largest difference 0 (tolerance" in printed
    assert printed.endswith("findings: none\n")


def test_another_answer_than_at_export_is_a_finding(tmp_path, capsys):
    folder = scale_model(tmp_path, golden=3 * X + np.float32(0.5))
    assert run(["check", str(folder)]) == 1
    printed = capsys.readouterr().out
    assert (
        "golden: record 0 (`serving_default`: x [1, 2]): output `y` differs" in printed
    )
    assert printed.endswith("findings: 1\n")


def test_a_warm_up_that_fails_is_a_finding(tmp_path):
    folder = scale_model(tmp_path, x=np.zeros((1, 2), np.int64))
    (finding,) = check(folder).findings
    assert finding.code == "warm-up"
    assert "record 0" in finding.text


@pytest.mark.parametrize(
    ("settings", "code", "text"),
    [
        ("max_batch_size: 4", "load", "not batching parameters"),
        (
            "max_batch_size { value: 4 } allowed_batch_sizes: 8",
            "load",
            "expected 4 as the last",
        ),
        ("max_batch_size { value: 1 }", "warm-up", "larger than maximum"),
    ],
)
def test_batching_that_a_server_refuses_is_a_finding(tmp_path, settings, code, text):
    folder = scale_model(tmp_path, x=np.zeros((2, 2), np.float32))
    (folder / "batching_params.pbtxt").write_text(settings)
    (finding,) = check(folder).findings
    assert finding.code == code and text in finding.text


def test_a_signature_without_rows_is_replayed(tmp_path):
    save(tmp_path, lambda x: {"y": 2.0 * x}, tf.TensorSpec([], tf.float32, name="x"))
    one = np.float32(1)
    log = prediction_log("m", "serving_default", {"x": one}, {"y": 2 * one})
    write_records(tmp_path / WARMUP_FILE, [log])
    result = check(tmp_path)
    assert (result.records, result.compared) == (1, 1)
    assert set(codes(result)) == {"scalar"}  # what reading it finds


def test_damaged_records_are_a_finding(tmp_path):
    folder = scale_model(tmp_path, golden=3 * X)
    path = folder / WARMUP_FILE
    path.write_bytes(path.read_bytes()[:-4])
    (finding,) = check(folder).findings
    assert finding.code == "load" and "damaged records" in finding.text


def test_variables_cut_short_are_a_finding(tmp_path):
    folder = scale_model(tmp_path, golden=3 * X)
    (data,) = (folder / "variables").glob("variables.data*")
    data.write_bytes(b"")
    assert codes(check(folder)) == ["load"]


def test_what_reading_finds_comes_first(tmp_path):
    def call_python(x):
        return {"y": tf.numpy_function(np.negative, [x], tf.float32)}

    save(tmp_path, call_python, NUMBERS)
    assert codes(check(tmp_path))[0] in ("python-op", "unknown-rank")


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("kill -SEGV $$", "was ended by SIGSEGV"),
        ("echo no room >&2; exit 3", r"failed \(no room\)"),
    ],
)
def test_a_process_that_dies_is_a_finding(tmp_path, monkeypatch, script, text):
    folder = scale_model(tmp_path / "model")
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    (finding,) = check(folder).findings
    assert finding.code == "load"
    with pytest.raises(UserError, match=text):
        raise UserError(finding.text)
