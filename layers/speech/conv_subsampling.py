"""Convolutions that give speech fewer frames of more meaning."""

import keras
from keras import layers, ops

from ..audio.checks import check_argument, check_features
from ..audio.padding import sequence_mask, zero_padding
from ..sizes import at_least_0

FACTORS = (1, 2, 4, 8)
PADDINGS = ("same", "valid")


@keras.saving.register_keras_serializable(package="amalthea")
class ConvSubsampling(keras.layers.Layer):
    """Subsample features in time and frequency by strided convolutions.

    Each of log2(`factor`) convolutions halves the frames and the bands. Then the
    channels and bands of a frame are one vector, projected to `units`. An encoder of
    fewer frames costs less, attention by the square.

    What lies beyond an utterance's length is zeroed before each convolution, and the
    zeros around the frames do not depend on how many there are, so an utterance gives
    the same in any batch (which Keras' own `"same"` padding, that goes by the padded
    size, would not).

    Args:
        filters: Channels of each convolution.
        units: Size of a frame of the outputs. `None`: no projection; a frame is
            `filters * bands` numbers, with the bands that are left.
        factor: Frames to one of the outputs: 1, 2, 4 or 8. With 1 there is one
            convolution, which halves the bands only.
        kernel_size: Side of the square kernels in frames and bands.
        padding: In time. `"same"`: a convolution has half as many frames as its
            input, rounded up. `"valid"`: those only that see true frames alone, so
            that a stream can be worked on in pieces. In frequency it is always
            `"same"`.
        activation: Name or function, after each convolution.

    Call arguments:
        inputs: `[batch, frames, bins]`.
        lengths: `[batch]`, integers: frames of each utterance. `None`: all.

    Output shape:
        `[batch, output_lengths(frames), units]`. Frames beyond an utterance's length
        are 0.

    Raises:
        ValueError: If an argument is not as above, the inputs' rank is not 3, or their
            number of bins is not known.

    Reference:
        Dong et al., 2018, "Speech-Transformer"; Amodei et al., 2016, "Deep Speech 2",
        section 3.
    """

    def __init__(
        self,
        filters,
        units=None,
        factor=4,
        kernel_size=3,
        padding="same",
        activation="relu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_argument(filters >= 1, "filters", filters, "at least 1")
        check_argument(
            units is None or units >= 1, "units", units, "`None` or at least 1"
        )
        check_argument(factor in FACTORS, "factor", factor, f"one of {FACTORS}")
        check_argument(kernel_size >= 2, "kernel_size", kernel_size, "at least 2")
        check_argument(padding in PADDINGS, "padding", padding, f"one of {PADDINGS}")
        self.filters = filters
        self.units = units
        self.factor = factor
        self.kernel_size = kernel_size
        self.padding = padding
        self.activation = keras.activations.get(activation)
        halvings = factor.bit_length() - 1
        self._strides = [2] * halvings if halvings else [1]
        self.convolutions = [
            layers.Conv2D(
                filters,
                kernel_size,
                strides=(stride, 2),
                padding="valid",
                data_format="channels_last",
                kernel_initializer="he_normal",
                dtype=self.dtype_policy,
                name=f"convolution_{number}",
            )
            for number, stride in enumerate(self._strides)
        ]
        self.projection = (
            None
            if units is None
            else layers.Dense(units, dtype=self.dtype_policy, name="projection")
        )

    @property
    def stride(self):
        """Frames of the inputs from one output frame to the next."""
        return self.factor

    @property
    def receptive_field(self):
        """Frames of the inputs that one output frame sees."""
        frames = 1
        for stride in reversed(self._strides):
            frames = (frames - 1) * stride + self.kernel_size
        return frames

    def build(self, input_shape):
        check_features(input_shape)
        bands, channels = input_shape[-1], 1
        check_argument(
            bands is not None, "inputs", input_shape, "a known number of bins"
        )
        for convolution in self.convolutions:
            convolution.build((None, None, bands, channels))
            bands, channels = -(-bands // 2), self.filters
        if self.projection is not None:
            self.projection.build((None, None, bands * channels))

    def call(self, inputs, lengths=None):
        outputs = zero_padding(inputs, lengths)[..., None]
        for convolution, stride in zip(self.convolutions, self._strides, strict=True):
            frames = self._halved(ops.shape(outputs)[1], stride)
            outputs = self.activation(convolution(self._padded(outputs)))
            # Short inputs were filled up to one kernel.
            outputs = outputs[:, :frames]
            if lengths is not None:
                lengths = self._halved(lengths, stride)
                within = sequence_mask(lengths, ops.shape(outputs)[1])
                outputs = ops.where(within[:, :, None, None], outputs, 0.0)
        bands, channels = outputs.shape[2:]
        outputs = ops.reshape(outputs, (*ops.shape(outputs)[:2], bands * channels))
        if self.projection is None:
            return outputs
        return zero_padding(self.projection(outputs), lengths)

    def _padded(self, values):
        """With the zeros that a convolution needs around."""
        before, after = (self.kernel_size - 1) // 2, self.kernel_size // 2
        frames = ops.shape(values)[1]
        first, last = (0, 0) if self.padding == "valid" else (before, after)
        # There is no convolution of less than a kernel.
        last = last + at_least_0(self.kernel_size - first - last - frames)
        return ops.pad(values, ((0, 0), (first, last), (before, after), (0, 0)))

    def _halved(self, lengths, stride):
        """Frames after a convolution."""
        if self.padding == "valid":
            lengths = lengths - self.kernel_size + 1
        return at_least_0((lengths + stride - 1) // stride)

    def output_lengths(self, lengths):
        """How many frames utterances have after it.

        Args:
            lengths: Numbers of frames: an integer, an array or a tensor.

        Returns:
            The same kind of thing, at least 0.
        """
        for stride in self._strides:
            lengths = self._halved(lengths, stride)
        return lengths

    def compute_output_shape(self, input_shape):
        batch, frames, bands = input_shape
        frames = None if frames is None else self.output_lengths(frames)
        if self.units is not None:
            return (batch, frames, self.units)
        for _ in self._strides:
            bands = -(-bands // 2)
        return (batch, frames, bands * self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "units": self.units,
            "factor": self.factor,
            "kernel_size": self.kernel_size,
            "padding": self.padding,
            "activation": keras.activations.serialize(self.activation),
        }
