"""The residual block whose shortcut is its input."""

import keras

from .residual import ResidualBlock


@keras.saving.register_keras_serializable(package="amalthea")
class IdentityBlock(ResidualBlock):
    """Residual block that keeps the shape: `activation(x + branch(x))`.

    Args:
        filters: Width of the branch. The input must have `filters` channels, or
            `4 * filters` for the bottleneck form.
        bottleneck: `False`: two 3x3 convolutions. `True`: 1x1, 3x3 and a 1x1 that
            widens four times.
        activation: Name or function after each convolution and after the sum.
        zero_gamma: Whether the branch's last normalisation starts at scale zero,
            so that the block starts as the identity.

    Call arguments:
        inputs: Float tensor `[batch, height, width, channels]`.
        training: Whether to normalise with the batch's own statistics.

    Output shape:
        As the input.

    Raises:
        ValueError: If the input's channels don't fit `filters`.

    Reference:
        He et al., 2015, "Deep Residual Learning for Image Recognition",
        sections 3.2 and 4.1; zero scale: Goyal et al., 2017, section 5.1.
    """

    def __init__(
        self, filters, bottleneck=False, activation="relu", zero_gamma=True, **kwargs
    ):
        super().__init__(
            filters,
            bottleneck=bottleneck,
            activation=activation,
            zero_gamma=zero_gamma,
            **kwargs,
        )

    def build(self, input_shape):
        if input_shape[-1] != self.output_filters:
            raise ValueError(
                f"Invalid value for `inputs`: expected {self.output_filters} "
                f"channels, received shape={tuple(input_shape)}"
            )
        super().build(input_shape)

    def shortcut(self, inputs, training):
        return inputs
