"""What may be named as a recording, and what becomes of its bytes."""

import io
import types

import numpy as np
import pytest
import soundfile
from helpers.morse_files import MORSE_RATE, morse_samples
from helpers.wav_files import encode_wav, noise, read_wav

from amalthea import UserError
from amalthea.pipelines.transcribe.inputs import gather_recordings, wav_bytes


def encoded(form, subtype=None):
    file = io.BytesIO()
    soundfile.write(file, noise(500), 8000, subtype, format=form)
    return file.getvalue()


def test_files_folders_patterns_and_bytes(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("b.wav", "a.FLAC", "deep/c.ogg", "notes.txt", ".hidden.wav"):
        (tmp_path / name).write_bytes(b"")
    given = [tmp_path, str(tmp_path / "notes.txt"), f"{tmp_path}/**/*.ogg", b"1", "-"]
    names = [name for name, _ in gather_recordings(given)]
    files = [str(tmp_path / name) for name in ("a.FLAC", "b.wav", "deep/c.ogg")]
    assert names == [*files, str(tmp_path / "notes.txt"), files[2], "input 3", "-"]
    assert gather_recordings(b"1") == [("input 0", b"1")]
    assert gather_recordings(tmp_path / "b.wav") == [(files[1], tmp_path / "b.wav")]


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("nothing.wav", "nothing.wav: no such file"),
        ("*.mp3", "matches no file"),
        ("empty", "empty: has no recordings"),
        ([], "no inputs"),
    ],
)
def test_what_is_not_there(given, part, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=part):
        gather_recordings(given)


@pytest.mark.parametrize("form", ["FLAC", "OGG", "AIFF", "AU", "RF64", "CAF"])
def test_other_formats_become_wav_files(form, tmp_path):
    content = encoded(form)
    path = tmp_path / "sound"
    path.write_bytes(content)
    for source in (content, path):
        made, error = wav_bytes(source)
        assert made[:4] == b"RIFF" and error == ""
        np.testing.assert_array_equal(read_wav(made), read_wav(content))


def test_wav_files_stay_as_they_are_where_the_graph_reads_them():
    plain = encoded("WAV", "PCM_24")
    assert wav_bytes(plain) == (plain, "")
    packed = encoded("WAV", "IMA_ADPCM")
    made, _ = wav_bytes(packed)
    assert made != packed
    np.testing.assert_array_equal(read_wav(made), read_wav(packed))


def test_the_standard_input_is_a_recording(monkeypatch):
    content = encoded("FLAC")
    stdin = types.SimpleNamespace(buffer=io.BytesIO(content))
    monkeypatch.setattr("sys.stdin", stdin)
    made, _ = wav_bytes("-")
    assert read_wav(made).shape == (500,)


def test_why_a_recording_cannot_be_read(tmp_path):
    whole = encoded("FLAC")
    content, error = wav_bytes(whole[: len(whole) // 2])
    assert content == b"" and "flac decoder lost sync" in error
    content, error = wav_bytes(b"text")
    assert content == b"" and "Format not recognised" in error
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "gone", "No such")):
        content, error = wav_bytes(path)
        assert content == b"" and error.startswith(f"cannot be read ({reason}")


@pytest.mark.parametrize("content", [b"", b"RIFF", encoded("WAV")[:30]])
def test_of_empty_and_broken_wav_files_the_model_tells(content):
    assert wav_bytes(content) == (content, "")


def test_one_bad_recording_does_not_stop_the_others(recognizer, tmp_path):
    sound = morse_samples("man")
    soundfile.write(tmp_path / "a.flac", sound, MORSE_RATE)
    (tmp_path / "b.wav").write_bytes(b"no recording")
    (tmp_path / "c.mp3").write_bytes(b"")
    (tmp_path / "d.wav").write_bytes(encode_wav(sound, MORSE_RATE)[:-3000])
    (tmp_path / "e.flac").write_bytes((tmp_path / "a.flac").read_bytes()[:-2000])
    (tmp_path / "f.wav").write_bytes(encode_wav(sound, MORSE_RATE)[:30])
    found = recognizer.predict([tmp_path, encode_wav(sound, MORSE_RATE)])
    names = ["a.flac", "b.wav", "c.mp3", "d.wav", "e.flac", "f.wav"]
    sources = [str(tmp_path / name) for name in names] + ["input 1"]
    assert [each.source for each in found] == sources
    valid = [True, False, False, True, False, False, True]
    assert [each.valid for each in found] == valid
    assert found[0].text == found[6].text == "man" and found[0].error == ""
    assert "Format not recognised" in found[1].error
    assert found[2].error == "empty input"
    assert "flac decoder lost sync" in found[4].error
    assert found[5].error and "recording" not in found[5].error
    assert found[1].words == () and found[1].text == ""
