import sys

import numpy as np
import pytest
import tensorflow as tf
from helpers.small_models import NUMBERS, ROW, replayed_scale, save

from amalthea import UserError
from amalthea.pipelines.cli import run
from amalthea.serving.check import check
from amalthea.serving.records import WARMUP_FILE


def codes(result):
    return [finding.code for finding in result.findings]


def test_a_sound_export_has_no_findings(tmp_path, capsys):
    folder = replayed_scale(tmp_path, golden=3 * ROW)
    assert run(["check", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "warm-up: 1 requests replayed in a fresh process" in printed
    assert "golden answers: 1 compared, largest difference 0 (tolerance" in printed
    assert printed.endswith("findings: none\n")


def test_another_answer_than_at_export_is_a_finding(tmp_path, capsys):
    folder = replayed_scale(tmp_path, golden=3 * ROW + np.float32(0.5))
    assert run(["check", str(folder)]) == 1
    printed = capsys.readouterr().out
    assert (
        "golden: record 0 (`serving_default`: x [1, 2]): output `y` differs" in printed
    )
    assert printed.endswith("findings: 1\n")


def test_damaged_records_are_a_finding(tmp_path):
    folder = replayed_scale(tmp_path, golden=3 * ROW)
    path = folder / WARMUP_FILE
    path.write_bytes(path.read_bytes()[:-4])
    (finding,) = check(folder).findings
    assert finding.code == "load" and "damaged records" in finding.text


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
    folder = replayed_scale(tmp_path / "model")
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    (finding,) = check(folder).findings
    assert finding.code == "load"
    with pytest.raises(UserError, match=text):
        raise UserError(finding.text)
