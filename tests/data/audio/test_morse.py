"""Made recordings of Morse code."""

import hashlib

import numpy as np
import pytest

from amalthea.data.audio import MorseSettings, load_audio, morse_table
from amalthea.data.audio.morse import MORSE_RATE, draw_message, eased, lay_out_message
from amalthea.data.audio.morse_text import CODES, draw_word, keying, units

# A steady hand on a clear channel.
CLEAN = MorseSettings(swing=0, jitter=0, drift=0, fading=(0, 0), snr=(60, 60))


def decode(samples, wpm):
    """Reads clean Morse code by ear: the tone's strength over windows of a 16th unit.

    Independent of how it was made: it knows the speed alone.
    """
    unit = 1.2 / wpm * MORSE_RATE
    window = max(int(unit / 16), 1)
    whole = samples[: len(samples) // window * window].reshape(-1, window)
    # Windows shorter than a period see part of a wave; the largest of some does not.
    strength = np.abs(whole).max(axis=1)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(strength, 2), 5)
    on = around.max(axis=1) > 0.5 * strength.max()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on, [0]]).astype(int)))
    lengths = np.diff(edges) * window / unit
    codes = {code: character for character, code in CODES.items()}
    text, code = "", ""
    for place, length in enumerate(lengths):
        if place % 2 == 0:
            code += "-" if length > 2 else "."
        elif length > 1.75:
            text, code = text + codes[code], ""
            text += " " if length > 4.75 else ""
    return text + codes[code]


def test_the_codes_are_those_of_the_standard():
    assert len(set(CODES.values())) == len(CODES) == 41
    assert [CODES[each] for each in "sos73/?"] == [
        *("...", "---", "...", "--...", "...--", "-..-.", "..--.."),
    ]
    # "paris" and the silence after it are 50 units, by which speed is measured.
    assert units("paris") + 7 == 50
    assert keying("et a") == [(1, 3), (3, 7), (1, 1), (3, 0)]
    assert keying("") == [] and units("") == 0


def test_words_have_codes():
    random = np.random.RandomState(0)
    words = [draw_word(random) for _ in range(500)]
    characters = set("".join(words))
    assert characters == set(CODES)
    assert all(words) and not any(" " in word for word in words)


@pytest.mark.parametrize("number", range(6))
def test_clean_messages_can_be_read(number):
    message = lay_out_message(CLEAN, (5, number))
    assert decode(draw_message(message, CLEAN), message.wpm) == message.text


def test_a_message_is_made_as_it_is_laid_out():
    settings = MorseSettings()
    for number in range(20):
        message = lay_out_message(settings, (0, number))
        assert len(message.starts) == len(message.stops) == len(keying(message.text))
        edges = np.stack([message.starts, message.stops], axis=1).reshape(-1)
        assert (np.diff(edges) > 0).all()
        assert edges[0] >= 0.1 and edges[-1] <= message.seconds - 0.1
        assert 10 <= message.wpm <= 30 and -5 <= message.snr <= 25
        samples = draw_message(message, settings)
        assert samples.dtype == np.float32
        assert len(samples) == message.seconds * MORSE_RATE
        assert 0.19 < np.abs(samples).max() < 0.96


def test_speed():
    for wpm in (10.0, 30.0):
        settings = MorseSettings(wpm=(wpm, wpm), swing=0, jitter=0)
        message = lay_out_message(settings, (1, 1))
        length = message.stops[-1] - message.starts[0]
        assert length == pytest.approx(units(message.text) * 1.2 / wpm)


def test_the_signal_to_noise_ratio():
    """The tone is off before the first and after the last; there is noise alone."""
    for snr in (0.0, 10.0):
        settings = MorseSettings(snr=(snr, snr), fading=(0, 0))
        ratios = []
        for number in range(8):
            message = lay_out_message(settings, (2, number))
            samples = draw_message(message, settings).astype(float)
            times = np.arange(len(samples)) / MORSE_RATE
            silent = (times < message.starts[0] - 0.01) | (
                times > message.stops[-1] + 0.01
            )
            inside = np.zeros(len(samples), bool)
            for start, stop in zip(message.starts, message.stops, strict=True):
                inside |= (times > start + 0.005) & (times < stop - 0.005)
            noise = np.square(samples[silent]).mean()
            ratios.append((np.square(samples[inside]).mean() - noise) / noise)
        assert 10 * np.log10(np.mean(ratios)) == pytest.approx(snr, abs=0.7)


