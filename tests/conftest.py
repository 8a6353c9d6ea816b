"""Shared set-up: quiet TensorFlow, helpers on the path, the real data if present."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parent))

_SECOND_BACKEND = pytest.StashKey()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    """Starts the tests on a second backend first, so that they run beside the rest."""
    wanted = any("second_backend" in item.fixturenames for item in session.items)
    if wanted and not session.config.option.collectonly and find_spec("jax"):
        from helpers.second_backend import LayerTests

        session.config.stash[_SECOND_BACKEND] = LayerTests()


def pytest_unconfigure(config):
    if _SECOND_BACKEND in config.stash:
        config.stash[_SECOND_BACKEND].stop()


@pytest.fixture
def second_backend(pytestconfig):
    """The `LayerTests` that run beside the others."""
    if _SECOND_BACKEND not in pytestconfig.stash:
        pytest.skip("JAX is not installed")
    return pytestconfig.stash[_SECOND_BACKEND]


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data sets, from `AMALTHEA_DATA`; skips where absent."""
    folder = os.environ.get("AMALTHEA_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("AMALTHEA_DATA does not name a folder of real data")
    return Path(folder).resolve()
