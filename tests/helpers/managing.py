"""A `ModelManager` that looks at its folders only when it is told to."""

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from helpers.model_server import wait_until
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from amalthea.serving.server.errors import StatusError
from amalthea.serving.server.manager import ModelManager
from amalthea.serving.server.options import ServerOptions

MODEL = "config { name: 'm' base_path: 'm' model_platform: 'tensorflow' %s }"
CONFIG = f"model_config_list {{ {MODEL} }}"


class PlainRunner:
    """Runs the model in the thread that asks."""

    def __init__(self, model, version_dir, name, version):
        assert int(version_dir.name) == version
        self._model = model
        self.closed = False

    def run(self, signature, inputs, outputs, deadline=None):
        return self._model.run(signature, inputs, outputs)

    def close(self):
        self.closed = True


def put(saved, root, version, offset=2.0, name="m"):
    return Path(shutil.copytree(saved[offset], root / name / str(version)))


@contextlib.contextmanager
def managing(models, metrics=None, grace_seconds=10, **keywords):
    """A started manager that looks at the folders only when it is told to."""
    options = ServerOptions(poll_seconds=3600, grace_seconds=grace_seconds)
    manager = ModelManager(models, options, PlainRunner, metrics, **keywords)
    manager.start()
    try:
        yield manager
    finally:
        manager.stop()


def ask(manager, name="m", version=None, label=None):
    """Returns the version that answers and what it says to x = 0."""
    with manager.acquire(name, version, label) as loaded:
        x = np.zeros(1, np.float32)
        y = loaded.runner.run("serving_default", {"x": x}, ["y"])["y"]
        return loaded.version, float(y[0])


def states(manager, name="m"):
    return [(status.version, status.state) for status in manager.status(name)]


def wait_for_states(manager, expected, name="m"):
    wait_until(lambda: states(manager, name) == expected)


def parse(text):
    return text_format.Parse(text, ModelServerConfig())


def error_of(call, *args, **keywords):
    with pytest.raises(StatusError) as error:
        call(*args, **keywords)
    return error.value.code, error.value.message


def corrupt(folder):
    (folder / "saved_model.pb").write_bytes(b"\xff no model")
