"""Speech recognition in Python: learning, resuming, exporting, serving."""

import contextlib
import csv
import dataclasses
import io
import json
import re
import shutil
import types

import keras
import numpy as np
import pytest
import soundfile
from helpers.morse_files import (
    LETTERS,
    MORSE_RATE,
    PLAIN,
    SMALL,
    morse_samples,
    write_morse,
)
from helpers.one_graph import assert_one_graph, assert_same_answer
from helpers.serving import embedded, urls
from helpers.wav_files import encode_wav

from amalthea import UserError
from amalthea.pipelines import SpeechRecognition
from amalthea.pipelines.training.checkpoint import read_facts
from amalthea.pipelines.transcribe import task as task_module
from amalthea.pipelines.transcribe.training import SpeechTraining
from amalthea.serving import Client

TINY = {**SMALL, **PLAIN, "units": 16, "batch_size": 8, "quiet": True}
VALID = [True] * 3 + [False] * 3 + [True]


def recordings():
    """Good ones at several rates and in several codings, and bad ones."""
    sounds = [morse_samples(text) for text in ("man", "is it", "time", "e")]
    return [
        encode_wav(sounds[0], MORSE_RATE),
        encode_wav(np.stack([sounds[1]] * 2, axis=1), MORSE_RATE, "FLOAT", "WAVEX"),
        encode_wav(sounds[2], MORSE_RATE, "ULAW"),
        b"",
        b"no recording",
        encode_wav(sounds[3], MORSE_RATE)[:40],
        encode_wav(np.repeat(sounds[3], 2), 2 * MORSE_RATE),
    ]


def answer_of(task, signature="serving_default", **inputs):
    answer = task.serving_module().endpoints[signature](**inputs)
    return {name: value.numpy() for name, value in answer.items()}


def test_learns_morse_code(recognizer):
    metrics = recognizer.evaluate(split="test")
    assert metrics["cer"] <= 0.05 and metrics["wer"] <= 0.15
    assert metrics["examples"] == 32 and metrics["unreadable"] == 0


def test_other_recordings_are_heard_as_well(recognizer, tmp_path):
    data = write_morse(tmp_path / "others", train=1, val=1, test=30, seed=9)
    metrics = recognizer.evaluate(data, split="test")
    assert metrics["cer"] <= 0.05 and metrics["examples"] == 30
    assert set(recognizer.run.read_metrics()) == {"val", "test"}
    recognizer.evaluate(split="test")  # puts the run's own figures back
    with pytest.raises(UserError, match="no split 'dev'.*train, val, test"):
        recognizer.evaluate(split="dev")


