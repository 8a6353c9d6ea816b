"""Sets of TensorFlow Datasets with boxes, kept as the encoded images they store."""

from ...errors import UserError
from ..images.folders import SPLIT_FOLDERS
from ..images.memory import free_memory
from ..images.tfds import MEMORY_LIMIT
from .found import Annotation, FoundBoxes


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
    import tensorflow_datasets as tfds

    where = f"tfds:{name}"
    builder = _prepare(name, data_dir, where)
    fields = _object_fields(builder.info.features, where)
    label = fields["label"]
    found = FoundBoxes(
        f"TensorFlow Datasets {builder.info.full_name}",
        class_names=tuple(label.names),
        relative=True,
        encoded=[],
    )
    parts = [part for part in builder.info.splits if part in SPLIT_FOLDERS]
    if not parts:
        raise UserError("has none of the splits train, validation and test", where)
    # Training holds the images a second time.
    size, limit = 0, min(MEMORY_LIMIT, free_memory() // 3)
    for part in parts:
        dataset = builder.as_dataset(
            split=part,
            decoders={"image": tfds.decode.SkipDecoding()},
            shuffle_files=False,
        )
        for row, example in enumerate(dataset.as_numpy_iterator()):
            size += len(example["image"])
            if size > limit:
                raise UserError(
                    f"has more than {limit / 2**30:.1f} GiB of images",
                    where,
                    "Write it out as files and name their folder",
                )
            annotation = Annotation(f"{name}/{part}/{row}", split=SPLIT_FOLDERS[part])
            _read_objects(example["objects"], label, annotation)
            found.annotations.append(annotation)
            found.encoded.append(example["image"])
        _leave_out_unlabelled(found, part)
    return found


def _prepare(name, data_dir, where):
    """Returns the builder of a set that is there, downloaded if need be."""
    import tensorflow_datasets as tfds

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
    return builder


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


def _leave_out_unlabelled(found, part):
    """Drops a part that has no boxes at all, like the official test of COCO."""
    split = SPLIT_FOLDERS[part]
    rows = [row for row, each in enumerate(found.annotations) if each.split == split]
    if rows and not any(found.annotations[row].labels for row in rows):
        del found.annotations[rows[0] :], found.encoded[rows[0] :]
        found.description += f"; {len(rows):,} {part} images without boxes left out"


def _first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]
