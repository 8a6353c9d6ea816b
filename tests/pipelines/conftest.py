"""What tests of trainings and exports share, to take less time."""

import gc

import pytest

from amalthea.serving.bundle import measure


@pytest.fixture(scope="module", autouse=True)
def frozen():
    """Each training collects garbage, and does not look through all that lives.

    After the tests of other files that takes longer than a small training.
    """
    gc.collect()
    gc.freeze()


def _measuring_quickly(item):
    """Exports time their batches for a moment, not for seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "_SECONDS", 0.5)
        return (yield)


# Around the tests of this folder alone, and the fixtures that they share.
pytest_runtest_setup = pytest.hookimpl(wrapper=True)(_measuring_quickly)
pytest_runtest_call = pytest.hookimpl(wrapper=True)(_measuring_quickly)
