"""What recordings can be named as, and the line a mistake ends in."""

import io
import json
import subprocess
import sys
import tarfile
import zipfile

import librosa
import numpy as np
import pytest
import soundfile

from amalthea.data.audio import load_audio
from amalthea.data.audio.clips import encode_wav
from amalthea.data.audio.names import compile_pattern
from amalthea.errors import UserError


def noise(seconds=0.25, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.5, 0.5, int(8000 * seconds)).astype(np.float32)


def record(path, seconds=0.25, seed=0, rate=8000, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise(seconds, seed), rate, **options)
    return path


def error_of(spec, **options):
    with pytest.raises(UserError) as caught:
        load_audio(spec, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def by_name(table, column="texts"):
    return dict(zip(table.names, getattr(table, column), strict=True))


def test_a_list_of_ljspeech(tmp_path):
    for seed, name in enumerate(("a", "b", "c")):
        record(tmp_path / "wavs" / f"{name}.wav", seed=seed)
    (tmp_path / "metadata.csv").write_text(
        'a|Dr. "X"|Doctor  "X"\nb|two\n\nc|three|\nd|four|four\n', "utf-8"
    )
    for spec in (tmp_path, tmp_path / "metadata.csv"):
        table = load_audio(spec)
        assert by_name(table) == {"a": 'Doctor "X"', "b": "two", "c": "three"}
        assert table.problems == (("d", "no such recording; it is left out"),)
        assert "LJSpeech" in table.description
        np.testing.assert_allclose(table.durations, 0.25)
        assert set(table.rates) == {8000}
        assert table.speakers is None


def test_a_csv_list(tmp_path):
    record(tmp_path / "one.wav", seed=1)
    record(tmp_path / "b" / "two.flac", seed=2)
    list_file = tmp_path / "list.csv"
    list_file.write_text(
        "\ufeffPath,Text,speaker_id,split\n"
        'one.wav,"yes, I do",ann,train\n'
        "b/two.flac,Cafe\u0301 no,bob,dev\n",
        "utf-8",
    )
    table = load_audio(list_file)
    # Texts are in Unicode's form NFC.
    assert by_name(table) == {"one.wav": "yes, I do", "b/two.flac": "Caf\u00e9 no"}
    assert by_name(table, "speakers") == {"one.wav": "ann", "b/two.flac": "bob"}
    assert by_name(table, "splits") == {"one.wav": "train", "b/two.flac": "val"}


def test_lists_of_splits_with_tabs(tmp_path):
    for seed, name in enumerate(("a", "b", "c")):
        record(tmp_path / "clips" / f"{name}.mp3", seconds=0.5, seed=seed)
    for split, name in (("train", "a"), ("dev", "b"), ("test", "c")):
        (tmp_path / f"{split}.tsv").write_text(
            f'client_id\tpath\tsentence\tup_votes\nann\t{name}.mp3\tsay "{name}\t2\n'
        )
    (tmp_path / "notes.json").write_text('{"author": "ann"}')
    table = load_audio(tmp_path)
    assert by_name(table) == {f"{name}.mp3": f'say "{name}' for name in "abc"}
    assert by_name(table, "splits") == {
        "a.mp3": "train",
        "b.mp3": "val",
        "c.mp3": "test",
    }
    (tmp_path / "validated.tsv").write_text("path\tsentence\na.mp3\tx\n")
    assert "Name one of them" in error_of(tmp_path)


def test_json_lines_with_offsets(tmp_path):
    path = record(tmp_path / "long.wav", seconds=2.0)
    lines = [
        {"audio_filepath": str(path), "duration": 0.5, "text": "one", "offset": 0.25},
        {"audio_filepath": "long.wav", "duration": 2.01, "text": "all"},
        {"audio_filepath": "long.wav", "duration": 1.5, "text": "late", "offset": 1},
        {"audio_filepath": "long.wav", "duration": 1.0, "text": "no", "offset": 9.0},
        {"audio_filepath": "long.wav", "text": "start", "duration": 0.5},
    ]
    list_file = tmp_path / "manifest.json"
    list_file.write_text("\n".join(map(json.dumps, lines)))
    table = load_audio(list_file)
    assert table.texts == ["one", "all", "late", "start"]
    np.testing.assert_allclose(table.durations, [0.5, 2.0, 1.0, 0.5])
    texts = [text for _, text in table.problems]
    assert texts[0] == "ends 0.50 s after its recording; it is cut there"
    assert "lies outside the recording of 2.00 s" in texts[1]
    assert len(set(table.keys)) == 4
    whole, rate = soundfile.read(path, dtype="float32")
    for row, (first, last) in enumerate(((0.25, 0.75), (0, 2), (1, 2), (0, 0.5))):
        expected = whole[int(first * rate) : int(last * rate)]
        np.testing.assert_array_equal(table.samples(row, rate), expected)
        (content,) = table.contents([row])
        again, _ = soundfile.read(io.BytesIO(content), dtype="float32")
        np.testing.assert_array_equal(again, expected)


def test_what_ends_a_line(tmp_path):
    record(tmp_path / "a.wav")
    line = '{"audio_filepath": "a.wav", "text": "one\u2028two\x85three"}'
    (tmp_path / "list.jsonl").write_bytes(f"\r\n{line}\r\n".encode())
    assert load_audio(tmp_path).texts == ["one two three"]


def test_names_that_carry_the_text(tmp_path):
    for seed, name in enumerate(("hello_world_ann_1", "yes_bob_2", "odd")):
        record(tmp_path / f"{name}.wav", seed=seed)
    table = load_audio(tmp_path, pattern="{text}_{speaker}_{take}")
    assert by_name(table) == {
        "hello_world_ann_1.wav": "hello world",
        "yes_bob_2.wav": "yes",
    }
    assert by_name(table, "speakers")["hello_world_ann_1.wav"] == "ann"
    ((name, text),) = table.problems
    assert name == "odd.wav" and "does not fit" in text
    assert len(load_audio(tmp_path, pattern="{text}").texts) == 3


def test_folders_can_be_part_of_a_name(tmp_path):
    for seed, name in enumerate(("train/ann/yes-1", "test/bob/no-1")):
        record(tmp_path / f"{name}.ogg", seconds=0.5, seed=seed)
    table = load_audio(tmp_path, pattern="{speaker}/{text}-{take}")
    assert by_name(table, "speakers") == {
        "train/ann/yes-1.ogg": "ann",
        "test/bob/no-1.ogg": "bob",
    }
    assert by_name(table) == {"train/ann/yes-1.ogg": "yes", "test/bob/no-1.ogg": "no"}
    assert by_name(table, "splits")["test/bob/no-1.ogg"] == "test"


@pytest.mark.parametrize(
    ("pattern", "name", "fields"),
    [
        ("{text}", "0_1_1", {"text": "0_1_1"}),
        ("{text}_{who}", "a_b_c", {"text": "a_b", "who": "c"}),
        ("{id}-{text}", "1-a-b", {"id": "1", "text": "a-b"}),
        ("x({text})", "x(a.b)", {"text": "a.b"}),
        ("{a}/{text}", "1/2", {"a": "1", "text": "2"}),
        ("{text}_{who}", "a", None),
        ("{text}_{who}", "_b", None),
    ],
)
def test_patterns(pattern, name, fields):
    match = compile_pattern(pattern).fullmatch(name)
    assert (match and match.groupdict()) == fields


@pytest.mark.parametrize(
    "pattern", ["", "{speaker}", "{text}{take}", "{text}_{text}", "{text", "{}_{text}"]
)
def test_no_patterns(pattern):
    with pytest.raises(UserError, match="is no pattern of file names"):
        compile_pattern(pattern)


@pytest.mark.parametrize("ending", [".tar.gz", ".tar.xz", ".tar", ".zip"])
def test_archives(tmp_path, ending):
    folder = tmp_path / "set"
    for seed, name in enumerate(("a", "b", ".hidden")):
        record(folder / "lj" / "wavs" / f"{name}.wav", seed=seed)
    (folder / "lj" / "metadata.csv").write_text("a|one\nb|two\n")
    (folder / "readme.txt").write_text("no")
    archive = tmp_path / f"set{ending}"
    members = sorted(path for path in folder.rglob("*") if path.is_file())
    if ending == ".zip":
        with zipfile.ZipFile(archive, "w") as file:
            for path in members:
                file.write(path, path.relative_to(folder))
    else:
        with tarfile.open(archive, f"w:{ending[5:]}") as file:
            file.add(folder, ".")
    table = load_audio(archive)
    assert by_name(table) == {"a": "one", "b": "two"}
    same = load_audio(folder)
    assert sorted(table.keys) == sorted(same.keys)
    np.testing.assert_array_equal(table.samples(0, 8000), same.samples(0, 8000))
    named = load_audio(archive, pattern="{text}")
    assert sorted(named.texts) == ["a", "b"]
    # A folder that has an archive alone stands for it.
    alone = tmp_path / "alone"
    alone.mkdir()
    archive.rename(alone / archive.name)
    assert by_name(load_audio(alone)) == {"a": "one", "b": "two"}


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("wav", {"subtype": "PCM_U8"}),
        ("wav", {"subtype": "PCM_24"}),
        ("wav", {"subtype": "DOUBLE"}),
        ("wav", {"subtype": "ULAW"}),
        ("wav", {"subtype": "IMA_ADPCM"}),
        ("flac", {}),
        ("aiff", {}),
        ("ogg", {}),
        ("mp3", {}),
    ],
)
@pytest.mark.parametrize("rate", [8000, 16_000, 11_025])
def test_formats_and_rates(tmp_path, suffix, options, rate):
    rng = np.random.default_rng(0)
    stereo = rng.uniform(-0.4, 0.4, (6000, 2))
    path = tmp_path / f"hello.{suffix}"
    soundfile.write(path, stereo, 16_000, **options)
    table = load_audio(tmp_path, pattern="{text}")
    expected, _ = librosa.load(path, sr=rate, mono=True)
    samples = table.samples(0, rate)
    assert samples.dtype == np.float32 and samples.shape == expected.shape
    np.testing.assert_allclose(samples, expected, atol=1e-6)
    assert table.durations[0] == pytest.approx(librosa.get_duration(path=path))
    # As a WAV file it has the same samples at its own rate.
    (content,) = table.contents()
    with soundfile.SoundFile(io.BytesIO(content)) as sound:
        assert sound.format in ("WAV", "WAVEX") and sound.samplerate == 16_000
        again = sound.read(dtype="float32", always_2d=True).mean(axis=1)
    np.testing.assert_allclose(again, table.samples(0, 16_000), atol=1e-6)


