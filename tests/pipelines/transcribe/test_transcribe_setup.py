"""What a training takes from its data."""

import bz2
import dataclasses
import gzip
import lzma

import numpy as np
import pytest
import soundfile
from helpers.morse_files import PATTERN, write_morse
from helpers.wav_files import noise

from amalthea import UserError
from amalthea.data.audio import morse_table
from amalthea.pipelines.run_folder import RunFolder
from amalthea.pipelines.transcribe.config import TranscribeConfig, filled_in
from amalthea.pipelines.transcribe.setup import (
    encode_hot_words,
    load_tables,
    make_tokens,
    normalizer,
    read_noises,
    read_texts,
    split_rows,
    table_lines,
    usable_rows,
)
from amalthea.pipelines.transcribe.tokens import CharacterTokens, PieceTokens

RATE = 8000
NAMED = "{text}-{speaker}-{take}"


def make_config(**settings):
    return filled_in(TranscribeConfig(pattern=PATTERN, **settings), [RATE])


@pytest.fixture(scope="module")
def small_folder(tmp_path_factory):
    return write_morse(tmp_path_factory.mktemp("data") / "morse", 12, 4, 4)


@pytest.fixture(scope="module")
def digits_folder(tmp_path_factory):
    """Twelve recordings of each of three speakers, without splits."""
    folder = tmp_path_factory.mktemp("digits")
    for number, speaker in enumerate(["ann", "bob", "eve"]):
        for take in range(12):
            name = f"{['one', 'two', 'three'][take % 3]}-{speaker}-{take}.wav"
            sound = 0.1 * noise(800 + 10 * take, seed=100 * number + take)
            soundfile.write(folder / name, sound, RATE)
    return folder


def written(texts, durations):
    """A table of these texts and lengths; there is nothing to be heard."""
    table = morse_table(train=len(texts), val=0, test=0)
    return dataclasses.replace(
        table,
        texts=texts,
        names=[f"row {number}" for number in range(len(texts))],
        durations=np.array(durations, np.float64),
    )


def test_recordings_of_no_use_are_left_out_with_reasons():
    # 25 steps a second, and one more: 0.08 s are 3 steps.
    table = written(
        ["ab", "aa", "abc", "abcd", "", "!", "a", "a", "aab"],
        [0.08, 0.08, 0.08, 0.08, 5.0, 5.0, 30.0, 30.5, 0.08],
    )
    config = make_config()
    tokens = CharacterTokens("abcd")
    rows, left_out = usable_rows(table, config, tokens.encode)
    assert rows.tolist() == [0, 1, 2, 6]
    assert left_out == [
        ("row 3", "too short for its text: 3 steps, 4 needed"),
        ("row 4", "has no text"),
        ("row 5", "has no text"),
        ("row 7", "30.5 s, longer than max_seconds"),
        ("row 8", "too short for its text: 3 steps, 4 needed"),
    ]


def test_splits_are_those_of_the_folders(small_folder):
    table, stored = load_tables(small_folder, None, make_config())
    assert table is stored and len(table) == 20
    listed = split_rows(table)
    assert [row["split"] for row in listed].count("train") == 12
    assert all(row["split"] == row["name"].split("/")[0] for row in listed)
    assert {"key", "text"} <= set(listed[0])
    lines = list(table_lines(table))
    assert len(set(lines)) == 20 and lines[3].endswith(f" {table.texts[3]}")


def test_the_splits_of_a_run_hold(digits_folder, tmp_path):
    config = make_config(test_fraction=0.3)
    config = dataclasses.replace(config, pattern=NAMED)
    before, _ = load_tables(digits_folder, None, config)
    run = RunFolder(tmp_path / "run")
    run.create("transcribe")
    run.write_rows(run.splits, split_rows(before))
    others = dataclasses.replace(config, test_fraction=0.0, val_fraction=0.5)
    after, _ = load_tables(digits_folder, None, others, run)
    assert after.splits.tolist() == before.splits.tolist()
    without, _ = load_tables(digits_folder, None, others)
    assert "test" not in without.splits


def test_held_out_speakers_are_the_test(digits_folder):
    config = dataclasses.replace(make_config(), pattern=NAMED, hold_out=("bob",))
    table, _ = load_tables(digits_folder, None, config)
    assert set(table.select("test").speakers) == {"bob"}
    assert set(table.speakers) == {"ann", "bob", "eve"}
    assert "bob" not in table.select("train").speakers + table.select("val").speakers
    with pytest.raises(UserError, match="no speaker 'dan'.*ann, bob, eve"):
        load_tables(digits_folder, None, dataclasses.replace(config, hold_out=("dan",)))