def test_drift_and_tone():
    settings = MorseSettings(
        tone=(600, 600), drift=60, snr=(60, 60), fading=(0, 0), seconds=(6, 6)
    )
    peaks = []
    for number in range(6):
        message = lay_out_message(settings, (3, number))
        samples = draw_message(message, settings)
        for start, stop in zip(message.starts, message.stops, strict=True):
            tone = samples[int(start * MORSE_RATE) : int(stop * MORSE_RATE)]
            spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone)), 2**14))
            peaks.append(spectrum.argmax() * MORSE_RATE / 2**14)
    assert 535 < min(peaks) < 570 and 630 < max(peaks) < 665


def test_fading():
    settings = MorseSettings(fading=(12, 12), snr=(60, 60), seconds=(8, 8))
    ratios = []
    for number in range(6):
        message = lay_out_message(settings, (4, number))
        samples = draw_message(message, settings)
        strengths = [
            np.abs(samples[int(start * MORSE_RATE) : int(stop * MORSE_RATE)]).max()
            for start, stop in zip(message.starts, message.stops, strict=True)
        ]
        ratios.append(20 * np.log10(max(strengths) / min(strengths)))
    assert max(ratios) == pytest.approx(12, abs=1) and max(ratios) < 12.5


def test_the_embedded_set():
    table = load_audio("morse")
    assert table.split_sizes() == "2,000 train, 200 val, 500 test"
    assert set("".join(table.texts)) == {*CODES, " "}
    assert len(set(table.keys)) == 2700
    later = table.select("train").at_epoch(30)
    assert len(set(later.texts)) > 1500
    test = table.select("test")
    levels, counts = np.unique(test.snrs, return_counts=True)
    assert levels.tolist() == [-5, 0, 5, 10, 20] and set(counts) == {100}
    assert test.durations.min() > 0.5 and test.durations.max() < 9.5
    np.testing.assert_array_equal(test.samples(0, 8000), test.samples(0, 8000))


def test_training_begins_with_what_is_easy():
    train = morse_table(train=50, val=1, test=1).select("train")
    begun, grown = train.durations, train.at_epoch(23).durations
    assert begun.max() < 3.5 and np.median(begun) < np.median(grown) / 2
    assert train.snrs.min() >= 5 and train.at_epoch(23).snrs.min() < 0
    settings = MorseSettings(wpm=(20, 20), snr=(0, 0), seconds=(1, 1))
    for epoch in (0, 11, 12, 22):
        easy = eased(settings, epoch)
        assert easy.wpm == (20, 20) and easy.snr == (0, 0) and easy.seconds[1] <= 1
    for epoch in (23, 24, 1000):
        assert eased(MorseSettings(), epoch) == MorseSettings()


def test_training_is_new_in_each_epoch():
    table = morse_table(train=4, val=2, test=2)
    train = table.select("train")
    epochs = [train.at_epoch(epoch) for epoch in (0, 1, 2)]
    assert [len(each) for each in epochs] == [4, 4, 4]
    assert len({key for each in epochs for key in each.keys}) == 12
    assert train.at_epoch(2).keys.tolist() == epochs[2].keys.tolist()
    assert set(epochs[1].splits) == {"train"}
    other = morse_table(train=4, val=2, test=2, seed=1)
    assert not set(other.keys) & set(table.keys)
    # More of a split does not change those there are.
    more = morse_table(train=6, val=2, test=2)
    assert more.texts[:4] == table.texts[:4]


def test_recordings_stay_the_same():
    """What a seed gives is part of the data set."""
    message = lay_out_message(MorseSettings(), (0, 0, 0, 0))
    rounded = np.round(draw_message(message, MorseSettings()), 3)
    digest = hashlib.sha256((rounded + 0.0).astype("<f4").tobytes()).hexdigest()[:8]
    assert (message.text, digest) == ("8oqb=", "60efdd3d")


@pytest.mark.parametrize(
    "settings",
    [{"wpm": (30, 10)}, {"wpm": (0, 10)}, {"tone": (400, 4000)}, {"jitter": 1.0}],
)
def test_bad_settings(settings):
    with pytest.raises(ValueError, match=f"Invalid value for `{next(iter(settings))}`"):
        MorseSettings(**settings)