def test_a_wav_file_is_handed_on_as_it_is(tmp_path):
    path = record(tmp_path / "yes.wav")
    (content,) = load_audio(tmp_path, pattern="{text}").contents()
    assert content == path.read_bytes()
    # A made one is the same whenever it is made.
    assert encode_wav(noise(), 8000) == encode_wav(noise(), 8000)


def test_recordings_that_cannot_be_read(tmp_path):
    record(tmp_path / "good.wav")
    (tmp_path / "text.wav").write_text("hello")
    (tmp_path / "none.wav").write_bytes(b"")
    soundfile.write(tmp_path / "short.wav", np.zeros(0), 8000)
    table = load_audio(tmp_path, pattern="{text}")
    assert table.names == ["good.wav"]
    reasons = dict(table.problems)
    assert sorted(reasons) == ["none.wav", "short.wav", "text.wav"]
    assert all(reason.endswith("; it is left out") for reason in reasons.values())
    assert "no recording that can be read" in reasons["text.wav"]
    (tmp_path / "good.wav").unlink()
    message = error_of(tmp_path, pattern="{text}")
    assert "has no recordings that can be read" in message and "none.wav" in message


def test_samples_that_are_no_numbers(tmp_path):
    samples = noise()
    samples[7] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, 8000, subtype="FLOAT")
    table = load_audio(tmp_path, pattern="{text}")
    with pytest.raises(UserError, match="a.wav: has samples that are no numbers"):
        table.samples(0, 8000)
    assert next(table.contents()) == (tmp_path / "a.wav").read_bytes()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("path,text\na.wav\n", "line 2: has 1 values, not 2"),
        ("path,text\n,hello\n", "line 2: needs the path"),
        ("path,text,split\na.wav,x,exam\n", "unknown split 'exam'"),
        ("path,text,offset\na.wav,x,-1\n", "offset is '-1'"),
        ("path,label\na.wav,x\n", "is no list of recordings"),
        ('{"audio_filepath": "a.wav", "text": "x"}\n{"audio', "line 2: is no JSON"),
        ('{"audio_filepath": "a.wav"}', "needs the path of a recording and a text"),
        ('{"text": "x"}', "needs the path of a recording and a text"),
        ("a|b|c|d\n", "line 1: is not `id|text`"),
        ("", "is no list of recordings"),
        ("path,text\n", "lists no recordings"),
        (b"a|\xff\n", "is not UTF-8"),
    ],
)
def test_lists_with_mistakes(tmp_path, content, words):
    record(tmp_path / "a.wav")
    path = tmp_path / "list.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert words in error_of(path)


