"""Small trained recognisers that the tests of speech recognition share."""

import contextlib
import io
import shutil

import pytest
from helpers.morse_files import PATTERN, PLAIN, SMALL, write_morse

from amalthea.pipelines import SpeechRecognition
from amalthea.pipelines.cli import run


@pytest.fixture(scope="session")
def morse_folder(tmp_path_factory):
    """Recordings of Morse code. Tests must not change them."""
    folder = tmp_path_factory.mktemp("data") / "morse code"
    return write_morse(folder, train=200, val=10, test=32)


@pytest.fixture(scope="session")
def morse_run(morse_folder, tmp_path_factory):
    """A run on `morse_folder` that has learnt it. Tests must not change it."""
    out = tmp_path_factory.mktemp("runs") / "morse run"
    # With few bands the tone is found in half the epochs.
    settings = {"epochs": 12, "batch_size": 8, "learning_rate": 5e-3, "mel_bins": 8}
    settings = {**SMALL, **PLAIN, **settings, "quiet": True}
    SpeechRecognition.train(morse_folder, out, **settings)
    return out


@pytest.fixture(scope="session")
def recognizer(morse_run):
    return SpeechRecognition.load(morse_run)


@pytest.fixture(scope="session")
def morse_version(recognizer, tmp_path_factory):
    """The folder of the recogniser's export."""
    return recognizer.export(tmp_path_factory.mktemp("models"), "morse")


@pytest.fixture(scope="session")
def little(tmp_path_factory):
    """A few recordings. Tests must not change them."""
    return write_morse(tmp_path_factory.mktemp("data") / "my morse", 16, 2, 2)


@pytest.fixture(scope="session")
def little_settings():
    """Settings of two epochs on `little`, with all that is drawn at random."""
    drawn = {"noise_probability": 0.8, "speed_probability": 0.8, "dropout": 0.2}
    small = {"units": 16, "batch_size": 8, "epochs": 2, "time_masks": 1}
    small["beam_width"] = 1
    return {**SMALL, **PLAIN, **drawn, **small, "quiet": True}


@pytest.fixture(scope="session")
def little_run(little, little_settings, tmp_path_factory):
    """A run that has learnt next to nothing. Tests must not change it."""
    out = tmp_path_factory.mktemp("runs") / "little run"
    SpeechRecognition.train(little, out, **little_settings)
    return out


@pytest.fixture
def own_run(little_run, tmp_path):
    """A copy of that run, to be changed."""
    return shutil.copytree(little_run, tmp_path / "own run")


@pytest.fixture(scope="session")
def streaming(little, tmp_path_factory):
    """A streaming run and what its training said. Tests must not change it.

    It was made on the command line. So low a rate leaves the weights as they were
    drawn, with which much is heard; a little training would make it fall silent.
    """
    out, said = tmp_path_factory.mktemp("runs") / "my run", io.StringIO()
    settings = {
        **{"pattern": PATTERN, "model": "streaming", "units": 12, "filters": 4},
        **{"mel-bins": 12, "blocks": 1, "beam-width": 4},
        **{"epochs": 1, "batch-size": 8, "learning-rate": 1e-6},
    }
    words = [word for name, value in settings.items() for word in (f"--{name}", value)]
    words = ["train", "--data", little, "--out", out, *words]
    with contextlib.redirect_stdout(said):
        assert run(["transcribe", *map(str, words)]) == 0
    return out, said.getvalue()


@pytest.fixture(scope="session")
def streaming_task(streaming):
    return SpeechRecognition.load(streaming[0])


@pytest.fixture(scope="session")
def streaming_version(streaming, tmp_path_factory):
    """The folder of its export, made on the command line, and what that said."""
    models, said = tmp_path_factory.mktemp("models"), io.StringIO()
    words = ["export", streaming[0], "--to", models, "--name", "stream"]
    with contextlib.redirect_stdout(said):
        assert run(["transcribe", *map(str, words)]) == 0
    return models / "stream" / "1", said.getvalue()