def test_a_run_folder_holds_what_a_person_wants_to_read(morse_run, recognizer):
    config = (morse_run / "config.toml").read_text()
    assert 'task = "transcribe"' in config and "sampling_rate = 8000" in config
    assert json.loads((morse_run / "characters.json").read_text()) == f" {LETTERS}"
    with (morse_run / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert {"loss", "val_loss", "val_wer", "val_cer"} <= set(rows[0])
    assert float(rows[-1]["val_cer"]) <= 0.05 < float(rows[0]["val_cer"])
    metrics = json.loads((morse_run / "metrics.json").read_text())
    assert {"wer", "cer", "real_time_factor"} <= set(metrics["val"]) & set(
        metrics["test"]
    )
    assert "streaming" not in metrics["val"]
    page = (morse_run / "report" / "index.html").read_text()
    pictures = re.findall(r'<img src="([^"]+)"', page)
    assert pictures and all((morse_run / "report" / name).exists() for name in pictures)
    model = keras.saving.load_model(morse_run / "model.keras")
    samples = np.stack([morse_samples("man"), morse_samples("man", seed=1)])
    inputs = {"samples": samples, "lengths": np.array([samples.shape[1], 9000])}
    ours, again = recognizer.model(inputs), model(inputs)
    np.testing.assert_allclose(ours["logits"], again["logits"], atol=1e-4)
    np.testing.assert_array_equal(ours["lengths"], again["lengths"])
    assert len(list((morse_run / "examples").iterdir())) == 32


def test_predict_export_and_a_fresh_process_agree(recognizer, morse_version):
    contents = recordings()
    answer = answer_of(recognizer, wav_bytes=contents)
    assert answer["valid"].tolist() == VALID
    assert [text.decode() for text in answer["text"]] == [
        *("man", "is it", "time", "", "", "", "e")
    ]
    assert_one_graph(answer, morse_version, {"wav_bytes": contents}, rtol=1e-3)
    results = recognizer.predict(contents)
    assert [each.text for each in results] == [text.decode() for text in answer["text"]]


@contextlib.contextmanager
def stopped_in(epoch):
    """Trainings are stopped, as by a Ctrl-C, when this epoch begins."""
    train = SpeechTraining.train

    def stop(self, number, on_step):
        if number == epoch:
            raise KeyboardInterrupt
        return train(self, number, on_step)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(SpeechTraining, "train", stop)
        yield


def test_resuming_gives_the_same_weights(little, little_run, little_settings, tmp_path):
    # With all that is drawn at random: it has to go on where it was.
    data = tmp_path / "data"
    shutil.copytree(little, data)
    with stopped_in(1):
        SpeechRecognition.train(data, tmp_path / "parts", **little_settings)

    resumed = {"out": tmp_path / "parts", "resume": True, "quiet": True}
    with pytest.raises(UserError, match="keeps its settings: units is 16"):
        SpeechRecognition.train(**resumed, units=8)
    one = next((data / "train").iterdir())
    one.rename(tmp_path / one.name)
    with pytest.raises(UserError, match="the data is not what the run began with"):
        SpeechRecognition.train(**resumed)
    (tmp_path / one.name).rename(one)

    parts = SpeechRecognition.train(**resumed)
    whole = SpeechRecognition.load(little_run)
    for ours, theirs in zip(
        whole.model.get_weights(), parts.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert parts.tokens.strings == whole.tokens.strings


def test_a_training_without_validation_and_with_bad_recordings(
    little, tmp_path, monkeypatch, capsys
):
    data = tmp_path / "data"
    shutil.copytree(little, data)
    sound = morse_samples("a")
    soundfile.write(data / "train" / f"{'at' * 40}-90.wav", sound, MORSE_RATE)
    (data / "train" / "as-91.wav").write_bytes(b"no recording")
    load_tables = task_module.load_tables

    def without_val(*args):
        table, _ = load_tables(*args)
        table = table.take(np.flatnonzero(table.splits != "val"))
        return table, table

    monkeypatch.setattr(task_module, "load_tables", without_val)
    settings = {**TINY, "quiet": False, "normalization": "global", "epochs": 2}
    settings |= {"hot_words": ("Mat",)}
    task = SpeechRecognition.train(data, tmp_path / "run", **settings)
    assert read_facts(task.run.best)["epoch"] == 2
    (last,) = task.run.read_rows(task.run.history, ("epoch",))[-1:]
    assert "val_cer" not in last
    with pytest.raises(UserError, match="no split 'val'.*--alpha and --beta"):
        list(task.language_model_lines())
    said = capsys.readouterr().out
    assert "too short for its text" in said and "-90.wav" in said
    assert "1 problems in the data" in said
    assert "no validation recordings: the last epoch is kept" in said


def test_data_of_no_use(tmp_path):
    (tmp_path / "train").mkdir()
    sound = morse_samples("a")
    soundfile.write(tmp_path / "train" / f"{'at' * 40}-1.wav", sound, MORSE_RATE)
    with pytest.raises(UserError, match="no recording can be learnt from.*too short"):
        SpeechRecognition.train(tmp_path, tmp_path / "run", **TINY, epochs=1)
    with pytest.raises(UserError, match="`hot_words`.*'mouse'"):
        SpeechRecognition.train(
            tmp_path, tmp_path / "other", **TINY, hot_words=("mouse",)
        )
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {
            **{"model": "conformer", "heads": 2, "kernel_size": 5, "blocks": 2},
            **{"features": "pcen", "tokens": "pieces", "piece_count": 10},
            **{"normalization": "none", "ema": 0.0, "join": (1, 2), "join_count": 16},
        },
        {
            **{"cell": "lstm", "features": "mfcc", "optimizer": "sgd"},
            **{"normalization": "global", "precision": "mixed_bfloat16"},
            **{"subsampling": 4, "beam_width": 1},
        },
    ],
    ids=lambda settings: settings["features"],
)
def test_every_setting_trains_and_answers(little, tmp_path, settings):
    task = SpeechRecognition.train(
        little, tmp_path / "run", **{**TINY, "epochs": 1, **settings}
    )
    keras.config.set_dtype_policy("float32")
    contents = recordings()
    results = SpeechRecognition.load(tmp_path / "run").predict(contents)
    assert [each.valid for each in results] == VALID
    assert all(set(each.text) <= {*LETTERS, " "} for each in results)
    assert all(np.isfinite(each.score) for each in results)
    keras.config.set_dtype_policy("float32")
    assert {"val", "test"} <= set(task.run.read_metrics())


def test_a_stream_ends_in_the_greedy_text_of_the_whole(streaming_task):
    task = streaming_task
    texts = ["man time", "is it"]
    files = [encode_wav(morse_samples(text), MORSE_RATE) for text in texts]
    files[1] = encode_wav(np.repeat(morse_samples(texts[1]), 2), 2 * MORSE_RATE)
    greedy = dataclasses.replace(task.config, beam_width=1)
    whole = SpeechRecognition(task.run, greedy, task.model, task.tokens).predict(files)
    assert all(each.text for each in whole)
    parts = task.predict(files, stream=True, chunk=0.2)
    finals = [part for part in parts if part.is_final]
    assert finals[0].text == whole[0].text and finals[0].valid
    assert len(parts) >= 4 and parts[0].seconds < finals[0].seconds
    bad = task.predict([b"no recording", files[0]], stream=True)
    assert (bad[0].source, bad[0].valid, bad[0].is_final) == ("input 0", False, True)
    assert "Format not recognised" in bad[0].error
    assert bad[-1].text == finals[0].text


