"""What is measured of a split, by real models that have learnt nothing."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers.morse_files import LETTERS, MORSE_RATE, PLAIN, SMALL, write_morse

from amalthea.pipelines import SpeechRecognition
from amalthea.pipelines.run_folder import RunFolder
from amalthea.pipelines.transcribe.config import TranscribeConfig
from amalthea.pipelines.transcribe.measure import measure
from amalthea.pipelines.transcribe.model import build_model
from amalthea.pipelines.transcribe.scores import character_error_rate, word_error_rate
from amalthea.pipelines.transcribe.setup import load_tables
from amalthea.pipelines.transcribe.tokens import CharacterTokens

STREAMING = {"model": "streaming", "normalization": "none"}


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A few recordings. Tests must not change them."""
    return write_morse(tmp_path_factory.mktemp("data") / "few", 1, 1, 5)


def untrained(folder, data, **settings):
    """Returns a task, and the recordings of the test."""
    keras.utils.set_random_seed(0)  # or it may hear nothing at all
    config = TranscribeConfig(
        **{**SMALL, **PLAIN, "units": 8, "sampling_rate": MORSE_RATE, **settings}
    )
    run = RunFolder(folder)
    run.create("transcribe")
    run.write_config(config, "transcribe", str(data))
    tokens = CharacterTokens(f" {LETTERS}")
    task = SpeechRecognition(run, config, build_model(config, tokens.size), tokens)
    table, _ = load_tables(data, None, config)
    return task, table.select("test")


def test_a_streaming_model_is_measured_as_it_streams_too(few, tmp_path):
    task, table = untrained(tmp_path / "run", few, **STREAMING, hot_words=("man",))
    metrics = measure(task, table, "test")
    parts = task.predict(list(table.contents()), stream=True)
    heard = [part.text for part in parts if part.is_final]
    assert all(heard)
    assert metrics["streaming"] == {
        "wer": pytest.approx(word_error_rate(table.texts, heard)),
        "cer": pytest.approx(character_error_rate(table.texts, heard)),
    }
    # Hot words change what the search hears.
    assert metrics["streaming"]["cer"] != metrics["cer"]


def test_a_run_that_decodes_as_it_streams_is_measured_once(few, tmp_path):
    task, table = untrained(tmp_path / "run", few, **STREAMING, beam_width=1)
    assert "streaming" not in measure(task, table, "test")


def test_long_and_unreadable_recordings(few, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(few, data)
    task, table = untrained(tmp_path / "run", data, max_seconds=1.5, beam_width=1)
    assert (table.durations > 1.5).any() and (table.durations < 1.5).sum() > 1
    row = int(table.durations.argmin())
    Path(table.clips[row].source).write_bytes(b"fLaC")
    metrics = measure(task, table, "test")
    assert metrics["unreadable"] == 1 and metrics["examples"] == 5
    # Pictures are of recordings that were heard in one.
    rows = task.run.read_rows(task.run.report / "examples_test.csv", ("name",))
    pictured = [table.names.index(listed["name"]) for listed in rows]
    inside = np.flatnonzero(table.durations <= 1.5)
    assert sorted(set(pictured)) == [place for place in inside if place != row]
