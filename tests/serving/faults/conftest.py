"""Servers to do bad things to."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# The models of the conformance table serve here, too.
sys.path[:0] = [str(HERE), str(HERE.parent / "conformance")]

MEBIBYTE = 1 << 20


@pytest.fixture(scope="session")
def table_models(tmp_path_factory):
    """A folder with the models of the conformance table."""
    from table_models import save_table_models

    return save_table_models(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="session")
def serving_process(table_models):
    """A server in a process of its own: one that can die, and be measured."""
    from helpers.model_server import server_process

    with server_process(table_models, max_body_bytes=16 * MEBIBYTE) as server:
        yield server


@pytest.fixture
def unharmed(serving_process):
    """The server process; in the end it must live and answer right, by both APIs."""
    from serving_checks import assert_answers

    yield serving_process
    assert serving_process.is_alive()
    assert_answers(serving_process.address)
