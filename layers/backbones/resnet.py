"""Residual networks from 8 to 50 layers."""

import keras
from keras import layers

from ..convolution import ConvNorm, ConvolutionalBlock, IdentityBlock

# depth: (blocks in each stage, bottleneck form, width of the first stage)
DEPTHS = {
    8: ((1, 1, 1), False, 16),
    14: ((2, 2, 2), False, 16),
    20: ((3, 3, 3), False, 16),
    32: ((5, 5, 5), False, 16),
    44: ((7, 7, 7), False, 16),
    10: ((1, 1, 1, 1), False, 64),
    18: ((2, 2, 2, 2), False, 64),
    34: ((3, 4, 6, 3), False, 64),
    26: ((2, 2, 2, 2), True, 64),
    50: ((3, 4, 6, 3), True, 64),
}


def resnet(
    input_shape,
    depth=14,
    *,
    stem="cifar",
    width=None,
    strides=None,
    name="resnet",
):
    """Build a residual network from image to feature map.

    The output of stage n is the output of the layer named `stage<n>`, so that
    `model.get_layer("stage2").output` taps it.

    Args:
        input_shape: `(height, width, channels)`; height and width may be `None`.
        depth: Number of convolutions on the longest path plus one, for the
            classifier that goes on top. 8, 14, 20, 32, 44: three stages of basic
            blocks; 10, 18, 34: four stages of basic blocks; 26, 50: four stages of
            bottleneck blocks.
        stem: `"cifar"`, a 3x3 convolution at full size, for images of about 32
            pixels; `"imagenet"`, a 7x7 convolution and a max-pooling that divide
            the sides by 4.
        width: Filters of the first stage, doubled by each stage that follows.
            `None`: 16 for three stages, 64 for four.
        strides: One stride for each stage. `None`: 1, then 2 for each other stage.
        name: The model's name.

    Returns:
        A `keras.Model` from `[batch, height, width, channels]` to
        `[batch, height / n, width / n, features]`, n being all strides multiplied.

    Raises:
        ValueError: If `depth`, `stem` or the number of `strides` is not known.

    Reference:
        He et al., 2015, "Deep Residual Learning for Image Recognition",
        table 1 and section 4.2.
    """
    if depth not in DEPTHS:
        known = ", ".join(map(str, sorted(DEPTHS)))
        raise ValueError(
            f"Invalid value for `depth`: expected one of {known}, "
            f"received depth={depth!r}"
        )
    if stem not in ("cifar", "imagenet"):
        raise ValueError(
            "Invalid value for `stem`: expected 'cifar' or 'imagenet', "
            f"received stem={stem!r}"
        )
    blocks, bottleneck, default_width = DEPTHS[depth]
    width = width or default_width
    strides = tuple(strides or (1,) + (2,) * (len(blocks) - 1))
    if len(strides) != len(blocks):
        raise ValueError(
            f"Invalid value for `strides`: expected {len(blocks)} of them for "
            f"depth {depth}, received strides={strides}"
        )

    inputs = keras.Input(input_shape, name="images")
    x = _stem(inputs, stem, width)
    for stage, (count, stride) in enumerate(zip(blocks, strides, strict=True), 1):
        filters = width * 2 ** (stage - 1)
        for block in range(1, count + 1):
            # A stage is known by its last block's output.
            label = f"stage{stage}" if block == count else f"stage{stage}_block{block}"
            x = _block(filters, stride if block == 1 else 1, bottleneck, x, label)
    return keras.Model(inputs, x, name=name)


def _stem(x, stem, width):
    if stem == "cifar":
        return ConvNorm(width, 3, activation="relu", name="stem")(x)
    x = ConvNorm(width, 7, strides=2, activation="relu", name="stem")(x)
    return layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)


def _block(filters, strides, bottleneck, x, name):
    keeps_shape = strides == 1 and x.shape[-1] == filters * (4 if bottleneck else 1)
    if keeps_shape:
        return IdentityBlock(filters, bottleneck=bottleneck, name=name)(x)
    return ConvolutionalBlock(
        filters, strides=strides, bottleneck=bottleneck, name=name
    )(x)
