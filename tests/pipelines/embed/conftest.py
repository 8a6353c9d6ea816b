"""One small run of word embeddings that the tests share."""

import pytest

from amalthea.pipelines import WordEmbeddings


@pytest.fixture(scope="session")
def planted_run(tmp_path_factory):
    """A run on `planted`, trained for seconds. Tests must not change it."""
    out = tmp_path_factory.mktemp("runs") / "planted run"
    WordEmbeddings.train("planted", out, dim=50, epochs=5, workers=1, quiet=True)
    return out


@pytest.fixture(scope="session")
def planted_task(planted_run):
    return WordEmbeddings.load(planted_run)


@pytest.fixture
def undrawn(monkeypatch):
    """Runs are written without the map, which takes longer than a small training."""
    monkeypatch.setattr(
        "amalthea.pipelines.embed.report.write_map", lambda *args, **kwargs: None
    )
