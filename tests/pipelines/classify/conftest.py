"""One small trained run that the tests of classification share."""

import pytest

from amalthea.pipelines import ImageClassification


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """A run on `digits`, trained for a few seconds. Tests must not change it."""
    out = tmp_path_factory.mktemp("runs") / "digits run"
    ImageClassification.train("digits", out, epochs=12, depth=8, quiet=True)
    return out


@pytest.fixture(scope="session")
def digits_task(digits_run):
    return ImageClassification.load(digits_run)
