"""From the name of a data set to its table of images."""

from pathlib import Path

import numpy as np

from ...errors import UserError
from ..class_names import check_class_names
from ..splits import content_key, resolve_splits
from .folders import read_class_folders
from .idx import has_idx_files, read_idx_folder
from .manifest import read_manifest
from .table import ImageTable
from .tfds import read_tfds

EMBEDDED = ("digits",)


def load_images(
    spec,
    *,
    data_dir=None,
    val_fraction=0.15,
    test_fraction=0.15,
    known_splits=None,
    class_names=None,
):
    """Resolves a data spec.

    Args:
        spec: One of:
            `digits`, scikit-learn's 1,797 handwritten digits;
            a folder of class folders, with or without folders `train`, `val` and
            `test` around them;
            a folder of idx-ubyte files, as MNIST ships them;
            a CSV file with the columns `path,label` and perhaps `split`;
            `tfds:name` or `tfds:name/config` of TensorFlow Datasets.
        data_dir: Where TensorFlow Datasets keeps its data.
        val_fraction: Share for validation where the data has no splits.
        test_fraction: Share for the test where the data has no splits.
        known_splits: Dict from content hash to split, e.g. of a run; it wins
            over the hash, not over splits that the data itself gives.
        class_names: The classes of a run, in its order; the data may lack some
            but must have no others.

    Returns:
        An `ImageTable`.

    Raises:
        UserError: if the spec is unknown or what it names cannot be used.
    """
    spec = str(spec)
    found = _read(spec, data_dir)
    names, labels = _number_labels(found.labels, class_names, spec)
    splits = resolve_splits(
        found.splits or [None] * len(found.keys),
        found.keys,
        labels,
        val=val_fraction,
        test=test_fraction,
        known=known_splits,
    )
    return ImageTable(
        source=spec,
        description=found.description,
        class_names=names,
        labels=labels,
        splits=splits,
        keys=np.asarray(found.keys),
        names=found.names,
        files=found.files,
        encoded=found.encoded,
        pixels=found.pixels,
    )


def _read(spec, data_dir):
    if spec == "digits":
        return _read_digits()
    if spec.startswith("tfds:"):
        return read_tfds(spec.removeprefix("tfds:"), data_dir)
    path = Path(spec)
    if path.is_dir():
        return (
            read_idx_folder(path) if has_idx_files(path) else read_class_folders(path)
        )
    if path.is_file() and path.suffix.lower() == ".csv":
        return read_manifest(path)
    if path.exists():
        raise UserError(
            "is no data set",
            spec,
            "Name a folder of class folders, a folder of idx files or a CSV file",
        )
    raise UserError(
        "no such data",
        spec,
        f"Name a path, tfds:NAME, or an embedded set: {', '.join(EMBEDDED)}",
    )


def _read_digits():
    from sklearn.datasets import load_digits

    from .found import Found

    digits = load_digits()
    pixels = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    return Found(
        description="digits: handwritten digits of scikit-learn, 8 x 8 pixels, grey",
        labels=[str(label) for label in digits.target],
        keys=[content_key(image) for image in pixels],
        names=[f"digits/{row}" for row in range(len(pixels))],
        pixels=pixels,
    )


def _number_labels(labels, class_names, spec):
    there = sorted(set(labels))
    if not there:
        raise UserError("has no labelled images", spec)
    if class_names is None:
        if len(there) < 2:
            raise UserError(
                f"has a single class, {there[0]!r}",
                spec,
                "Classification needs at least two",
            )
        class_names = there
    check_class_names(there, class_names, spec)
    number = {name: index for index, name in enumerate(class_names)}
    return tuple(class_names), np.array([number[name] for name in labels], np.int32)
