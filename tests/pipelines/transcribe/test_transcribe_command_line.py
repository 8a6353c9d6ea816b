"""Speech recognition on the command line: right use, and every kind of bad input."""

import json
import os
import shutil
import threading
import tomllib

import numpy as np
import pytest
import soundfile
from helpers.complaints import complaint
from helpers.morse_files import MORSE_RATE, PATTERN, morse_samples
from helpers.wav_files import encode_wav

from amalthea.pipelines.cli import run


def transcribe(verb, *words):
    return run(["transcribe", verb, *map(str, words)])


@pytest.fixture
def recordings(tmp_path):
    """A folder of three, one of them broken."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    soundfile.write(folder / "a.flac", morse_samples("man"), MORSE_RATE)
    (folder / "b.wav").write_bytes(b"no recording")
    soundfile.write(folder / "c.wav", morse_samples("it is"), MORSE_RATE)
    return folder


def test_training_says_what_it_trains_on_and_where_the_run_is(streaming):
    out, said = streaming
    assert "20 recordings" in said and "16 train, 2 val, 2 test" in said
    assert "model: streaming" in said and "8,000 Hz" in said
    assert "epoch 1/1" in said and "val_cer" in said and f"run: {out}" in said
    assert "test: WER" in said and "CER" in said
    config = tomllib.loads((out / "config.toml").read_text())
    assert (config["model"], config["units"], config["hop"]) == ("streaming", 12, 0.01)
    assert (out / "report" / "index.html").exists() and (out / "model.keras").exists()


def test_evaluate_writes_figures(own_run, tmp_path, capsys):
    figures = tmp_path / "figures.json"
    words = [own_run, "--split", "val", "--json", figures]
    assert transcribe("evaluate", *words) == 0
    said = capsys.readouterr().out
    assert "WER" in said and "CER" in said and "report: " in said
    metrics = json.loads(figures.read_text(encoding="utf-8"))
    assert metrics["examples"] == 2 and metrics["wer"] >= 0 and metrics["cer"] >= 0
    assert metrics["real_time_factor"] > 0 and "without_language_model" not in metrics


def test_predict_goes_on_after_a_broken_recording_and_saves(
    streaming, recordings, tmp_path, capsys
):
    assert transcribe("predict", streaming[0], recordings, "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = ["a.flac", "b.wav", "c.wav"]
    assert [row["source"] for row in rows] == [str(recordings / n) for n in names]
    assert [row["valid"] for row in rows] == [True, False, True]
    reason = "is no recording that can be read (Format not recognised)"
    assert rows[1]["error"] == reason and rows[1]["words"] == []
    assert set(rows[0]) == {"source", "text", "score", "words", "valid", "error"}

    out = tmp_path / "found"
    assert transcribe("predict", streaming[0], recordings, "--save-dir", out) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and f"error: {reason}" in lines[1]
    saved = (out / "predictions.json").read_text(encoding="utf-8")
    assert [row["source"] for row in json.loads(saved)] == [r["source"] for r in rows]


def test_predict_streams(streaming, recordings, tmp_path, capsys):
    words = [streaming[0], recordings, "--stream", "--chunk", 0.25, "--json"]
    assert transcribe("predict", *words, "--save-dir", tmp_path / "found") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    finals = [row for row in rows if row["is_final"]]
    assert [row["valid"] for row in finals] == [True, False, True]
    assert "Format not recognised" in finals[1]["error"]
    seconds = len(morse_samples("man")) / MORSE_RATE
    assert finals[0]["seconds"] == pytest.approx(seconds, abs=1e-3)
    saved = json.loads((tmp_path / "found" / "predictions.json").read_text())
    assert saved == finals
    assert transcribe("predict", streaming[0], recordings / "a.flac", "--stream") == 0
    assert f"{seconds:7.2f} s" in capsys.readouterr().out.splitlines()[-1]


def test_a_pipe_on_the_standard_input(streaming, capsys, monkeypatch):
    content = encode_wav(np.repeat(morse_samples("man"), 2), 2 * MORSE_RATE)
    end, begin = os.pipe()

    def speak():
        with open(begin, "wb") as pipe:
            pipe.write(content)

    speaker = threading.Thread(target=speak)
    speaker.start()
    with open(end) as pipe, monkeypatch.context() as patch:
        patch.setattr("sys.stdin", pipe)
        words = [streaming[0], "-", "--stream", "--json"]
        assert transcribe("predict", *words) == 0
    speaker.join()
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["is_final"] and last["valid"]
    assert last["source"] == "-" and last["seconds"] > 1


def test_the_way_to_an_audited_export(streaming, streaming_version, capsys):
    version, said = streaming_version
    assert str(version) in said and "serve it: amalthea serve" in said
    card = (version / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "7 characters" not in card and "8 characters" in card and "test cer" in card
    assert run(["check", str(version)]) == 0
    said = capsys.readouterr().out
    assert "findings: none" in said
    for signature in ("serving_default", "samples", "n_best", "stream"):
        assert f"signature {signature}" in said
    words = ["--to", version.parent.parent, "--name", "stream", "--version", 1]
    assert transcribe("export", streaming[0], *words) == 2
    assert "exists already" in complaint(capsys)


def test_doctor_looks_at_the_recordings(little, tmp_path, capsys):
    assert transcribe("doctor", "--data", little, "--pattern", PATTERN) == 0
    assert "20 recordings" in capsys.readouterr().out
    spoilt = tmp_path / "spoilt"
    shutil.copytree(little, spoilt)
    sound = morse_samples("a")
    soundfile.write(spoilt / "train" / f"{'at' * 40}-90.wav", sound, MORSE_RATE)
    soundfile.write(spoilt / "train" / "mat-91.wav", 0 * sound, MORSE_RATE)
    soundfile.write(spoilt / "val" / "zoo-92.wav", sound, MORSE_RATE)
    words = ["--data", spoilt, "--pattern", PATTERN, "--max-seconds", 2]
    transcribe("doctor", *words)
    said = capsys.readouterr().out
    for part in ("too short", "silent", "longer than", "characters"):
        assert part in said, said


def test_a_resumed_run_keeps_its_settings(streaming, capsys):
    words = ["--out", streaming[0], "--resume", "--epochs", 2, "--units", 16]
    assert transcribe("train", *words) == 2
    assert "keeps its settings: units is 12" in complaint(capsys)


@pytest.mark.parametrize(
    "verb", ["train", "evaluate", "predict", "export", "doctor", "lm"]
)
def test_each_verb_has_help(verb, capsys):
    assert transcribe(verb, "--help") == 0
    assert f"usage: amalthea transcribe {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("train --data nowhere/ --out r", "nowhere/: no such data"),
        ("train --data empty --out r", "empty: has no recordings"),
        ("train --data DATA --out r", "20 recordings but no texts"),
        (
            "train --data DATA --out r --pattern {text}+{a}",
            "no recordings named {text}",
        ),
        ("train --data DATA --out r --pattern {name}", "is no pattern of file names"),
        ("train --data list.csv --out r", "list.csv"),
        ("train --data broken --out r --pattern {text}", "no recordings that can be"),
        ("train --data DATA NAMED --out r --hold-out ann", "has no speaker 'ann'"),
        ("train --data DATA NAMED --out r --noises empty", "empty: has no recordings"),
        ("train --data DATA NAMED --out r --model las", "--model"),
        ("train --data DATA NAMED --out r --units 0", "`units`"),
        ("train --data DATA NAMED --out r --hot-words zoo", "`hot_words`"),
        ("train --data DATA NAMED --out r --tokens pieces", "pieces are too many"),
        ("train --data DATA NAMED --out r --config list.csv", "is not valid TOML"),
        ("train --data DATA NAMED --out list.csv", "is a file, not a folder"),
        ("train --data DATA NAMED --out RUN", "holds a run already"),
        ("train --data DATA NAMED", "--out"),
        ("train --out r", "`data` is missing"),
        ("evaluate nowhere", "nowhere: no such run folder"),
        ("evaluate other", "is a run of the task 'classify', not of 'transcribe'"),
        ("evaluate RUN --split dev", "no split 'dev'"),
        ("evaluate RUN --data nowhere", "nowhere: no such data"),
        ("predict RUN", "no inputs"),
        ("predict RUN gone.wav", "gone.wav: no such file"),
        ("predict RUN empty", "empty: has no recordings"),
        ("predict RUN *.wav", "matches no file"),
        ("predict RUN broken --stream --chunk 0", "`chunk`: expected 0.01 to 60"),
        ("predict RUN broken --stream --save-dir list.csv", "cannot be written"),
        ("export RUN --to m --name a/b", "`name`"),
        ("export RUN --to list.csv --name x", "cannot be written"),
        ("doctor --data nowhere", "nowhere: no such data"),
        ("doctor --data DATA", "20 recordings but no texts"),
        ("lm nowhere", "nowhere: no such run folder"),
        ("speak RUN", "unknown verb `speak`"),
    ],
)
def test_a_mistake_ends_in_one_line(
    words, part, little, streaming, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.wav").write_bytes(b"no recording")
    (tmp_path / "list.csv").write_text("name\nx\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.toml").write_text("[run]\ntask = 'classify'\n")
    places = {"DATA": [little], "RUN": [streaming[0]], "NAMED": ["--pattern", PATTERN]}
    given = [place for word in words.split() for place in places.get(word, [word])]
    assert transcribe(*given) == 2
    assert part in complaint(capsys)
    assert not (tmp_path / "r").exists() and not (tmp_path / "m").exists()
