"""Sets of TensorFlow Datasets, kept as the encoded images they store."""

from ...errors import UserError
from ..splits import content_key
from ..tfds import encoded_examples, prepared_builder
from .found import Found

_SPLITS = {"train": "train", "validation": "val", "val": "val", "test": "test"}


def read_tfds(name, data_dir=None):
    """Reads a set of TensorFlow Datasets.

    Args:
        name: `name` or `name/config`, with or without `:version`.
        data_dir: Where the sets are kept. A set that is prepared there is not
            downloaded.

    Returns:
        A `Found` with encoded images and the official splits. Unlabelled images
        are left out.

    Raises:
        UserError: if there is no such set, it has no images with labels, it
            cannot be downloaded, or it does not fit into memory.
    """
    import tensorflow_datasets as tfds

    builder = prepared_builder(name, data_dir)
    features = builder.info.features
    if not (
        isinstance(features, tfds.features.FeaturesDict)
        and isinstance(dict(features).get("image"), tfds.features.Image)
        and isinstance(dict(features).get("label"), tfds.features.ClassLabel)
    ):
        raise UserError("has no `image` with a single `label`", f"tfds:{name}")
    found = Found(f"TensorFlow Datasets {builder.info.full_name}", [], [], [])
    found.encoded, found.splits = [], []
    examples = encoded_examples(
        builder,
        name,
        _SPLITS,
        "Write it out as class folders and name these",
        # Some sets have a part without labels.
        wanted=lambda example: example["label"] >= 0,
    )
    for part, title, example in examples:
        found.encoded.append(example["image"])
        found.keys.append(content_key(example["image"]))
        found.labels.append(features["label"].int2str(int(example["label"])))
        found.names.append(title)
        found.splits.append(_SPLITS[part])
    return found
