"""What the benchmarks of `amalthea transcribe` share: arguments and a training."""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def make_parser(doc):
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("flags", nargs="*", help="flags of transcribe train")
    return parser


def speech(parser, *parts):
    """Returns the path of a real data set."""
    if "AMALTHEA_DATA" not in os.environ:
        parser.error("$AMALTHEA_DATA does not name the folder of real data")
    return Path(os.environ["AMALTHEA_DATA"], "speech", *parts)


@contextlib.contextmanager
def training(*flags):
    """Trains; yields the run's folder, which does not stay, figures and minutes.

    Minutes are those of the whole command, with imports, validations and the report.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        begun = time.perf_counter()
        transcribe("train", "--out", run, *flags)
        minutes = (time.perf_counter() - begun) / 60
        yield run, json.loads((run / "metrics.json").read_text()), minutes


def evaluation(run, *flags):
    """Returns the figures of `transcribe evaluate`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        transcribe("evaluate", run, "--json", file, *flags)
        return json.loads(file.read_text())


def transcribe(verb, *words):
    command = [sys.executable, "-m", "amalthea", "transcribe", verb, *map(str, words)]
    subprocess.run(command, check=True, stdout=sys.stderr)


def show(*values):
    """Prints a row of the table."""
    print(*values, sep=" | ", flush=True)
