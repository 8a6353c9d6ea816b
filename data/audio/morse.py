"""The embedded set `morse`: made recordings of Morse code."""

import dataclasses
import functools
import math

import numpy as np

from ..splits import SPLITS, content_key
from .clips import MadeClip
from .morse_text import draw_word, keying, units
from .table import AudioTable

MORSE_RATE = 8000  # samples a second
_EDGE = 0.005  # seconds in which a tone rises and falls; sudden ones click
_SHORTEST = 0.3  # units of time, of a tone or silence with jitter
_LEAD = (0.1, 0.5)  # seconds of noise before and after
_TRIES = 20  # to find a word that still fits
_EASY = 12  # epochs of short and clear recordings; so many later they are like others
_ONE_SPEED = 1.2  # the fastest of them to the slowest
_SHORT = (0.3, 1.5)  # seconds of theirs
_CLEAR = 5.0  # least signal-to-noise ratio of theirs, in dB
_SWING = (0.05, 0.5)  # Hz of the slow changes of speed, tone and strength
_LEVELS = (-5.0, 0.0, 5.0, 10.0, 20.0)  # dB, of the recordings held out


@dataclasses.dataclass(frozen=True)
class MorseSettings:
    """What recordings of Morse code are like; each draws its own from the ranges.

    Attributes:
        wpm: Words a minute, of 50 units of time each (the word `paris`).
        swing: The speed swings slowly by at most this share.
        jitter: Standard deviation of each tone's and silence's length, as a share
            of a unit.
        tone: Frequency in Hz.
        drift: The frequency swings slowly by at most this, in Hz.
        fading: How far the strength swings down, in dB.
        snr: Power of the tone while it is keyed to that of the noise, which is
            white, over the band of 4 kHz; in dB.
        seconds: How long a message may be.

    Raises:
        ValueError: if a value is out of its range.
    """

    wpm: tuple[float, float] = (10.0, 30.0)
    swing: float = 0.1
    jitter: float = 0.06
    tone: tuple[float, float] = (400.0, 900.0)
    drift: float = 20.0
    fading: tuple[float, float] = (0.0, 6.0)
    snr: tuple[float, float] = (-5.0, 25.0)
    seconds: tuple[float, float] = (2.0, 8.0)

    def __post_init__(self):
        _check("wpm", self.wpm, 1, 100)
        _check("tone", self.tone, 100, 3000)
        _check("fading", self.fading, 0, 60)
        _check("snr", self.snr, -60, 200)
        _check("seconds", self.seconds, 0.1, 600)
        _check("swing", (self.swing, self.swing), 0, 0.5)
        _check("jitter", (self.jitter, self.jitter), 0, 0.2)
        _check("drift", (self.drift, self.drift), 0, 90)


@dataclasses.dataclass(frozen=True, eq=False)
class MorseMessage:
    """One recording before it is drawn.

    Attributes:
        text: What is sent.
        wpm: Its mean speed in words a minute.
        starts: float64 `[tones]`, seconds.
        stops: float64 `[tones]`, seconds.
        seconds: Length of the recording.
        snr: See `MorseSettings`.
        seed: Integers that the rest is drawn from.
    """

    text: str
    wpm: float
    starts: np.ndarray
    stops: np.ndarray
    seconds: float
    snr: float
    seed: tuple[int, ...]


def morse_table(settings=None, *, train=2000, val=200, test=500, seed=0):
    """Lays out recordings of Morse code; they are drawn when they are read.

    Speed, tone and strength change within a recording, and noise is added. Texts
    are words, call signs, numbers and random groups, in small letters. Training
    gets new recordings in each epoch, without end; see `eased` for the first. Those
    of validation and test have signal-to-noise ratios of -5, 0, 5, 10 and 20 dB in
    turn, or the settings' where these do not reach so far.

    Args:
        settings: `MorseSettings`; the defaults if not given.
        train: Recordings of training in an epoch.
        val: Recordings of validation.
        test: Recordings of the test.
        seed: An integer >= 0; recordings of different seeds differ.

    Returns:
        An `AudioTable`.
    """
    settings = settings or MorseSettings()
    counts = {"train": train, "val": val, "test": test}
    return _table(settings, seed, counts, 0)


def lay_out_message(settings, seed, snr=None):
    """Draws a text and when its tones begin and end.

    Args:
        settings: `MorseSettings`.
        seed: Tuple of integers >= 0.
        snr: A signal-to-noise ratio to use instead of a drawn one.

    Returns:
        A `MorseMessage`, a pure function of the arguments.
    """
    # The streams of `RandomState` never change; those of `Generator` may, from one
    # release of NumPy to the next.
    random = np.random.RandomState([*seed, 0])
    wpm = random.uniform(*settings.wpm)
    unit = 60 / 50 / wpm
    text = _draw_text(random, random.uniform(*settings.seconds) / unit)
    drawn = random.uniform(*settings.snr)
    lengths = np.array(keying(text), np.float64).reshape(-1)
    lengths[:-1] += random.normal(0, settings.jitter, len(lengths) - 1)
    lengths[:-1] = np.maximum(lengths[:-1], _SHORTEST)
    # The speed swings: where it is higher, the lengths are shorter.
    begins = np.cumsum(lengths) - lengths
    swing = settings.swing * _slow_swing(random, begins * unit)
    lengths = lengths * unit / (1 + swing)
    lead, tail = random.uniform(*_LEAD, 2)
    edges = lead + np.cumsum(lengths)
    starts = np.concatenate([[lead], edges[1:-1:2]])
    samples = int(round((edges[-1] + tail) * MORSE_RATE))
    return MorseMessage(
        text=text,
        wpm=wpm,
        starts=starts,
        stops=edges[::2],
        seconds=samples / MORSE_RATE,
        snr=drawn if snr is None else snr,
        seed=tuple(seed),
    )


