"""The folders that tests of the manager start from."""

import pytest
from helpers.half_plus_two import save_half_plus_two
from helpers.managing import put


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folders of y = x/2 + 2 and y = x/2 + 3, to copy from."""
    root = tmp_path_factory.mktemp("saved")
    return {n: save_half_plus_two(root / str(n), offset=n) for n in (2.0, 3.0)}


@pytest.fixture
def models(tmp_path, saved):
    put(saved, tmp_path, 1)
    return tmp_path
