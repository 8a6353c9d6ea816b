"""Settings of speech recognition."""

import dataclasses
from typing import Literal

from ..config import TrainingConfig

MODELS = ("recurrent", "conformer", "streaming")
# What a model takes where a setting is not given.
_UNITS = {"recurrent": 128, "conformer": 144, "streaming": 192}
_BLOCKS = {"recurrent": 2, "conformer": 4, "streaming": 3}
_HIGHEST_RATE = 16_000  # that is taken from data: speech has little above 8 kHz


@dataclasses.dataclass(frozen=True)
class TranscribeConfig(TrainingConfig):
    """Settings of speech recognition."""

    model: Literal["recurrent", "conformer", "streaming"] = "recurrent"
    """The network over the frames: a bidirectional recurrent one (Deep Speech 2's
    kind), a small Conformer, or a recurrent one that never looks ahead, whose export
    also answers while somebody speaks."""
    units: int | None = None
    """Width of the network: 128, for `conformer` 144, for `streaming` 192, if not
    given. A bidirectional layer has so many in each direction."""
    blocks: int | None = None
    """How many layers of it: 2, for `conformer` 4, for `streaming` 3, if not given."""
    cell: Literal["gru", "lstm"] = "gru"
    """Cell of the recurrent models."""
    heads: int = 4
    """Attention heads of `conformer`."""
    kernel_size: int = 15
    """Frames that the convolutions of `conformer` see."""
    filters: int = 32
    """Channels of the convolutions under the network."""
    subsampling: int = 4
    """How many frames of audio become one of text: 1, 2, 4 or 8. A text needs as many
    of these as characters, and one more between two equal ones."""
    dropout: float = 0.1
    """Share of the activations that is dropped in training."""

    sampling_rate: int | None = None
    """Samples a second that the model hears; those of most recordings, 16,000 at
    most, if not given."""
    features: Literal["log-mel", "mfcc", "pcen"] = "log-mel"
    """What the audio is turned into."""
    mel_bins: int | None = None
    """Mel bands; 80, below 16,000 Hz 64, if not given."""
    window: float = 0.025
    """Length of the window in seconds."""
    hop: float = 0.01
    """Seconds from a frame to the next."""
    normalization: Literal["auto", "utterance", "global", "none"] = "auto"
    """Features of mean 0 and variance 1: over each recording, or over the training
    data. `auto` is the former, for `streaming` the latter, which knows no future."""

    tokens: Literal["characters", "pieces"] = "characters"
    """What the model writes: characters, or pieces of words (SentencePiece)."""
    piece_count: int = 256
    """Number of pieces."""
    lowercase: bool = True
    """Write texts in small letters, in training and evaluation alike."""
    punctuation: bool = True
    """Keep punctuation; without it only apostrophes inside words stay."""

    pattern: str = ""
    """How recordings are named if names carry the text, e.g.
    `{text}_{speaker}_{take}`."""
    join: tuple[int, ...] = ()
    """Join recordings of a speaker to strings of so many, `MIN MAX`, new ones in each
    epoch; none if empty."""
    join_count: int = 2000
    """Strings of an epoch of training; a tenth of them is validation and test each."""
    hold_out: tuple[str, ...] = ()
    """Speakers whose recordings are the test; the others' are training and
    validation."""
    val_fraction: float = 0.15
    """Share of the data for validation where the data does not say."""
    test_fraction: float = 0.15
    """Share of the data for the test where the data does not say."""
    max_seconds: float = 30.0
    """Longer recordings are left out of training; exports refuse them."""
    seconds_per_batch: float = 240.0
    """Most seconds of audio in one step, padding included. Lower it where memory
    runs out."""
    cache: Literal["auto", "memory", "none"] = "auto"
    """Keep the samples in memory: if they take at most a quarter of it, always, or
    never."""

    speed_probability: float = 0.5
    """Probability that a recording is played faster or slower in training."""
    speed: tuple[float, float] = (0.9, 1.1)
    """Range of its factor."""
    noise_probability: float = 0.5
    """Probability of added noise."""
    noise_snr: tuple[float, float] = (5.0, 30.0)
    """Range of its signal-to-noise ratio in dB."""
    noises: str = ""
    """A folder of recordings of noise to add; white, pink and brown noise if empty."""
    reverberation_probability: float = 0.2
    """Probability of the echo of a made room."""
    gain_probability: float = 0.5
    """Probability of another level, by -12 to 6 dB."""
    frequency_masks: int = 2
    """SpecAugment: bands that are masked in training, each up to a fifth of all."""
    time_masks: int = 2
    """SpecAugment: spans that are masked, each up to a twentieth of the recording."""

    beam_width: int = 16
    """Texts that the prefix beam search follows; 1 takes the most likely symbol of
    each frame."""
    alpha: float = 0.5
    """Weight of the language model, if the run has one."""
    beta: float = 1.5
    """Added for each word, or character, with a language model."""
    hot_words: tuple[str, ...] = ()
    """Words to expect, such as names."""
    hot_word_score: float = 10.0
    """Added for each of them."""

    epochs: int = 40
    """Passes over the training data."""
    batch_size: int = 32
    """Most recordings in one step."""
    learning_rate: float = 2e-3
    """Peak learning rate."""
    warmup_epochs: float = 1.0
    """Epochs over which the learning rate rises linearly from 0."""
    clip_norm: float = 1.0
    """Largest global norm of a step's gradient; 0 is no limit."""
    ema: float = 0.999
    """Decay of the moving average of the weights; 0 is none. The averaged weights
    are the ones that are validated, kept and exported."""

    def check(self):
        """Raises `UserError` where a value is out of its range."""
        super().check()
        for name in ("units", "blocks", "sampling_rate", "mel_bins"):
            if getattr(self, name) is not None:
                self._at_least(name, 1)
        for name in ("heads", "kernel_size", "filters", "join_count", "beam_width"):
            self._at_least(name, 1)
        for name in ("frequency_masks", "time_masks"):
            self._at_least(name, 0)
        self._at_least("piece_count", 8)
        if self.subsampling not in (1, 2, 4, 8):
            self._bad("subsampling", "1, 2, 4 or 8")
        if self.sampling_rate is not None:
            self._within("sampling_rate", 1000, 192_000)
        self._within("dropout", 0, 0.9)
        self._within("window", 0.001, 1)
        self._within("hop", 0.001, self.window)
        if self.join and not (
            len(self.join) == 2 and 1 <= self.join[0] <= self.join[1]
        ):
            self._bad("join", "two numbers in order, at least 1")
        if self.model == "conformer" and self.width % (2 * self.heads):
            self._bad("units", f"a multiple of twice the {self.heads} heads")
        if self.model == "streaming" and self.normalization == "utterance":
            self._bad("normalization", "global or none, as a stream has no end")
        if self.model == "streaming" and self.features == "pcen":
            self._bad("features", "log-mel or mfcc, as pcen remembers the whole past")
        if self.hot_words and self.beam_width < 2:
            self._bad("beam_width", "at least 2, as only a search knows hot words")
        if self.xla:
            self._bad("xla", "false, as XLA knows no CTC loss")
        if self.label_smoothing:
            self._bad("label_smoothing", "0, as CTC knows no target of a frame")
        self._within("val_fraction", 0.01, 0.5)
        self._within("test_fraction", 0, 0.5)
        self._within("max_seconds", 0.1, 3600)
        self._at_least("seconds_per_batch", 1)
        for name in ("speed", "noise", "reverberation", "gain"):
            self._within(f"{name}_probability", 0, 1)
        for name, least in (("speed", 0.5), ("noise_snr", -100)):
            low, high = getattr(self, name)
            if not least <= low <= high:
                self._bad(name, f"two numbers in order, from {least}")
        self._at_least("alpha", 0)

    @property
    def width(self):
        """`units` with what is not given filled in."""
        return _UNITS[self.model] if self.units is None else self.units

    @property
    def depth(self):
        """`blocks` with what is not given filled in."""
        return _BLOCKS[self.model] if self.blocks is None else self.blocks

    @property
    def scope(self):
        """`normalization` with `auto` resolved."""
        if self.normalization != "auto":
            return self.normalization
        return "global" if self.model == "streaming" else "utterance"

    @property
    def window_length(self):
        """Samples of a window; needs `sampling_rate`."""
        return round(self.window * self.sampling_rate)

    @property
    def hop_length(self):
        """Samples from a frame of audio to the next; needs `sampling_rate`."""
        return round(self.hop * self.sampling_rate)

    @property
    def step_length(self):
        """Samples from a frame of text to the next; needs `sampling_rate`."""
        return self.hop_length * self.subsampling

    @property
    def step_seconds(self):
        """Seconds from a frame of text to the next; needs `sampling_rate`."""
        return self.step_length / self.sampling_rate


def filled_in(config, rates):
    """Returns the config with the values that the data decides.

    Args:
        config: A `TranscribeConfig`.
        rates: Rates of the recordings in Hz, int `[N]`.
    """
    import numpy as np

    values, counts = np.unique(rates, return_counts=True)
    usual = min(int(values[np.argmax(counts)]), _HIGHEST_RATE)
    rate = config.sampling_rate or usual
    return dataclasses.replace(
        config,
        sampling_rate=rate,
        mel_bins=config.mel_bins or (80 if rate >= _HIGHEST_RATE else 64),
        units=config.width,
        blocks=config.depth,
    )
