"""Short recordings joined to strings."""

import numpy as np
import pytest

from amalthea.data.audio import AudioTable, JoinedClips, load_audio
from amalthea.data.audio.clips import ArrayClip, StoredClip
from amalthea.errors import UserError

RATE = 1000  # fades are 5 samples
SPLITS = ("train", "val", "test")


def make_table(**changes):
    """Recordings of 100 to 145 samples, each of one value of its own."""
    rows = [
        (split, speaker, digit)
        for split in SPLITS
        for speaker in ("ann", "bob")
        for digit in range(10)
    ]
    values = [
        np.full(100 + 5 * digit, (row + 1) / 100, np.float32)
        for row, (_, _, digit) in enumerate(rows)
    ]
    columns = {
        "source": "digits",
        "description": "digits",
        "clips": [ArrayClip(each, RATE) for each in values],
        "texts": [str(digit) for _, _, digit in rows],
        "names": [f"{split}/{speaker}/{digit}" for split, speaker, digit in rows],
        "splits": np.array([split for split, _, _ in rows]),
        "keys": np.array([str(row) for row in range(len(rows))]),
        "durations": np.array([len(each) / RATE for each in values]),
        "rates": np.full(len(rows), RATE, np.int32),
        "speakers": [speaker for _, speaker, _ in rows],
    }
    return AudioTable(**{**columns, **changes})


def parts_of(samples):
    """Returns value and length of each run that is not silent."""
    on = np.concatenate([[0], samples > 0, [0]]).astype(int)
    starts, stops = np.flatnonzero(np.diff(on) == 1), np.flatnonzero(np.diff(on) == -1)
    return [
        (round(float(samples[start:stop].max()) * 100) - 1, stop - start)
        for start, stop in zip(starts, stops, strict=True)
    ]


def test_strings_of_digits():
    base = make_table()
    table = JoinedClips(base, count=40, held_out_count=10, gap=(0.01, 0.05)).table()
    assert table.split_sizes() == "40 train, 10 val, 10 test"
    counts = set()
    for row in range(len(table)):
        samples = table.samples(row, RATE)
        assert len(samples) == round(table.durations[row] * RATE)
        parts = parts_of(samples)
        counts.add(len(parts))
        # What is heard is what is written, by one speaker and of one split.
        assert " ".join(base.texts[number] for number, _ in parts) == table.texts[row]
        assert {base.speakers[number] for number, _ in parts} == {table.speakers[row]}
        assert {base.splits[number] for number, _ in parts} == {table.splits[row]}
        assert all(length == len(base.samples(each, RATE)) for each, length in parts)
        silence = len(samples) - sum(length for _, length in parts)
        assert 0.0095 * (len(parts) + 1) <= silence / RATE <= 0.0505 * (len(parts) + 1)
    assert counts == {3, 4, 5, 6, 7, 8}
    assert set(table.speakers) == {"ann", "bob"}
    assert len(set(table.keys)) == 60


def test_parts_fade_in_and_out():
    joined = JoinedClips(make_table(), count=1, held_out_count=0, gap=(0.01, 0.01))
    samples = joined.table().samples(0, RATE)
    assert (samples[:10] == 0).all()
    top = samples[15]
    np.testing.assert_allclose(samples[10:15], top * np.arange(0.1, 1, 0.2), rtol=1e-5)


def test_training_strings_are_new_in_each_epoch():
    joined = JoinedClips(make_table(), count=20, held_out_count=5)
    train = joined.table().select("train")
    assert len(train.at_epoch(1)) == 20
    assert not set(train.keys) & set(train.at_epoch(1).keys)
    again = JoinedClips(make_table(), count=20, held_out_count=5).table()
    assert again.at_epoch(3).keys.tolist() == train.at_epoch(3).keys.tolist()
    assert set(train.at_epoch(3).splits) == {"train"}
    other = JoinedClips(make_table(), count=20, held_out_count=5, seed=1).table()
    assert other.keys.tolist() != again.keys.tolist()
    held_out = joined.table().select("test")
    assert held_out.at_epoch(3) is held_out


def test_options():
    base = make_table().select("val")
    table = JoinedClips(
        base,
        held_out_count=3,
        parts=(2, 2),
        gap=(0, 0),
        separator="",
        sampling_rate=2 * RATE,
    ).table()
    assert set(table.splits) == {"val"} and len(table) == 3
    assert all(len(text) == 2 for text in table.texts)
    assert set(table.rates) == {2 * RATE}
    assert len(table.samples(0, 2 * RATE)) == round(table.durations[0] * 2 * RATE)
    anonymous = JoinedClips(make_table(speakers=None), count=2).table()
    assert anonymous.speakers is None


def test_strings_end_before_they_are_too_long():
    options = {"count": 40, "held_out_count": 10, "parts": (1, 6), "gap": (0.01, 0.05)}
    free = JoinedClips(make_table(), **options).table()
    held = JoinedClips(make_table(), max_seconds=0.5, **options).table()
    assert free.durations.max() > 0.6 and 0.35 < held.durations.max() <= 0.5
    assert held.select("train").at_epoch(1).durations.max() <= 0.5
    fits = free.durations <= 0.5
    assert [held.texts[row] for row in np.flatnonzero(fits)] == [
        free.texts[row] for row in np.flatnonzero(fits)
    ]
    assert all(
        long.startswith(short)
        for long, short in zip(free.texts, held.texts, strict=True)
    )
    # One part is always there.
    assert JoinedClips(make_table(), max_seconds=0.05).table().durations.min() > 0.1


def test_recordings_that_cannot_be_read_are_left_out():
    base = make_table()
    clips = [
        StoredClip(b"broken") if row % 10 else base.clips[row] for row in range(60)
    ]
    joined = JoinedClips(make_table(clips=clips), count=5, held_out_count=5).table()
    assert set("".join(joined.texts)) == {"0", " "}
    assert len(joined.problems) == 54
    with pytest.raises(UserError, match="has no recordings that can be read"):
        JoinedClips(make_table(clips=[StoredClip(b"broken")] * 60))


@pytest.mark.parametrize("options", [{"parts": (0, 3)}, {"gap": (0.3, 0.1)}])
def test_bad_ranges(options):
    with pytest.raises(ValueError, match=f"Invalid value for `{next(iter(options))}`"):
        JoinedClips(make_table(), **options)


def test_strings_of_spoken_digits(real_data):
    digits = load_audio(
        real_data / "speech" / "fsdd", pattern="{text}_{speaker}_{take}"
    )
    table = JoinedClips(digits, count=20, held_out_count=5).table()
    assert len(table) == 30 and set(table.rates) == {8000}
    samples = table.samples(0, 8000)
    assert len(samples) == round(table.durations[0] * 8000)
    assert 3 <= len(table.texts[0].split()) <= 8