def test_what_is_no_data_set(tmp_path):
    assert "no such data" in error_of(tmp_path / "nothing")
    assert "has no recordings" in error_of(tmp_path)
    path = record(tmp_path / "a.wav")
    assert "is no data set of recordings" in error_of(path)
    assert "has 1 recordings but no texts" in error_of(tmp_path)
    assert "--pattern" in error_of(tmp_path)
    message = error_of(tmp_path, pattern="{text}_{take}")
    assert "has no recordings named {text}_{take}" in message and "a.wav" in message
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"\x1f\x8b\x08" + bytes(50))
    assert "is no archive that can be read" in error_of(broken)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(b"PK\3\4" + bytes(50))
    assert "is no archive that can be read" in error_of(cut)


def test_an_archive_beyond_memory(tmp_path, monkeypatch):
    record(tmp_path / "a.wav")
    archive = tmp_path / "set.tar"
    with tarfile.open(archive, "w") as file:
        file.add(tmp_path / "a.wav", "a.wav")
    monkeypatch.setattr("amalthea.data.audio.tree.MEMORY_LIMIT", 1000)
    message = error_of(archive, pattern="{text}")
    assert "GiB of recordings" in message and "Unpack it" in message


def test_finding_recordings_needs_no_tensorflow(tmp_path):
    record(tmp_path / "yes_1.wav")
    code = (
        "import sys; from amalthea.data.audio import load_audio; "
        f"load_audio({str(tmp_path)!r}, pattern='{{text}}_{{take}}'); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=120)


def test_the_spoken_digits(real_data):
    table = load_audio(real_data / "speech" / "fsdd", pattern="{text}_{speaker}_{take}")
    assert len(table) == 2250 and table.problems == ()
    assert sorted(set(table.texts)) == list("0123456789")
    speakers = ["george", "jackson", "nicolas", "theo", "yweweler"]
    assert sorted(set(table.speakers)) == speakers
    assert set(table.rates) == {8000}
    assert 0.3 < table.durations.mean() < 0.6
    held_out = table.hold_out(["theo"])
    assert set(held_out.select("test").speakers) == {"theo"}
    assert len(held_out.select("test")) == 450


def test_read_sentences(real_data):
    table = load_audio(real_data / "speech" / "sentences" / "matthes-lj.tar.gz")
    assert len(table) == 40 and table.problems == ()
    assert by_name(table)["LJ001-0045"] == "fourteen sixty-nine, fourteen seventy;"
    assert table.durations.sum() == pytest.approx(240, rel=0.05)


def test_spoken_yes_and_no(real_data):
    yes_no = load_audio(
        real_data / "speech" / "yesno", pattern="{text}", test_fraction=0.22
    )
    assert len(yes_no) == 50 and len(yes_no.select("test")) == 10
    assert set(yes_no.characters()) == set("01 ")
    assert {len(text.split()) for text in yes_no.texts} == {8}
    assert by_name(yes_no)["waves_yesno/0_0_0_0_1_1_1_1.wav"] == "0 0 0 0 1 1 1 1"
