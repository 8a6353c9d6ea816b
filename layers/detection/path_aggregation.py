"""The neck of a detector: features of all scales, mixed both ways."""

import keras
from keras import layers

from ..convolution import ConvNorm, CSPBlock


@keras.saving.register_keras_serializable(package="amalthea")
class PathAggregation(keras.layers.Layer):
    """Feature pyramid and path aggregation over feature maps of rising stride.

    What the coarse maps know of the whole is carried to the fine ones (top-down,
    the feature pyramid), then what the fine ones know of places back to the
    coarse ones (bottom-up). A single map goes through one block.

    Args:
        filters: Channels of each output, the finest first.
        blocks: Residual units in each cross-stage-partial block.
        activation: Name or function after each convolution.

    Call arguments:
        inputs: List of float tensors `[batch, height_l, width_l, channels_l]`,
            the finest first, each half as high and wide as the one before.
        training: Whether to normalise with the batch's own statistics.

    Output shape:
        A list of `[batch, height_l, width_l, filters_l]`.

    Raises:
        ValueError: If there are not as many inputs as `filters`.

    Reference:
        Lin et al., 2016, "Feature Pyramid Networks"; Liu et al., 2018, "Path
        Aggregation Network"; with the blocks of Wang et al., 2020,
        "Scaled-YOLOv4".
    """

    def __init__(self, filters, blocks=1, activation="silu", **kwargs):
        super().__init__(**kwargs)
        self.filters = tuple(filters)
        self.blocks = blocks
        self.activation = keras.activations.get(activation)
        common = {"activation": activation, "dtype": self.dtype_policy}

        def mix(level, name):
            return CSPBlock(
                self.filters[level], blocks, shortcut=False, name=name, **common
            )

        steps = range(len(self.filters) - 1)
        self.laterals = [
            ConvNorm(self.filters[level], 1, name=f"lateral{level + 1}", **common)
            for level in steps
        ]
        self.down_mixes = [mix(level, f"top_down{level}") for level in steps]
        self.downs = [
            ConvNorm(self.filters[level], 3, strides=2, name=f"down{level}", **common)
            for level in steps
        ]
        self.up_mixes = [mix(level + 1, f"bottom_up{level + 1}") for level in steps]
        self.single = mix(0, "mix") if len(self.filters) == 1 else None
        self.upsample = layers.UpSampling2D(
            2, data_format="channels_last", dtype=self.dtype_policy
        )
        self.concatenate = layers.Concatenate(dtype=self.dtype_policy)

    def build(self, input_shape):
        if len(input_shape) != len(self.filters):
            raise ValueError(
                f"Invalid value for `inputs`: expected {len(self.filters)} feature "
                f"maps, received {len(input_shape)}"
            )
        if self.single is not None:
            self.single.build(input_shape[0])
            return
        current = tuple(input_shape[-1])
        for level in reversed(range(len(self.laterals))):
            fine, width = tuple(input_shape[level]), self.filters[level]
            self.laterals[level].build(current)
            current = (*fine[:-1], fine[-1] + width)
            self.down_mixes[level].build(current)
            current = (*fine[:-1], width)
        for level in range(len(self.downs)):
            coarse, width = tuple(input_shape[level + 1]), self.filters[level]
            self.downs[level].build(current)
            current = (*coarse[:-1], 2 * width)
            self.up_mixes[level].build(current)
            current = (*coarse[:-1], self.filters[level + 1])

    def call(self, inputs, training=None):
        if self.single is not None:
            return [self.single(inputs[0], training=training)]
        x, laterals = inputs[-1], []
        for level in reversed(range(len(self.laterals))):
            x = self.laterals[level](x, training=training)
            laterals.insert(0, x)
            x = self.concatenate([self.upsample(x), inputs[level]])
            x = self.down_mixes[level](x, training=training)
        outputs = [x]
        for level, lateral in enumerate(laterals):
            x = self.downs[level](x, training=training)
            x = self.concatenate([x, lateral])
            x = self.up_mixes[level](x, training=training)
            outputs.append(x)
        return outputs

    def compute_output_shape(self, input_shape):
        return [
            (*shape[:-1], filters)
            for shape, filters in zip(input_shape, self.filters, strict=True)
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "blocks": self.blocks,
            "activation": keras.activations.serialize(self.activation),
        }
