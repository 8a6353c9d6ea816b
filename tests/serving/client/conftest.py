import pytest

from amalthea.serving.client import retries


@pytest.fixture
def no_pause(monkeypatch):
    """Replaces the pauses between attempts; returns the list of their lengths."""
    waited = []
    monkeypatch.setattr(retries, "_wait", waited.append)
    return waited
