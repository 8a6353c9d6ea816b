"""Shared set-up: quiet TensorFlow, helpers on the path, the real data if present."""

import gc
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# Each of several workers has its share of the cores.
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
if _WORKERS > 1:
    _SHARE = max((os.cpu_count() or 1) // _WORKERS, 1)
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(_SHARE))
sys.path.insert(0, str(Path(__file__).parent))

_SECOND_BACKEND = pytest.StashKey()
# What takes longest comes first, so that no worker is left with it at the end. The
# tests of a folder share a trained run: they stay on one worker.
_LONG = (
    "tests/test_second_backend.py",
    "tests/pipelines/transcribe",
    "tests/pipelines/detect",
    "tests/pipelines/classify",
    "tests/pipelines/embed",
)


def _together(nodeid):
    """What the tests that stay on one worker have in common: a folder or a file."""
    folders = (folder for folder in _LONG if nodeid.startswith(folder))
    return next(folders, nodeid.partition("::")[0])


def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):
        order = {name: place for place, name in enumerate(_LONG)}
        items.sort(key=lambda item: order.get(_together(item.nodeid), len(order)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    # Marks of groups have no effect with pytest 9.2 and pytest-xdist 3.8.
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return _together(nodeid)

    return Scheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    # Collections of garbage pass over what importing has made, which takes them long.
    gc.collect()
    gc.freeze()
    _start_second_backend_early(session)


def _start_second_backend_early(session):
    """Starts the tests on a second backend first, so that they run beside the rest."""
    wanted = any("second_backend" in item.fixturenames for item in session.items)
    if not wanted or session.config.option.collectonly or not find_spec("jax"):
        return
    if not hasattr(session.config, "workerinput"):  # where they are a worker's work
        _start_second_backend(session.config)


def _start_second_backend(config, **options):
    from helpers.second_backend import LayerTests

    config.stash[_SECOND_BACKEND] = LayerTests(**options)


def pytest_unconfigure(config):
    if _SECOND_BACKEND in config.stash:
        config.stash[_SECOND_BACKEND].stop()


@pytest.fixture
def second_backend(pytestconfig):
    """The `LayerTests` that run beside the others."""
    if not find_spec("jax"):
        pytest.skip("JAX is not installed")
    if _SECOND_BACKEND not in pytestconfig.stash:
        _start_second_backend(pytestconfig, nice=0)
    return pytestconfig.stash[_SECOND_BACKEND]


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data sets, from `AMALTHEA_DATA`; skips where absent."""
    folder = os.environ.get("AMALTHEA_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("AMALTHEA_DATA does not name a folder of real data")
    return Path(folder).resolve()
