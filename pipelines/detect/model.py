"""The networks of object detection."""

import keras

from ...errors import UserError
from ...layers import ConvNorm
from ...layers.backbones.csp_darknet import scaled_filters
from .backbone import named_backbone, stages
from .config import FILTERS, SIZES
from .heads import make_head

GRID_WIDTH = 16  # channels at stride 2 of the smallest network, doubled with it


def build_model(config, classes, backbone=None):
    """Builds the detector a config asks for.

    Args:
        config: A `DetectConfig` with what the data decides, see `filled_in`.
        classes: Number of classes.
        backbone: The Keras model under the neck, from images of -1 to 1, with
            layers called `stage1`, `stage2`, ...; what the config names if not
            given.

    Returns:
        A Keras model from pixels `[N, height, width, 3]`, 0 to 255, to the outputs
        of the config's head: a raw map for each grid, see `YoloHead`, or one vector,
        see `SingleObjectHead`.

    Raises:
        UserError: if the backbone is unknown or does not fit the strides.
    """
    inputs = keras.Input((*config.image_size, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="to_unit_range")(inputs)
    strides = config.grid_strides
    if config.model == "grid":
        maps = [_small_network(x, strides[-1])]
    else:
        width, depth = SIZES[config.model]
        if backbone is None:
            backbone = named_backbone(config.backbone, width, depth)
        maps = _features(_stage_maps(backbone, x, strides[-1]), strides, width)
    outputs = make_head(config, classes).outputs(maps)
    return keras.Model(inputs, outputs, name="detector")


def _stage_maps(backbone, x, last):
    """Returns the outputs of the stages up to a stride, a dict from stride to map."""
    outputs = {name: backbone.get_layer(name).output for name in stages(backbone)}
    shapes = keras.Model(backbone.input, outputs).compute_output_shape(x.shape)
    strides = {name: x.shape[1] // shape[1] for name, shape in shapes.items()}
    # Later stages would have weights that nothing trains.
    used = {name: out for name, out in outputs.items() if strides[name] <= last}
    if not used:
        return {}
    maps = keras.Model(backbone.input, used, name="backbone")(x)
    return {strides[name]: maps[name] for name in used}


def _features(maps, strides, width):
    """Returns a map for each stride; goes on from the last where there is none."""
    features = []
    for stride in strides:
        if stride not in maps:
            below = max((known for known in maps if known < stride), default=None)
            if below is None:
                raise UserError(
                    f"the backbone has no map of stride {stride}",
                    mend="Choose other --strides",
                )
            while below < stride:
                maps[2 * below] = _halved(maps[below], 2 * below, width)
                below *= 2
        features.append(maps[stride])
    return features


def _halved(features, stride, width):
    return ConvNorm(
        scaled_filters(FILTERS.get(stride, min(FILTERS.values())), width),
        3,
        strides=2,
        activation="silu",
        name=f"down_to_{stride}",
    )(features)


def _small_network(x, stride):
    """Returns the one map of the smallest network: convolutions that halve."""
    filters, reached = GRID_WIDTH, 1
    while reached < stride:
        reached *= 2
        x = ConvNorm(
            filters, 3, strides=2, activation="relu", name=f"down_to_{reached}"
        )(x)
        filters *= 2
    return ConvNorm(filters, 3, activation="relu", name="mix")(x)
