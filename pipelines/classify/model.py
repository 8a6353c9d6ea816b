"""The networks of image classification."""

import keras

from ...layers import lenet5, resnet

IMAGENET_STEM_FROM = 96  # pixels; below, dividing by 32 leaves no map to speak of
DEFAULT_WIDTHS = {3: 32, 4: 64}


def build_model(config, classes):
    """Builds the classifier a config asks for.

    Args:
        config: A `ClassifyConfig` whose `image_size` and `channels` are set.
        classes: Number of classes.

    Returns:
        A Keras model from pixels `[N, height, width, channels]`, 0 to 255, to
        float32 logits `[N, classes]`.
    """
    shape = (*config.image_size, config.channels)
    inputs = keras.Input(shape, name="pixels")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="to_unit_range")(inputs)
    if config.model == "lenet5":
        x = lenet5(shape)(x)
    else:
        backbone = resnet(
            shape,
            config.depth,
            stem=_stem(config),
            width=config.width or DEFAULT_WIDTHS[config.stages],
            strides=config.strides or None,
        )
        x = keras.layers.GlobalAveragePooling2D(name="pool")(backbone(x))
    if config.dropout:
        x = keras.layers.Dropout(config.dropout, seed=config.seed, name="dropout")(x)
    logits = keras.layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="classifier")


def _stem(config):
    if config.stem != "auto":
        return config.stem
    return "imagenet" if min(config.image_size) >= IMAGENET_STEM_FROM else "cifar"
