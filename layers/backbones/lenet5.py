"""LeNet-5, the first convolutional network in wide use."""

import keras
from keras import layers


def lenet5(input_shape, activation="tanh", pooling="average", name="lenet5"):
    """Build LeNet-5 from image to its 84 features (layer F6).

    The layers keep the paper's names. At 28x28 and 32x32 the sizes are the
    paper's. For other sizes C5 sees the whole map, whatever its size; images with
    a side below 32 are padded at C1, and those with a side below 28 at C3 too, so
    that images from 8x8 on leave something to look at. Two simplifications are
    common by now: C3 sees all maps of S2, and the subsampling has no weights.

    Args:
        input_shape: `(height, width, channels)`, each side at least 8 pixels.
        activation: `"tanh"` as published, or `"relu"`.
        pooling: `"average"` as published, or `"max"`.
        name: The model's name.

    Returns:
        A `keras.Model` from `[batch, height, width, channels]` to `[batch, 84]`.

    Raises:
        ValueError: If an argument is none of the above.

    Reference:
        LeCun et al., 1998, "Gradient-Based Learning Applied to Document
        Recognition", section II.B.
    """
    height, width, _ = input_shape
    if not height or not width or min(height, width) < 8:
        raise ValueError(
            "Invalid value for `input_shape`: expected sides of at least 8 pixels, "
            f"received input_shape={tuple(input_shape)}"
        )
    if activation not in ("tanh", "relu"):
        raise ValueError(
            "Invalid value for `activation`: expected 'tanh' or 'relu', "
            f"received activation={activation!r}"
        )
    pools = {"average": layers.AveragePooling2D, "max": layers.MaxPooling2D}
    if pooling not in pools:
        raise ValueError(
            "Invalid value for `pooling`: expected 'average' or 'max', "
            f"received pooling={pooling!r}"
        )
    pool = pools[pooling]
    side = min(height, width)
    weights = {
        "activation": activation,
        "kernel_initializer": "he_normal" if activation == "relu" else "glorot_uniform",
    }

    inputs = keras.Input(input_shape, name="images")
    padding = "same" if side < 32 else "valid"
    x = layers.Conv2D(6, 5, padding=padding, name="c1", **weights)(inputs)
    x = pool(2, name="s2")(x)
    padding = "same" if side < 28 else "valid"
    x = layers.Conv2D(16, 5, padding=padding, name="c3", **weights)(x)
    x = pool(2, name="s4")(x)
    # A 5x5 convolution over the 5x5 map of the paper is this very product.
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(120, name="c5", **weights)(x)
    x = layers.Dense(84, name="f6", **weights)(x)
    return keras.Model(inputs, x, name=name)
