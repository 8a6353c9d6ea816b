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


@pytest.fixture(autouse=True, scope="module")
def compiled_code_is_freed():
    """JAX keeps what it has compiled, which comes to gigabytes over all tests."""
    yield
    if keras.backend.backend() == "jax":
        import jax

        jax.clear_caches()
