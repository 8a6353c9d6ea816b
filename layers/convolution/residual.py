"""What the two residual blocks share: the branch that learns the residual."""

import keras

from .conv_norm import ConvNorm

EXPANSION = 4


class ResidualBlock(keras.layers.Layer):
    """`activation(shortcut(x) + branch(x))`; subclasses supply the shortcut."""

    def __init__(
        self,
        filters,
        strides=1,
        bottleneck=False,
        activation="relu",
        zero_gamma=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides
        self.bottleneck = bottleneck
        self.activation = keras.activations.get(activation)
        self.zero_gamma = zero_gamma
        self.output_filters = filters * (EXPANSION if bottleneck else 1)
        if bottleneck:
            # The stride sits on the 3x3 kernel: on the 1x1 before it, as first
            # published, three quarters of the pixels would be thrown away unread.
            shapes = [(filters, 1, 1), (filters, 3, strides)]
            last_kernel = 1
        else:
            shapes = [(filters, 3, strides)]
            last_kernel = 3
        self.branch = [
            ConvNorm(
                width,
                kernel_size,
                strides=step,
                activation=activation,
                dtype=self.dtype_policy,
                name=f"branch{index}",
            )
            for index, (width, kernel_size, step) in enumerate(shapes, 1)
        ]
        self.branch.append(
            ConvNorm(
                self.output_filters,
                last_kernel,
                zero_gamma=zero_gamma,
                dtype=self.dtype_policy,
                name=f"branch{len(shapes) + 1}",
            )
        )

    def build(self, input_shape):
        for layer in self.branch:
            layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)

    def shortcut(self, inputs, training):
        raise NotImplementedError

    def call(self, inputs, training=None):
        outputs = inputs
        for layer in self.branch:
            outputs = layer(outputs, training=training)
        return self.activation(outputs + self.shortcut(inputs, training))

    def compute_output_shape(self, input_shape):
        for layer in self.branch:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "bottleneck": self.bottleneck,
            "activation": keras.activations.serialize(self.activation),
            "zero_gamma": self.zero_gamma,
        }
