"""Sets of TensorFlow Datasets, kept as the encoded images they store."""

from ...errors import UserError
from ..splits import content_key
from .found import Found
from .memory import free_memory

MEMORY_LIMIT = 8 * 2**30  # bytes of encoded images, however much memory is free
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

    where = f"tfds:{name}"
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        raise UserError("no such data set", where) from error
    except (ValueError, AssertionError) as error:
        raise UserError(f"cannot be used ({_first_line(error)})", where) from error
    try:
        builder.download_and_prepare()
    except Exception as error:  # each set's own download code may raise anything
        raise UserError(
            f"cannot be downloaded ({_first_line(error)})",
            where,
            "Prepare it on a machine with a network and name its folder by --data-dir",
        ) from error
    features = builder.info.features
    if not (
        isinstance(features, tfds.features.FeaturesDict)
        and isinstance(dict(features).get("image"), tfds.features.Image)
        and isinstance(dict(features).get("label"), tfds.features.ClassLabel)
    ):
        raise UserError("has no `image` with a single `label`", where)
    found = Found(f"TensorFlow Datasets {builder.info.full_name}", [], [], [])
    found.encoded, found.splits = [], []
    read = [part for part in builder.info.splits if part in _SPLITS]
    if not read:
        raise UserError("has none of the splits train, validation and test", where)
    # Training holds the images a second time.
    size, limit = 0, min(MEMORY_LIMIT, free_memory() // 3)
    for part in read:
        dataset = builder.as_dataset(
            split=part,
            decoders={"image": tfds.decode.SkipDecoding()},
            shuffle_files=False,
        )
        for row, example in enumerate(dataset.as_numpy_iterator()):
            if example["label"] < 0:  # some sets have a part without labels
                continue
            size += len(example["image"])
            if size > limit:
                raise UserError(
                    f"has more than {limit / 2**30:.1f} GiB of images",
                    where,
                    "Write it out as class folders and name these",
                )
            found.encoded.append(example["image"])
            found.keys.append(content_key(example["image"]))
            found.labels.append(features["label"].int2str(int(example["label"])))
            found.names.append(f"{name}/{part}/{row}")
            found.splits.append(_SPLITS[part])
    return found


def _first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]
