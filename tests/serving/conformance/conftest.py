"""One server for the whole table: the embedded one, or the one that is named."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def table_server(tmp_path_factory):
    """The address of a server with the models of `table_models.py`."""
    from helpers.model_server import model_server
    from table_models import save_table_models

    models = save_table_models(tmp_path_factory.mktemp("conformance"))
    with model_server(models) as address:
        yield address
