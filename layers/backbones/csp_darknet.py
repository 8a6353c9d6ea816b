"""The cross-stage-partial network that YOLO detectors stand on."""

import keras

from ..convolution import ConvNorm, CSPBlock, SpatialPyramidPooling

BLOCKS = (1, 2, 3, 1)  # in each stage, times depth
FILTERS = (128, 256, 512, 1024)  # of each stage, times width
STEM = 64


def scaled_filters(filters, width):
    """Returns a number of channels scaled by `width`, a multiple of 16.

    Kernels on CPUs and GPUs are slow for other numbers.
    """
    return max(16, round(filters * width / 16) * 16)


def scaled_blocks(blocks, depth):
    """Returns a number of blocks scaled by `depth`, at least 1."""
    return max(1, round(blocks * depth))


def csp_darknet(
    input_shape, *, width=0.25, depth=0.33, activation="silu", name="csp_darknet"
):
    """Build a CSP-Darknet from image to feature map.

    The output of stage n has stride 2 ** (n + 1), and is the output of the layer
    named `stage<n>`, so that `model.get_layer("stage2").output` taps it.

    Args:
        input_shape: `(height, width, channels)`; height and width may be `None`,
            else they are multiples of 32.
        width: Factor of the stages' channels, which are 128, 256, 512 and 1024.
        depth: Factor of the stages' blocks, which are 1, 2, 3 and 1 times 3.
        activation: Name or function after each convolution.
        name: The model's name.

    Returns:
        A `keras.Model` from `[batch, height, width, channels]` to
        `[batch, height / 32, width / 32, 1024 * width]`.

    Reference:
        Wang et al., 2020, "Scaled-YOLOv4", section 4.1, in the proportions of
        YOLOv5 (Jocher et al.): 0.25 and 0.33 are its n, 0.5 and 0.33 its s, 0.75
        and 0.67 its m.
    """
    inputs = keras.Input(input_shape, name="images")
    x = ConvNorm(
        scaled_filters(STEM, width), 6, strides=2, activation=activation, name="stem"
    )(inputs)
    for stage, (filters, blocks) in enumerate(zip(FILTERS, BLOCKS, strict=True), 1):
        filters = scaled_filters(filters, width)
        x = ConvNorm(
            filters, 3, strides=2, activation=activation, name=f"stage{stage}_down"
        )(x)
        is_last = stage == len(FILTERS)
        x = CSPBlock(
            filters,
            scaled_blocks(3 * blocks, depth),
            activation=activation,
            name=f"stage{stage}_block" if is_last else f"stage{stage}",
        )(x)
        if is_last:
            x = SpatialPyramidPooling(
                filters, activation=activation, name=f"stage{stage}"
            )(x)
    return keras.Model(inputs, x, name=name)
