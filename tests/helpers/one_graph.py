"""The one-graph rule: what runs in-process is what a server answers."""

import atexit
import functools
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
from helpers.serving import embedded, urls

from amalthea.serving import Client

# It imports what a server needs, and never a task. A model that it has loaded leaves
# nothing behind, so one process does for all the tests.
_PROGRAM = """
import pickle, sys, traceback
from amalthea.serving.model import ServedModel

answers, sys.stdout = sys.stdout.buffer, sys.stderr
while True:
    version_dir, signature, inputs = pickle.load(sys.stdin.buffer)
    try:
        with ServedModel(version_dir) as model:
            answer = model.predict(signature, **inputs)
    except Exception:
        answer = traceback.format_exc()
    assert "amalthea.pipelines" not in sys.modules
    pickle.dump(answer, answers)
    answers.flush()
"""


def assert_one_graph(
    in_process, version_dir, inputs, signature="serving_default", rtol=1e-5
):
    """Checks that an export answers in a fresh process as the task does here.

    Args:
        in_process: A dict of numpy arrays by output name: this process's answer.
        version_dir: The folder of the exported model.
        inputs: A dict by input name of what to ask: arrays or lists of bytes.
        signature: Which signature to ask.
        rtol: The relative difference allowed in floats. All else must be equal.

    Raises:
        AssertionError: if an output differs, is missing or is one too many.
    """
    assert_same_answer(in_process, fresh_answer(version_dir, inputs, signature), rtol)


def assert_served(
    in_process, version_dir, inputs, signature="serving_default", rtol=1e-5
):
    """Checks that a model server gives the task's answer, by REST and by gRPC.

    Args:
        in_process: A dict of numpy arrays by output name: this process's answer.
        version_dir: The folder of the exported model, `MODELS/NAME/VERSION`.
        inputs: A dict by input name of what to ask: arrays or lists of bytes.
        signature: Which signature to ask.
        rtol: The relative difference allowed in floats. All else must be equal.

    Raises:
        AssertionError: if an output differs, is missing or is one too many.
    """
    name, version = version_dir.parent.name, int(version_dir.name)
    with embedded(version_dir.parent.parent) as server:
        for url in urls(server):
            with Client(url) as client:
                answer = client.predict(
                    name, inputs, signature=signature, version=version
                )
            assert_same_answer(in_process, answer, rtol)


def fresh_answer(version_dir, inputs, signature="serving_default"):
    """Loads a model in a Python process without the task's code and runs it once.

    Args:
        version_dir: The folder of the exported model.
        inputs: A dict by input name of what to ask.
        signature: Which signature to ask.

    Returns:
        A dict of numpy arrays by output name.

    Raises:
        AssertionError: if it fails; the text says how.
    """
    process = _fresh_process()
    pickle.dump((str(Path(version_dir).resolve()), signature, inputs), process.stdin)
    process.stdin.flush()
    answer = pickle.load(process.stdout)
    assert isinstance(answer, dict), answer
    return answer


@functools.cache
def _fresh_process():
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    atexit.register(process.kill)
    return process


def assert_same_answer(expected, received, rtol=1e-5):
    """Compares two answers output by output.

    Args:
        expected: A dict of numpy arrays by output name.
        received: The same of the other side.
        rtol: The relative difference allowed in floats. All else must be equal.

    Raises:
        AssertionError: if they differ.
    """
    assert expected.keys() == received.keys()
    for name, ours in expected.items():
        ours, theirs = np.asarray(ours), received[name]
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), name
        if ours.dtype.kind == "f":
            np.testing.assert_allclose(theirs, ours, rtol=rtol, atol=1e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(theirs, ours, err_msg=name)
