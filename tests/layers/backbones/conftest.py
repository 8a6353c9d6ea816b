"""Networks of which only the form counts."""

import keras
import pytest


@pytest.fixture
def no_values():
    """The weights of large networks get no values: those take seconds to draw."""
    with keras.StatelessScope(initialize_variables=False):
        yield
    # Keras would make up for it later.
    keras.utils.clear_session(free_memory=False)
