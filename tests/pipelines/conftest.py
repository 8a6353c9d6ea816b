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


@pytest.fixture(scope="session", autouse=True)
def quick_measuring():
    """Exports time their batches for a moment, not for seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "_SECONDS", 0.5)
        yield