def test_recordings_are_joined_within_a_speaker_and_a_split(digits_folder):
    config = dataclasses.replace(
        make_config(), pattern=NAMED, hold_out=("bob",), join=(2, 4), join_count=30
    )
    table, stored = load_tables(digits_folder, None, config)
    assert len(stored) == 36
    sizes = {name: int((table.splits == name).sum()) for name in set(table.splits)}
    assert sizes == {"train": 30, "val": 3, "test": 3}
    split_of = dict(zip(stored.names, stored.splits, strict=True))
    for name, text, split in zip(table.names, table.texts, table.splits, strict=True):
        parts = name.split(" + ")
        assert 2 <= len(parts) <= 4
        assert text.split() == [part.split("-")[0] for part in parts]
        assert len({part.split("-")[1] for part in parts}) == 1
        assert {split_of[part] for part in parts} == {split}
    assert table.at_epoch(1).names != table.select("train").names


def test_texts_are_brought_to_their_form():
    assert normalizer(make_config())("  A  cat, \n so") == "a cat, so"
    as_is = normalizer(make_config(lowercase=False, punctuation=False))
    assert as_is("A cat, it's") == "A cat it's"


def test_tokens_of_either_kind():
    texts = ["the cat sat on the mat", "the rat sat"]
    tokens = make_tokens(make_config(), texts)
    assert isinstance(tokens, CharacterTokens) and tokens.size == 12
    config = make_config(tokens="pieces", piece_count=14)
    tokens = make_tokens(config, texts)
    assert isinstance(tokens, PieceTokens) and tokens.size == 14
    with pytest.raises(UserError, match="the texts have no characters"):
        make_tokens(make_config(), ["", ""])
    with pytest.raises(UserError, match="pieces are too many"):
        make_tokens(dataclasses.replace(config, piece_count=1000), texts)


def test_hot_words_are_written_as_texts_are():
    tokens = CharacterTokens(" abc")
    config = make_config(hot_words=("Cab", "a  b"))
    assert encode_hot_words(config, tokens) == [[4, 2, 3], [2, 1, 3]]
    for word in ("cabs", "", "?"):
        config = make_config(hot_words=("cab", word))
        with pytest.raises(UserError, match="`hot_words`"):
            encode_hot_words(config, tokens)


def test_noises_are_read_at_the_models_rate(tmp_path):
    assert read_noises("", RATE) == []
    (tmp_path / "deep").mkdir()
    soundfile.write(tmp_path / "b.flac", noise(1600, channels=2), 16_000)
    soundfile.write(tmp_path / "deep" / "a.wav", noise(500), RATE)
    (tmp_path / "readme.txt").write_text("of two")
    found = read_noises(str(tmp_path), RATE)
    assert [len(samples) for samples in found] == [800, 500]
    assert all(samples.dtype == np.float32 for samples in found)
    (tmp_path / "c.wav").write_bytes(b"none")
    with pytest.raises(UserError, match=r"c\.wav: is no recording"):
        read_noises(str(tmp_path), RATE)
    with pytest.raises(UserError, match="has no recordings"):
        (tmp_path / "empty").mkdir()
        read_noises(str(tmp_path / "empty"), RATE)
    with pytest.raises(UserError, match="no such file"):
        read_noises(str(tmp_path / "gone"), RATE)


def test_texts_may_be_compressed(tmp_path):
    packers = {"a.txt": bytes, "b.gz": gzip.compress, "c.xz": lzma.compress}
    packers["d"] = bz2.compress
    for name, pack in packers.items():
        (tmp_path / name).write_bytes(pack(f"one {name}\nzwö\n".encode()))
    lines = list(read_texts([tmp_path / name for name in packers]))
    assert [line.rstrip("\n") for line in lines] == [
        text for name in packers for text in (f"one {name}", "zwö")
    ]
    (tmp_path / "e").write_bytes(b"\xffa")
    assert list(read_texts([tmp_path / "e"])) == ["\N{REPLACEMENT CHARACTER}a"]
    (tmp_path / "f.gz").write_bytes(gzip.compress(b"text " * 100)[:-9])
    for name, part in (("f.gz", "is damaged"), ("gone", "cannot be read")):
        with pytest.raises(UserError, match=part):
            list(read_texts([tmp_path / name]))
