"""The logarithm of a signal's energy in mel bands, frame by frame."""

import math

import keras
import numpy as np
from keras import ops

from ..precision import full_precision_policy
from ..sizes import at_least_0
from .checks import check_argument
from .mel_filter_bank import mel_filter_bank
from .padding import zero_padding

LOGARITHMS = ("natural", "db", None)

# Of a natural logarithm.
_DECIBELS = 10 / math.log(10)
# Samples of the frames that are transformed at a time, 4 MB of them.
_BLOCK_SAMPLES = 2**19


@keras.saving.register_keras_serializable(package="amalthea")
class LogMelSpectrogram(keras.layers.Layer):
    """Turn audio into the logarithm of its energy in mel bands.

    Each frame is multiplied by a periodic Hann window; the squared magnitude of its
    Fourier transform is multiplied by the matrix of mel filters. The numbers are those
    of `librosa.feature.melspectrogram`, which `keras.layers.MelSpectrogram` gives only
    for `scale="htk", norm=None, center=True` and away from the ends.

    With `lengths` an utterance gives the same frames in any batch, whatever its padding
    holds, and frames beyond its length are 0.

    All is computed in float32 at least, whatever the policy. The transform is in
    float64 where the backend has it, as librosa's is: in float32 the rounding of loud
    bands covers up quiet ones, 100 dB below. On GPUs that multiply matrices in TF32,
    energies are right to 3 digits.

    Args:
        sampling_rate: In Hz.
        fft_length: Samples of the Fourier transform. Powers of 2 are fastest.
        window_length: Samples of the window, at most `fft_length`, in whose middle it
            lies. `None`: as many.
        hop_length: Samples from a frame to the next.
        mel_bins: Number of bands.
        min_frequency: Lower end of the lowest band in Hz.
        max_frequency: Upper end of the highest band in Hz. `None`: half the sampling
            rate.
        scale: `"slaney"` or `"htk"`; see `mel_filter_bank`.
        norm: `"slaney"` (bands of equal area) or `None` (bands of equal peak).
        power: What the spectrum's magnitudes are raised to: 2 for energies, 1 for the
            magnitudes themselves.
        center: Whether frame `t` has its middle at sample `t * hop_length`, with zeros
            around the audio, or begins there. Streams need the latter.
        log: `"natural"`, `"db"` (10 times the decimal logarithm) or `None`, for the
            energies themselves, as `PCEN` takes them.
        floor: Smallest energy the logarithm is taken of.
        top_db: Energies more than this many dB below the utterance's largest are
            raised to that limit. `None`: no limit.

    Call arguments:
        inputs: `[batch, samples]`, float, -1 to 1.
        lengths: `[batch]`, integers: samples of each utterance. `None`: all.

    Output shape:
        `[batch, output_lengths(samples), mel_bins]`, float32.

    Raises:
        ValueError: If an argument is not as above, or the inputs' rank is not 2.

    Reference:
        Davis and Mermelstein, 1980, "Comparison of Parametric Representations for
        Monosyllabic Word Recognition in Continuously Spoken Sentences".
    """

    def __init__(
        self,
        sampling_rate=16000,
        fft_length=512,
        window_length=400,
        hop_length=160,
        mel_bins=80,
        min_frequency=0.0,
        max_frequency=None,
        scale="slaney",
        norm="slaney",
        power=2.0,
        center=True,
        log="natural",
        floor=1e-10,
        top_db=None,
        dtype=None,
        **kwargs,
    ):
        super().__init__(dtype=full_precision_policy(dtype), **kwargs)
        window_length = fft_length if window_length is None else window_length
        check_argument(
            1 <= window_length <= fft_length,
            "window_length",
            window_length,
            f"1 to the fft_length of {fft_length}",
        )
        check_argument(hop_length >= 1, "hop_length", hop_length, "at least 1")
        check_argument(power > 0, "power", power, "a number above 0")
        check_argument(log in LOGARITHMS, "log", log, f"one of {LOGARITHMS}")
        check_argument(floor > 0, "floor", floor, "a number above 0")
        check_argument(
            top_db is None or (top_db >= 0 and log is not None),
            "top_db",
            top_db,
            "`None`, or at least 0 with a logarithm",
        )
        self.sampling_rate = sampling_rate
        self.fft_length = fft_length
        self.window_length = window_length
        self.hop_length = hop_length
        self.mel_bins = mel_bins
        self.min_frequency = min_frequency
        self.max_frequency = max_frequency
        self.scale = scale
        self.norm = norm
        self.power = power
        self.center = center
        self.log = log
        self.floor = floor
        self.top_db = top_db
        self._filter_bank = mel_filter_bank(
            sampling_rate,
            fft_length,
            mel_bins,
            min_frequency,
            max_frequency,
            scale,
            norm,
        )
        turn = 2 * np.pi * np.arange(window_length) / window_length
        before = (fft_length - window_length) // 2
        self._window = np.pad(
            0.5 - 0.5 * np.cos(turn), (before, fft_length - window_length - before)
        )
        # How many rows of `hop_length` samples a frame touches.
        self._span = -(-fft_length // hop_length)

    def build(self, input_shape):
        if len(input_shape) != 2:
            raise ValueError(
                "Invalid value for `inputs`: expected [batch, samples], "
                f"received shape={tuple(input_shape)}"
            )

    def call(self, inputs, lengths=None):
        frame_lengths = None
        if lengths is not None:
            lengths = ops.cast(ops.convert_to_tensor(lengths), "int32")
            frame_lengths = self.output_lengths(lengths)
        samples = zero_padding(ops.cast(inputs, self.compute_dtype), lengths)
        energies = self._energies(samples)
        if self.log is None:
            return zero_padding(energies, frame_lengths)
        if self.top_db is not None:
            # The peak is one of the utterance's own.
            energies = zero_padding(energies, frame_lengths)
        return zero_padding(self._logarithms(energies), frame_lengths)

    def _energies(self, samples):
        """`[batch, frames, mel_bins]`.

        All samples are put into rows of `hop_length`, one below the other: a frame
        begins at each row and spans several. Those at an utterance's end that reach
        into the next one are dropped.
        """
        batch, size = ops.shape(samples)
        count = self.output_lengths(size)
        around = self.fft_length // 2 if self.center else 0
        height = count + self._span
        after = height * self.hop_length - around - size
        samples = ops.pad(samples, ((0, 0), (around, after)))
        rows = ops.reshape(samples, (batch * height, self.hop_length))
        energies = self._energies_of_rows(rows)
        energies = ops.reshape(energies, (batch, height, self.mel_bins))
        return energies[:, :count]

    def _energies_of_rows(self, rows):
        """Of the frame at each row, `[rows, mel_bins]`.

        TensorFlow runs each operation over all frames before the next one begins. It
        goes block by block, so that the frames stay in the processor's cache meanwhile;
        other backends fuse the operations.
        """
        count = ops.shape(rows)[0]
        largest = max(_BLOCK_SAMPLES // self.fft_length, 1)
        whole = isinstance(count, int) and count <= largest
        if whole or keras.backend.backend() != "tensorflow":
            return self._energies_of_block(_rows_added(rows, self._span), count)
        blocks = 1 + count // largest
        size = -(-count // blocks)
        rows = _rows_added(rows, blocks * size - count + self._span)
        shape = size + self._span, self.hop_length

        def energies_of(index):
            block = ops.slice(rows, (index * size, 0), shape)
            return self._energies_of_block(block, size)

        energies = ops.map(energies_of, ops.arange(blocks, dtype="int32"))
        return ops.reshape(energies, (-1, self.mel_bins))[:count]

    def _energies_of_block(self, rows, count):
        """Of the frames at the first `count` rows, `[count, mel_bins]`."""
        dtype = _widest_dtype()
        rows = ops.cast(rows, dtype)
        pieces = [rows[start : start + count] for start in range(self._span)]
        excess = self._span * self.hop_length - self.fft_length
        pieces[-1] = pieces[-1][:, : self.hop_length - excess]
        frames = ops.concatenate(pieces, axis=1)
        frames = frames * ops.convert_to_tensor(self._window, dtype)

        real, imaginary = ops.rfft(frames)
        spectrum = ops.square(real) + ops.square(imaginary)
        spectrum = ops.cast(spectrum, self.compute_dtype)
        if self.power != 2:
            # A root has no slope at 0.
            spectrum = ops.maximum(spectrum, 1e-30)
            spectrum = (
                ops.sqrt(spectrum)
                if self.power == 1
                else ops.power(spectrum, self.power / 2)
            )
        bank = ops.convert_to_tensor(self._filter_bank, self.compute_dtype)
        return ops.matmul(spectrum, bank)

    def _logarithms(self, energies):
        floor = self.floor
        if self.top_db is not None:
            # There can be no frames at all.
            peak = ops.max(energies, axis=(1, 2), keepdims=True, initial=0.0)
            floor = ops.maximum(peak * 10 ** (-self.top_db / 10), floor)
        logarithms = ops.log(ops.maximum(energies, floor))
        return logarithms if self.log == "natural" else _DECIBELS * logarithms

    def output_lengths(self, lengths):
        """How many frames utterances have.

        Args:
            lengths: Numbers of samples: an integer, an array or a tensor.

        Returns:
            The same kind of thing, at least 0.
        """
        around = 2 * (self.fft_length // 2) if self.center else 0
        frames = 1 + (lengths + around - self.fft_length) // self.hop_length
        return at_least_0(frames)

    def compute_output_shape(self, input_shape):
        batch, samples = input_shape
        frames = None if samples is None else self.output_lengths(samples)
        return (batch, frames, self.mel_bins)

    def get_config(self):
        return {
            **super().get_config(),
            "sampling_rate": self.sampling_rate,
            "fft_length": self.fft_length,
            "window_length": self.window_length,
            "hop_length": self.hop_length,
            "mel_bins": self.mel_bins,
            "min_frequency": self.min_frequency,
            "max_frequency": self.max_frequency,
            "scale": self.scale,
            "norm": self.norm,
            "power": self.power,
            "center": self.center,
            "log": self.log,
            "floor": self.floor,
            "top_db": self.top_db,
        }


def _rows_added(rows, count):
    """With `count` rows of zeros below."""
    return ops.pad(rows, ((0, count), (0, 0)))


def _widest_dtype():
    """float64, where the backend has it."""
    return keras.backend.result_type("float64")
