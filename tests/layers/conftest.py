"""The backend the layers are tested on, and the same weights in every run."""

import functools

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
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    with pytest.MonkeyPatch.context() as patch:
        _share_the_compiler_context(patch)
        yield
    jax.clear_caches()


def _share_the_compiler_context(patch):
    """JAX makes a context for each thing that it compiles, a third of the work."""
    try:
        from jax._src.interpreters.mlir import make_ir_context
    except ImportError:  # it is no public function
        return
    make = functools.cache(make_ir_context)
    patch.setattr("jax._src.interpreters.mlir.make_ir_context", make)
