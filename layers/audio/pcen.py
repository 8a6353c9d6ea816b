"""Per-channel energy normalisation."""

import math

import keras
import numpy as np
from keras import ops

from ..precision import full_precision_policy
from .checks import check_argument, check_features
from .padding import zero_padding

# Frames that are averaged by one matrix.
_BLOCK = 64
# Of the loudest sound, even this is nothing beside the quietest.
_NEGLIGIBLE = 1e-30


@keras.saving.register_keras_serializable(package="amalthea")
class PCEN(keras.layers.Layer):
    """Divide the energy in each band by a moving average of its past, and compress it.

    This takes the place of the logarithm, and evens out loudness and steady noise.
    With the energy `E` of a frame, multiplied by `scale`, and the moving average
    `M = (1 - s) * M_before + s * E`:

        (E / (epsilon + M)^gain + bias)^power - bias^power

    The numbers are those of `librosa.pcen(scale * E)`; as there, the average begins at
    1. Frames depend on the past only. All is computed in float32 at least, whatever
    the policy.

    Args:
        sampling_rate: Of the audio, in Hz.
        hop_length: Samples from a frame to the next.
        gain: Exponent of the average, 0 to 1: how much of the loudness is taken out.
        bias: Above 0. The larger, the less small changes of small energies count.
        power: Exponent of the compression, above 0.
        time_constant: Of the moving average, in seconds.
        epsilon: Keeps the quotient finite; above 0.
        smoothing: The factor `s`, above 0 and up to 1, in place of the one that
            follows from the time constant.
        scale: What the inputs are multiplied by. The default is for magnitudes of
            audio from -1 to 1, as librosa recommends.

    Call arguments:
        inputs: `[batch, frames, bins]`, magnitudes or energies, such as those of
            `LogMelSpectrogram(power=1, log=None)`.
        lengths: `[batch]`, integers: frames of each utterance. `None`: all.

    Output shape:
        As the inputs, float32. Frames beyond an utterance's length are 0.

    Raises:
        ValueError: If an argument is not as above, or the inputs' rank is not 3.

    Reference:
        Wang et al., 2017, "Trainable Frontend For Robust and Far-Field Keyword
        Spotting"; Lostanlen et al., 2019, "Per-Channel Energy Normalization: Why and
        How".
    """

    def __init__(
        self,
        sampling_rate=16000,
        hop_length=160,
        gain=0.98,
        bias=2.0,
        power=0.5,
        time_constant=0.4,
        epsilon=1e-6,
        smoothing=None,
        scale=2.0**31,
        dtype=None,
        **kwargs,
    ):
        super().__init__(dtype=full_precision_policy(dtype), **kwargs)
        for name, value in {
            "sampling_rate": sampling_rate,
            "hop_length": hop_length,
            "bias": bias,
            "power": power,
            "time_constant": time_constant,
            "epsilon": epsilon,
            "scale": scale,
        }.items():
            check_argument(value > 0, name, value, "a number above 0")
        check_argument(gain >= 0, "gain", gain, "at least 0")
        check_argument(
            smoothing is None or 0 < smoothing <= 1,
            "smoothing",
            smoothing,
            "`None`, or above 0 and at most 1",
        )
        self.sampling_rate = sampling_rate
        self.hop_length = hop_length
        self.gain = gain
        self.bias = bias
        self.power = power
        self.time_constant = time_constant
        self.epsilon = epsilon
        self.smoothing = smoothing
        self.scale = scale

    def build(self, input_shape):
        check_features(input_shape)

    def call(self, inputs, lengths=None):
        inputs = zero_padding(ops.cast(inputs, self.compute_dtype), lengths)
        energies = self.scale * inputs
        averages = self._moving_average(energies)
        # By logarithms, as powers of the largest energies leave float32.
        divisors = math.log(self.epsilon) + ops.log1p(averages / self.epsilon)
        quotients = energies * ops.exp(-self.gain * divisors)
        outputs = self.bias**self.power * self._compressed(quotients / self.bias)
        return zero_padding(outputs, lengths)

    def _compressed(self, quotients):
        """`(1 + quotients)^power - 1`, which small quotients do not lose digits in."""
        if self.power == 0.5:
            # A root takes a fifth of the time of two logarithms.
            return quotients / (1 + ops.sqrt(1 + quotients))
        return ops.expm1(self.power * ops.log1p(quotients))

    def _moving_average(self, energies):
        """The average up to each frame, that frame included.

        A block of frames is averaged by one matrix, and what came before the block is
        added: matrix products, where a loop would go frame by frame.
        """
        factor = self._smoothing_factor()
        decay = 1 - factor
        batch, size, bins = ops.shape(energies)
        count = -(-size // _BLOCK)
        # The average before the first frame is 1.
        first = energies[:, :1] + decay / factor
        energies = ops.concatenate([first, energies[:, 1:]], axis=1)
        energies = ops.pad(energies, ((0, 0), (0, count * _BLOCK - size), (0, 0)))
        blocks = ops.reshape(energies, (batch, count, _BLOCK, bins))

        places = np.arange(_BLOCK)
        ages = np.maximum(places[:, None] - places, 0)
        weights = factor * np.tril(decay**ages)
        within = ops.matmul(ops.convert_to_tensor(weights, blocks.dtype), blocks)
        ends = _decaying_sums(within[:, :, -1], decay**_BLOCK)
        before = _shifted(ends, 1)[:, :, None]
        shares = ops.convert_to_tensor(decay ** (places + 1), blocks.dtype)
        averages = within + shares[:, None] * before
        return ops.reshape(averages, (batch, count * _BLOCK, bins))[:, :size]

    def _smoothing_factor(self):
        if self.smoothing is not None:
            return self.smoothing
        frames = self.time_constant * self.sampling_rate / self.hop_length
        return (math.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "sampling_rate": self.sampling_rate,
            "hop_length": self.hop_length,
            "gain": self.gain,
            "bias": self.bias,
            "power": self.power,
            "time_constant": self.time_constant,
            "epsilon": self.epsilon,
            "smoothing": self.smoothing,
            "scale": self.scale,
        }


def _decaying_sums(values, decay):
    """Each entry of axis 1 plus `decay` times the sum before it.

    After step `k` each holds the weighted sum of the last `2^k` entries.
    """
    size, span = values.shape[1], 1
    while decay > _NEGLIGIBLE and (size is None or span < size):
        values = values + decay * _shifted(values, span)
        span, decay = 2 * span, decay**2
    return values


def _shifted(values, span):
    """Moved on along axis 1, with zeros before. `span` may exceed the size."""
    zeros = ops.zeros_like(values[:, :span])
    return ops.concatenate([zeros, values[:, :-span]], axis=1)
