"""The networks under a detector's neck, by name or from a classification run."""

from pathlib import Path

import keras

from ...errors import UserError
from ...files import atomic_file
from ...layers import csp_darknet, resnet
from ...layers.backbones.resnet import DEPTHS
from ..run_folder import RunFolder

_RESNETS = {f"resnet{depth}": depth for depth in sorted(DEPTHS)}


def named_backbone(name, width, depth):
    """Returns a new backbone from images of -1 to 1 of any size.

    Args:
        name: `"csp"`, or `"resnet18"` of any known depth.
        width: Share of the channels of `csp`, see `csp_darknet`.
        depth: Share of its blocks.

    Raises:
        UserError: if there is no such backbone.
    """
    if name == "csp":
        return csp_darknet((None, None, 3), width=width, depth=depth)
    if name in _RESNETS:
        depth = _RESNETS[name]
        stem = "imagenet" if len(DEPTHS[depth][0]) == 4 else "cifar"
        return resnet((None, None, 3), depth, stem=stem)
    raise UserError(
        f"unknown backbone `{name}`",
        mend=f"There are csp, {', '.join(_RESNETS)}, or the folder of a "
        "classification run",
    )


def trained_backbone(config):
    """Returns the network of the classification run that a config names, or `None`.

    Raises:
        UserError: as `classifier_backbone`.
    """
    name = config.backbone
    if name == "csp" or name in _RESNETS or not Path(name).is_dir():
        return None
    return classifier_backbone(RunFolder(name))


def classifier_backbone(run):
    """Returns the network of a classification run without its classifier.

    Args:
        run: The `RunFolder` of the run, finished.

    Returns:
        A Keras model with trained weights, from images of -1 to 1 of any size.

    Raises:
        UserError: if the run is not finished, or is of grey images or of a
            network that has no stages.
    """
    if not run.model.exists():
        raise UserError(
            "is no finished classification run", run.path, "Name one for --backbone"
        )
    classifier = keras.saving.load_model(run.model, compile=False)
    inner = [layer for layer in classifier.layers if isinstance(layer, keras.Model)]
    if not inner or not stages(inner[0]):
        raise UserError(
            "has no stages to take features from",
            run.path,
            "Train it with --model resnet",
        )
    trained = inner[0]
    if trained.input_shape[-1] != 3:
        raise UserError(
            f"sees {trained.input_shape[-1]} channels, a detector needs 3",
            run.path,
            "Train it with --channels 3",
        )
    backbone = keras.models.clone_model(
        trained, input_tensors=keras.Input((None, None, 3), name="images")
    )
    backbone.set_weights(trained.get_weights())
    return backbone


def store_backbone(run, backbone):
    """Keeps a trained backbone's architecture with the run of a detector.

    The run can then go without the one that the backbone comes from.

    Args:
        run: The `RunFolder` of the detector.
        backbone: The Keras model; `None` if there is none.
    """
    file = _file(run)
    file.unlink(missing_ok=True)
    if backbone is not None:
        with atomic_file(file) as stream:
            stream.write(backbone.to_json())


def stored_backbone(run):
    """Returns what `store_backbone` kept, without its weights, or `None`."""
    file = _file(run)
    if not file.exists():
        return None
    return keras.models.model_from_json(file.read_text(encoding="utf-8"))


def stages(backbone):
    """Returns the names of the layers that end its stages, in order."""
    names = {layer.name for layer in backbone.layers}
    return [name for n in range(1, 9) if (name := f"stage{n}") in names]


def _file(run):
    return run.path / "backbone.json"
