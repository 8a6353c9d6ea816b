"""The backend the layers are tested on, and the same weights in every run."""

import keras
import pytest


def pytest_report_header():
    return f"keras backend: {keras.backend.backend()}"


@pytest.fixture(autouse=True)
def fixed_seed():
    # The gradient check on JAX has float32 to work with: its tolerance holds for
    # given weights, not for any.
    keras.utils.set_random_seed(0)
