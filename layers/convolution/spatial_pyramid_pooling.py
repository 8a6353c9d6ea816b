"""Max-pooling at several window sizes, side by side."""

import keras
from keras import layers

from .conv_norm import ConvNorm


@keras.saving.register_keras_serializable(package="amalthea")
class SpatialPyramidPooling(keras.layers.Layer):
    """Joins a feature map with its maxima over windows of three sizes.

    The pooling is repeated: twice a window of 5 is one of 9, three times one of
    13. A 1x1 convolution before it halves the channels, one after it joins.

    Args:
        filters: Number of output channels.
        pool_size: Side of the window, in pixels of the feature map.
        activation: Name or function after each convolution.

    Call arguments:
        inputs: Float tensor `[batch, height, width, channels]`.
        training: Whether to normalise with the batch's own statistics.

    Output shape:
        `[batch, height, width, filters]`.

    Reference:
        He et al., 2014, "Spatial Pyramid Pooling in Deep Convolutional Networks",
        as used in Redmon and Farhadi, 2018, "YOLOv3".
    """

    def __init__(self, filters, pool_size=5, activation="silu", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.pool_size = pool_size
        self.activation = keras.activations.get(activation)

        def unit(width, name):
            return ConvNorm(
                width, 1, activation=activation, dtype=self.dtype_policy, name=name
            )

        self.entry = unit(filters // 2, "entry")
        self.join = unit(filters, "join")
        self.pool = layers.MaxPooling2D(
            pool_size,
            strides=1,
            padding="same",
            data_format="channels_last",
            dtype=self.dtype_policy,
        )
        self.concatenate = layers.Concatenate(dtype=self.dtype_policy)

    def build(self, input_shape):
        self.entry.build(input_shape)
        self.join.build((*input_shape[:-1], 4 * (self.filters // 2)))

    def call(self, inputs, training=None):
        parts = [self.entry(inputs, training=training)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.join(self.concatenate(parts), training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "pool_size": self.pool_size,
            "activation": keras.activations.serialize(self.activation),
        }
