"""The cross-stage-partial block of the YOLO family."""

import keras
from keras import layers

from .conv_norm import ConvNorm


@keras.saving.register_keras_serializable(package="amalthea")
class CSPBlock(keras.layers.Layer):
    """Cross-stage-partial block: half of the channels pass residual blocks.

    Two 1x1 convolutions halve the channels. One half runs through `blocks` pairs
    of a 1x1 and a 3x3 convolution, each pair with a shortcut if asked for; the
    other half goes round them. A last 1x1 convolution joins both.

    Args:
        filters: Number of output channels.
        blocks: How many residual blocks.
        shortcut: Whether each adds its input to its output.
        activation: Name or function after each convolution.

    Call arguments:
        inputs: Float tensor `[batch, height, width, channels]`.
        training: Whether to normalise with the batch's own statistics.

    Output shape:
        `[batch, height, width, filters]`.

    Reference:
        Wang et al., 2019, "CSPNet", section 3; in the form with three
        convolutions of Wang et al., 2020, "Scaled-YOLOv4", section 4.1.
    """

    def __init__(self, filters, blocks=1, shortcut=True, activation="silu", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.blocks = blocks
        self.shortcut = shortcut
        self.activation = keras.activations.get(activation)
        half = filters // 2

        def unit(width, kernel_size, name):
            return ConvNorm(
                width,
                kernel_size,
                activation=activation,
                dtype=self.dtype_policy,
                name=name,
            )

        self.entry = unit(half, 1, "entry")
        self.bypass = unit(half, 1, "bypass")
        self.pairs = [
            (unit(half, 1, f"block{n}_1"), unit(half, 3, f"block{n}_2"))
            for n in range(1, blocks + 1)
        ]
        self.join = unit(filters, 1, "join")
        self.concatenate = layers.Concatenate(dtype=self.dtype_policy)

    def build(self, input_shape):
        self.entry.build(input_shape)
        self.bypass.build(input_shape)
        half = self.entry.compute_output_shape(input_shape)
        for pair in self.pairs:
            for layer in pair:
                layer.build(half)
        self.join.build((*half[:-1], 2 * half[-1]))

    def call(self, inputs, training=None):
        outputs = self.entry(inputs, training=training)
        for narrow, wide in self.pairs:
            change = wide(narrow(outputs, training=training), training=training)
            outputs = outputs + change if self.shortcut else change
        around = self.bypass(inputs, training=training)
        return self.join(self.concatenate([outputs, around]), training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "blocks": self.blocks,
            "shortcut": self.shortcut,
            "activation": keras.activations.serialize(self.activation),
        }
