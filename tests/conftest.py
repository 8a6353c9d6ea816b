"""Shared set-up: quiet TensorFlow, helpers on the path, the real data if present."""

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data sets, from `AMALTHEA_DATA`; skips where absent."""
    folder = os.environ.get("AMALTHEA_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("AMALTHEA_DATA does not name a folder of real data")
    return Path(folder).resolve()
