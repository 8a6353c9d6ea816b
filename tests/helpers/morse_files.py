"""Folders of recordings of slow, clear Morse code, named after their texts."""

import numpy as np
import soundfile

from amalthea.data.audio.morse import (
    MORSE_RATE,
    MorseMessage,
    MorseSettings,
    draw_message,
)
from amalthea.data.audio.morse_text import keying

PATTERN = "{text}-{take}"
LETTERS = "aeimnst"
# Settings of trainings on them: one tone needs few bands, and slow code few steps.
SMALL = {
    "pattern": PATTERN,
    "window": 0.03,
    "hop": 0.02,
    "subsampling": 2,
    "mel_bins": 20,
    "filters": 8,
    "units": 48,
    "blocks": 1,
    "batch_size": 16,
    "beam_width": 8,
    "cache": "memory",
}
# No augmentation.
PLAIN = {
    "speed_probability": 0.0,
    "noise_probability": 0.0,
    "reverberation_probability": 0.0,
    "gain_probability": 0.0,
    "frequency_masks": 0,
    "time_masks": 0,
    "dropout": 0.0,
}

_SETTINGS = MorseSettings(tone=(600.0, 600.0), drift=0.0, fading=(0.0, 0.0))
_WPM, _SNR = 25.0, 20.0
UNIT = 60 / 50 / _WPM  # seconds
_EDGE = 0.1  # seconds of noise before and after


def morse_samples(text, seed=0):
    """Returns the sound of a text at 25 words a minute, float32 at `MORSE_RATE`."""
    edges = _EDGE + np.cumsum(np.array(keying(text)).reshape(-1) * UNIT)
    message = MorseMessage(
        text=text,
        wpm=_WPM,
        starts=np.concatenate([[_EDGE], edges[1:-1:2]]),
        stops=edges[::2],
        seconds=round((edges[-1] + _EDGE) * MORSE_RATE) / MORSE_RATE,
        snr=_SNR,
        seed=(seed,),
    )
    return draw_message(message, _SETTINGS)


def draw_texts(count, seed=0, letters=LETTERS):
    """Draws texts of one or two words of one to three letters."""
    random = np.random.RandomState(seed)

    def word():
        return "".join(random.choice([*letters], random.randint(1, 4)))

    return [" ".join(word() for _ in range(random.randint(1, 3))) for _ in range(count)]


def write_morse(folder, train=40, val=8, test=8, seed=0, letters=LETTERS):
    """Writes a folder of recordings with a folder for each split.

    Args:
        folder: Where to; it is made.
        train: How many recordings of training.
        val: Those of validation.
        test: Those of the test.
        seed: Another one gives other texts and other noise.
        letters: The characters of the texts, beside the space.

    Returns:
        The folder.
    """
    texts = iter(draw_texts(train + val + test, seed, letters))
    for split, count in (("train", train), ("val", val), ("test", test)):
        (folder / split).mkdir(parents=True)
        for take in range(count):
            text = next(texts)
            name = f"{text.replace(' ', '_')}-{take}.wav"
            samples = morse_samples(text, seed=1000 * seed + take)
            soundfile.write(folder / split / name, samples, MORSE_RATE)
    return folder