@pytest.fixture(scope="module")
def server(streaming_version):
    """A server of the streaming model's export."""
    version, _ = streaming_version
    with embedded(version.parent.parent) as server:
        yield server


def test_an_export_streams(streaming_task, server):
    sound = morse_samples("man time")
    rows = np.stack([sound, np.roll(sound, 1000)])
    inputs = {"samples": rows[:, :7000], "lengths": np.array([-1, -1], np.int32)}
    inputs["state_bytes"] = np.array([b"", b"not a state"], object)
    first = answer_of(streaming_task, "stream", **inputs)
    assert first["valid"].tolist() == [True, False]
    # The next piece of the one, the first of another, and a state that is none.
    states = [first["state_bytes"][0], b"", b"not a state"]
    inputs = {"samples": rows[[0, 1, 1], 7000:], "lengths": np.full(3, -1, np.int32)}
    inputs["state_bytes"] = np.array(states, object)
    last = answer_of(streaming_task, "stream", **inputs)
    assert last["valid"].tolist() == [True, True, False]
    assert first["text"][0] and last["text"][0].startswith(first["text"][0])
    # By REST and gRPC the bytes of a state come and go whole.
    for url in urls(server):
        with Client(url) as client:
            theirs = client.predict("stream", inputs, signature="stream")
            assert_same_answer(last, theirs)
            state = np.array([b""], object)
            for piece in np.split(sound, [3000, 3001, 9000]):
                answer = client.predict(
                    "stream",
                    {
                        "samples": piece[None],
                        "lengths": np.array([-1], np.int32),
                        "state_bytes": state,
                    },
                    signature="stream",
                )
                assert answer["valid"].all()
                state = answer["state_bytes"]
        assert_same_answer({"text": last["text"][:1]}, {"text": answer["text"]})


def test_a_server_answers_as_the_task_does(streaming_task, server):
    contents, samples = recordings(), morse_samples("man")
    encoded = {"wav_bytes": contents}
    pieces = {
        "samples": np.stack([samples, np.full_like(samples, np.nan)]),
        "lengths": np.array([-1, 50], np.int32),
        "rate": np.array([MORSE_RATE, MORSE_RATE], np.int32),
    }
    asked = {"serving_default": encoded, "n_best": encoded, "samples": pieces}
    answers = {name: answer_of(streaming_task, name, **asked[name]) for name in asked}
    assert answers["serving_default"]["valid"].tolist() == VALID
    assert answers["samples"]["valid"].tolist() == [True, False]
    results = streaming_task.predict(contents)
    texts = [text.decode() for text in answers["serving_default"]["text"]]
    assert [each.text for each in results] == texts and len(set(texts)) == 5
    for url in urls(server):
        with Client(url) as client:
            for name, answer in answers.items():
                theirs = client.predict("stream", asked[name], signature=name)
                assert_same_answer(answer, theirs, rtol=1e-3)
            served = client.transcribe(contents, model="stream")
        for ours, theirs in zip(results, served, strict=True):
            assert (ours.source, ours.text, ours.valid, ours.error) == (
                *(theirs.source, theirs.text, theirs.valid, theirs.error),
            )
            assert [word.text for word in ours.words] == [
                word.text for word in theirs.words
            ]
            np.testing.assert_allclose(
                [word.start for word in ours.words],
                [word.start for word in theirs.words],
                atol=2e-3,
            )


def test_the_standard_input_is_heard_while_it_comes(streaming_task, monkeypatch):
    content = encode_wav(morse_samples("man time"), MORSE_RATE)

    class Slow(io.BytesIO):
        """Remembers how far it was read."""

        def read(self, size=-1):
            return super().read(min(size, 1000) if size > 0 else 1000)

    file = Slow(content)
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=file))
    found = streaming_task.stream(["-"], stream=True, chunk=0.1)
    first = next(found)
    assert first.source == "-" and file.tell() < len(content) / 2 and not first.is_final
    rest = list(found)
    assert rest[-1].is_final and rest[-1].text.startswith(first.text)
    parts = streaming_task.predict(content, stream=True)
    (whole,) = [part for part in parts if part.is_final]
    assert rest[-1].text == whole.text


def test_only_a_streaming_model_streams(recognizer):
    with pytest.raises(UserError, match="recurrent model.*--model streaming"):
        recognizer.predict([b""], stream=True)
