"""The residual block whose shortcut is a 1x1 convolution."""

import keras

from .conv_norm import ConvNorm
from .residual import ResidualBlock


@keras.saving.register_keras_serializable(package="amalthea")
class ConvolutionalBlock(ResidualBlock):
    """Residual block that changes the size or the number of channels.

    The shortcut is a 1x1 convolution with the branch's stride and width, and
    batch normalisation.

    Args:
        filters: Width of the branch; the output has `filters` channels, or
            `4 * filters` for the bottleneck form.
        strides: By how much height and width are divided.
        bottleneck: `False`: two 3x3 convolutions. `True`: 1x1, 3x3 and a 1x1 that
            widens four times.
        activation: Name or function after each convolution and after the sum.
        zero_gamma: Whether the branch's last normalisation starts at scale zero,
            so that the block starts as its shortcut.

    Call arguments:
        inputs: Float tensor `[batch, height, width, channels]`.
        training: Whether to normalise with the batch's own statistics.

    Output shape:
        `[batch, height / strides, width / strides, channels]`, the sides rounded
        up.

    Reference:
        He et al., 2015, "Deep Residual Learning for Image Recognition",
        section 3.3, option B; stride on the 3x3 convolution of the bottleneck.
    """

    def __init__(
        self,
        filters,
        strides=2,
        bottleneck=False,
        activation="relu",
        zero_gamma=True,
        **kwargs,
    ):
        super().__init__(
            filters,
            strides=strides,
            bottleneck=bottleneck,
            activation=activation,
            zero_gamma=zero_gamma,
            **kwargs,
        )
        self.projection = ConvNorm(
            self.output_filters,
            1,
            strides=strides,
            dtype=self.dtype_policy,
            name="projection",
        )

    def build(self, input_shape):
        super().build(input_shape)
        self.projection.build(input_shape)

    def shortcut(self, inputs, training):
        return self.projection(inputs, training=training)

    def get_config(self):
        return {**super().get_config(), "strides": self.strides}
