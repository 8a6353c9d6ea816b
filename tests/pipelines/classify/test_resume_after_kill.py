"""A killed process, resumed, ends with the weights of an uninterrupted one."""

import csv
import os
import signal
import subprocess
import sys

import numpy as np

SETTINGS = ["--epochs", "4", "--depth", "8", "--width", "4", "--augment", "photo"]
SETTINGS += [
    "--dropout",
    "0.1",
    "--mix",
    "0.5",
    "--erasing",
    "0.3",
    "--batch-size",
    "128",
]


def command(out, *more):
    return [
        *(sys.executable, "-m", "amalthea", "classify", "train"),
        *("--data", "digits", "--out", str(out), *SETTINGS, *more),
    ]


def rows(out):
    with (out / "history.csv").open() as file:
        return [{**row, "seconds": None} for row in csv.DictReader(file)]


def test_kill_9_and_resume_equal_an_uninterrupted_run_to_the_last_bit(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run(command(whole), check=True, capture_output=True)

    process = subprocess.Popen(
        command(cut), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    for line in process.stdout:
        if line.startswith("epoch 2/4"):
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    assert not (cut / "model.keras").exists()

    # --data may be left out: the run knows it.
    resumed = command(cut, "--resume")
    place = resumed.index("--data")
    del resumed[place : place + 2]
    done = subprocess.run(resumed, check=True, capture_output=True, text=True)
    assert "resuming after epoch 2 of 4" in done.stdout

    for name in ("last", "best"):
        with (
            np.load(whole / "checkpoints" / f"{name}.npz") as one,
            np.load(cut / "checkpoints" / f"{name}.npz") as other,
        ):
            assert one.files == other.files
            for key in one.files:
                if key != "facts":  # holds the seconds
                    np.testing.assert_array_equal(one[key], other[key], err_msg=key)
    assert rows(whole) == rows(cut)
