"""One small trained recogniser that the tests of speech recognition share."""

import shutil

import pytest
from helpers.morse_files import PLAIN, SMALL, write_morse

from amalthea.pipelines import SpeechRecognition


@pytest.fixture(scope="session")
def morse_folder(tmp_path_factory):
    """Recordings of Morse code. Tests must not change them."""
    folder = tmp_path_factory.mktemp("data") / "morse code"
    return write_morse(folder, train=300, val=20, test=50)


@pytest.fixture(scope="session")
def morse_run(morse_folder, tmp_path_factory):
    """A run on `morse_folder`, trained for half a minute. Tests must not change it."""
    out = tmp_path_factory.mktemp("runs") / "morse run"
    settings = {**SMALL, **PLAIN, "epochs": 25, "learning_rate": 5e-3}
    SpeechRecognition.train(morse_folder, out, quiet=True, **settings)
    return out


@pytest.fixture(scope="session")
def recognizer(morse_run):
    return SpeechRecognition.load(morse_run)


@pytest.fixture
def own_run(morse_run, tmp_path):
    """A copy of the run, to be changed."""
    return shutil.copytree(morse_run, tmp_path / "own run")
