"""The one-graph rule: what runs in-process is what a server answers."""

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from helpers.serving import embedded, urls

from amalthea.serving import Client

_PROGRAM = """
import pickle, sys
from amalthea.serving.model import ServedModel

version_dir, signature, request, answer = sys.argv[1:]
with open(request, "rb") as file:
    inputs = pickle.load(file)
with ServedModel(version_dir) as model:
    outputs = model.predict(signature, **inputs)
with open(answer, "wb") as file:
    pickle.dump(outputs, file)
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
    """Loads a model in a new Python process and runs it once.

    Args:
        version_dir: The folder of the exported model.
        inputs: A dict by input name of what to ask.
        signature: Which signature to ask.

    Returns:
        A dict of numpy arrays by output name.

    Raises:
        AssertionError: if the process fails; the text is what it wrote.
    """
    with tempfile.TemporaryDirectory() as folder:
        request, answer = Path(folder, "request"), Path(folder, "answer")
        request.write_bytes(pickle.dumps(inputs))
        arguments = [str(Path(version_dir).resolve()), signature, request, answer]
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, *arguments],
            env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return pickle.loads(answer.read_bytes())


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