def draw_message(message, settings):
    """Makes the sound of a message.

    Args:
        message: `MorseMessage`.
        settings: The `MorseSettings` that it was laid out with.

    Returns:
        float32 `[samples]` at 8,000 samples a second, in -1..1.
    """
    random = np.random.RandomState([*message.seed, 1])
    samples = round(message.seconds * MORSE_RATE)
    times = np.arange(samples) / MORSE_RATE
    frequency = random.uniform(*settings.tone)
    frequency = frequency + settings.drift * _slow_swing(random, times)
    phase = 2 * np.pi * (np.cumsum(frequency) / MORSE_RATE + random.uniform())
    depth = random.uniform(*settings.fading)
    strength = 10 ** (depth * (_slow_swing(random, times) - 1) / 2 / 20)
    keyed = _envelope(message, samples)
    amplitude = keyed * strength
    power = np.square(amplitude)[keyed > 0.5].mean() / 2
    noise = random.standard_normal(samples) * np.sqrt(power / 10 ** (message.snr / 10))
    sound = amplitude * np.sin(phase) + noise
    peak = random.uniform(0.2, 0.95)
    return (sound * (peak / np.abs(sound).max())).astype(np.float32)


def eased(settings, epoch):
    """Returns the settings of an epoch's training recordings.

    The first ones are short, of one speed and clear, a third of them a single dot; from
    there on they grow into the settings. A network that meets all speeds at once, of
    which one's dots are another's dashes, takes many epochs to learn anything at all.

    Args:
        settings: `MorseSettings`.
        epoch: Number of the epoch, from 0.

    Returns:
        `MorseSettings`.
    """
    share = float(np.clip((epoch + 1 - _EASY) / _EASY, 0, 1))

    def widened(narrow, wide):
        narrow = np.minimum(narrow, wide[1])
        return tuple((narrow + share * (np.array(wide) - narrow)).tolist())

    slow, fast = settings.wpm
    middle = math.sqrt(slow * fast)
    return dataclasses.replace(
        settings,
        wpm=widened((middle, middle * _ONE_SPEED), settings.wpm),
        seconds=widened(_SHORT, settings.seconds),
        snr=widened((max(_CLEAR, settings.snr[0]), settings.snr[1]), settings.snr),
    )


def _table(settings, seed, counts, epoch):
    easy = eased(settings, epoch)
    rows = [
        (split, number) for split in SPLITS for number in range(counts.get(split, 0))
    ]
    messages = []
    for split, number in rows:
        part = SPLITS.index(split)
        if split == "train":
            messages.append(lay_out_message(easy, (seed, part, epoch, number)))
            continue
        snr = float(np.clip(_LEVELS[number % len(_LEVELS)], *settings.snr))
        messages.append(lay_out_message(settings, (seed, part, 0, number), snr))
    keys = [
        content_key(f"morse/2/{settings}/{each.seed}/{each.snr}".encode())
        for each in messages
    ]

    def renew(epoch):
        return _table(settings, seed, {"train": counts["train"]}, epoch)

    return AudioTable(
        source="morse",
        description="morse: made recordings of Morse code, new ones in each epoch",
        clips=[
            MadeClip(functools.partial(draw_message, each, settings), MORSE_RATE)
            for each in messages
        ],
        texts=[each.text for each in messages],
        names=[f"morse/{split}/{number}" for split, number in rows],
        splits=np.array([split for split, _ in rows], dtype="<U5"),
        keys=np.array(keys),
        durations=np.array([each.seconds for each in messages]),
        rates=np.full(len(rows), MORSE_RATE, np.int32),
        snrs=np.array([each.snr for each in messages]),
        renew=renew,
    )


def _draw_text(random, limit):
    """Draws words until no more fit into a number of units; at least one."""
    text = "e"
    for _ in range(_TRIES):
        word = draw_word(random)
        if units(word) <= limit:
            text = word
            break
    misses = 0
    while misses < 3:
        longer = f"{text} {draw_word(random)}"
        if units(longer) <= limit:
            text = longer
        else:
            misses += 1
    return text


def _slow_swing(random, times):
    """Returns a sine of random slow frequency and phase at some times, in -1..1."""
    return np.sin(2 * np.pi * (random.uniform(*_SWING) * times + random.uniform()))


def _envelope(message, samples):
    """Returns the strength of the keyed tone, 0..1, float64 `[samples]`.

    A tone rises and falls as a raised cosine, half of which lies before its time.
    """
    width = int(_EDGE * MORSE_RATE)
    keyed = np.zeros(samples + 1)
    for places, sign in ((message.starts, 1), (message.stops, -1)):
        places = np.round(places * MORSE_RATE).astype(int) - width // 2
        np.add.at(keyed, np.clip(places, 0, samples), sign)
    edge = np.sin(np.pi * (np.arange(width) + 0.5) / width)
    return np.convolve(np.cumsum(keyed), edge / edge.sum())[:samples]


def _check(name, value, low, high):
    if len(value) != 2 or not low <= value[0] <= value[1] <= high:
        raise ValueError(
            f"Invalid value for `{name}`: expected numbers from {low} to {high} in "
            f"order, received {name}={value}"
        )
