"""From the name of a data set to its table of images with boxes."""

from pathlib import Path

from ...errors import UserError
from .build import build_table
from .coco import has_coco, read_coco
from .digits_on_photos import EMBEDDED, read_digits_on_photos
from .tfds import read_tfds_boxes
from .voc import has_voc, read_voc
from .yolo import YAML_SUFFIXES, has_yolo, read_yolo

_KNOWN = (
    "Name a Pascal VOC folder, a COCO folder or .json file, or a YOLO folder or "
    "data.yaml"
)


def load_boxes(
    spec,
    *,
    data_dir=None,
    val_fraction=0.15,
    test_fraction=0.15,
    known_splits=None,
    class_names=None,
):
    """Resolves a data spec of images with boxes.

    Annotations that are of no use (see `check_boxes`), images that cannot be found
    and those of another shape than their annotation says (see `fit_annotation`) are
    left out and named in the table's `problems`.

    Args:
        spec: One of:
            `digits-on-photos`, scikit-learn's digits pasted on its photographs,
            and `digit-on-photo`, at most one an image, turned, with its corners
            as points;
            a Pascal VOC folder;
            a folder with COCO annotations, or a COCO `.json` file;
            a YOLO folder, or its `data.yaml`;
            `tfds:name` or `tfds:name/config` of TensorFlow Datasets, a set with
            `objects`.
        data_dir: Where TensorFlow Datasets keeps its data.
        val_fraction: Share for validation where the data has no splits.
        test_fraction: Share for the test where the data has no splits.
        known_splits: Dict from content hash to split, e.g. of a run; it wins
            over the hash, not over splits that the data itself gives.
        class_names: The classes of a run, in its order; the data may lack some
            but must have no others.

    Returns:
        A `BoxTable`.

    Raises:
        UserError: if the spec is unknown or what it names cannot be used.
    """
    spec = str(spec)
    found = _read(spec, data_dir)
    return build_table(
        found,
        spec,
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        known_splits=known_splits,
        class_names=class_names,
    )


def _read(spec, data_dir):
    if spec in EMBEDDED:
        return read_digits_on_photos(spec)
    if spec.startswith("tfds:"):
        return read_tfds_boxes(spec.removeprefix("tfds:"), data_dir)
    path = Path(spec)
    suffix = path.suffix.lower()
    if path.is_dir():
        return _read_folder(path)
    if path.is_file() and suffix == ".json":
        return read_coco(path)
    if path.is_file() and suffix in YAML_SUFFIXES:
        return read_yolo(path)
    if path.exists():
        raise UserError("is no data set with boxes", spec, _KNOWN)
    raise UserError(
        "no such data",
        spec,
        f"Name a path, tfds:NAME, or an embedded set: {', '.join(EMBEDDED)}",
    )


def _read_folder(path):
    formats = (
        ("Pascal VOC", has_voc, read_voc),
        ("COCO", has_coco, read_coco),
        ("YOLO", has_yolo, read_yolo),
    )
    try:
        fitting = [(name, read) for name, fits, read in formats if fits(path)]
        if len(fitting) == 1:
            return fitting[0][1](path)
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", path) from error
    if not fitting:
        raise UserError("is no data set with boxes", path, _KNOWN)
    names = " and ".join(name for name, _ in fitting)
    raise UserError(
        f"has annotations of {names}",
        path,
        "Move one kind elsewhere, or name the COCO .json file or YOLO data.yaml",
    )
