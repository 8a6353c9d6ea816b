"""Convolution, batch normalisation and activation as one layer."""

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="amalthea")
class ConvNorm(keras.layers.Layer):
    """2D convolution without bias, batch normalisation, optional activation.

    The unit that residual networks are built of. The bias is left out because
    the normalisation's own offset makes it redundant.

    Args:
        filters: Number of output channels.
        kernel_size: Side of the square kernel in pixels, or `(height, width)`.
        strides: Step of the convolution in pixels.
        padding: `"same"` or `"valid"`.
        activation: Name or function applied last, or `None`.
        zero_gamma: Whether the normalisation's scale starts at zero, so that a
            residual branch that ends here starts as the identity.
        momentum: Share of the old running statistics kept at each step.
        epsilon: Added to the variance.

    Call arguments:
        inputs: Float tensor `[batch, height, width, channels]`.
        training: Whether to normalise with the batch's own statistics.

    Output shape:
        `[batch, height / strides, width / strides, filters]`, the sides rounded
        up, for `"same"` padding.

    Reference:
        Ioffe and Szegedy, 2015, "Batch Normalization", section 3.2.
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="same",
        activation=None,
        zero_gamma=False,
        # Keras' .99 lags behind when a whole training is a few hundred steps.
        momentum=0.9,
        epsilon=1e-5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.activation = keras.activations.get(activation)
        self.zero_gamma = zero_gamma
        self.momentum = momentum
        self.epsilon = epsilon
        self.convolution = layers.Conv2D(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format="channels_last",
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=self.dtype_policy,
            name="convolution",
        )
        self.normalization = layers.BatchNormalization(
            momentum=momentum,
            epsilon=epsilon,
            gamma_initializer="zeros" if zero_gamma else "ones",
            dtype=self.dtype_policy,
            name="normalization",
        )

    def build(self, input_shape):
        self.convolution.build(input_shape)
        self.normalization.build(self.compute_output_shape(input_shape))

    def call(self, inputs, training=None):
        outputs = self.normalization(self.convolution(inputs), training=training)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape):
        return self.convolution.compute_output_shape(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "activation": keras.activations.serialize(self.activation),
            "zero_gamma": self.zero_gamma,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }
