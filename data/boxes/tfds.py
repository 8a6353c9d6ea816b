"""Sets of TensorFlow Datasets with boxes, kept as the encoded images they store."""

from itertools import groupby

from ...errors import UserError
from ..images.folders import SPLIT_FOLDERS
from ..tfds import encoded_examples, prepared_builder
from .found import Annotation, FoundBoxes
from .sizes import read_header

# Sets that keep the numbers of the first and last pixels, counted from 1, as edges.
_FROM_ONE = ("voc",)


def read_tfds_boxes(name, data_dir=None):
    """Reads a set of TensorFlow Datasets that has `objects` with `bbox` and `label`.

    Args:
        name: `name` or `name/config`, with or without `:version`.
        data_dir: Where the sets are kept. A set that is prepared there is not
            downloaded.

    Returns:
        A `FoundBoxes` with encoded images and the official splits.

    Raises:
        UserError: if there is no such set, it has no objects with boxes, it cannot
            be downloaded, or it does not fit into memory.
    """
    builder = prepared_builder(name, data_dir)
    fields = _object_fields(builder.info.features, f"tfds:{name}")
    label = fields["label"]
    found = FoundBoxes(
        f"TensorFlow Datasets {builder.info.full_name}",
        class_names=tuple(label.names),
        relative=True,
        encoded=[],
    )
    examples = encoded_examples(
        builder, name, SPLIT_FOLDERS, "Write it out as files and name their folder"
    )
    for part, members in groupby(examples, key=lambda entry: entry[0]):
        for _, title, example in members:
            annotation = Annotation(title, split=SPLIT_FOLDERS[part])
            _read_objects(example["objects"], label, annotation)
            if builder.name in _FROM_ONE:
                _start_at_zero(annotation, example["image"])
            found.annotations.append(annotation)
            found.encoded.append(example["image"])
        _leave_out_unlabelled(found, part)
    return found


def _object_fields(features, where):
    """Returns the features of one object, checked."""
    import tensorflow_datasets as tfds

    outer = dict(features) if isinstance(features, tfds.features.FeaturesDict) else {}
    objects = outer.get("objects")
    inner = getattr(objects, "feature", None)
    fields = dict(inner) if isinstance(inner, tfds.features.FeaturesDict) else {}
    if not (
        isinstance(outer.get("image"), tfds.features.Image)
        and isinstance(fields.get("bbox"), tfds.features.BBoxFeature)
        and isinstance(fields.get("label"), tfds.features.ClassLabel)
    ):
        raise UserError("has no `image` with `objects` of `bbox` and `label`", where)
    return fields


def _read_objects(objects, label, annotation):
    for number, (top, left, bottom, right) in zip(
        objects["label"].tolist(), objects["bbox"].tolist(), strict=True
    ):
        annotation.labels.append(label.int2str(number))
        annotation.boxes.append((left, top, right, bottom))
    annotation.crowd = list(objects.get("is_crowd", ()))
    annotation.difficult = list(objects.get("is_difficult", ()))


def _start_at_zero(annotation, image):
    """Moves the first edges of boxes from the first pixel's number to its edge.

    Where the first pixel is also the last one, the box has no area; see `read_voc`.
    """
    header = read_header(image)
    if header is None:  # the image is left out anyway
        return
    height, width, _ = header
    annotation.boxes = [
        (x1 - (x1 != x2) / width, y1 - (y1 != y2) / height, x2, y2)
        for x1, y1, x2, y2 in annotation.boxes
    ]


def _leave_out_unlabelled(found, part):
    """Drops a part that has no boxes at all, like the official test of COCO."""
    split = SPLIT_FOLDERS[part]
    rows = [row for row, each in enumerate(found.annotations) if each.split == split]
    if rows and not any(found.annotations[row].labels for row in rows):
        del found.annotations[rows[0] :], found.encoded[rows[0] :]
        found.description += f"; {len(rows):,} {part} images without boxes left out"
