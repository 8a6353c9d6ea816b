"""What a training takes from its data: size, anchors, the loss."""

import dataclasses

import numpy as np

from ...data.boxes import load_boxes
from ...data.boxes.anchors import target_flags
from .heads import make_head

SMALLEST, LARGEST = 96, 640  # sides in pixels of an input that is chosen by the data


def load_table(data, data_dir, config, run=None):
    """Loads the images and boxes of a data spec.

    Args:
        data: The spec.
        data_dir: Where TensorFlow Datasets keeps its data.
        config: A `DetectConfig`, for the shares of the splits.
        run: A `RunFolder` whose labels and splits hold, if given.

    Returns:
        A `BoxTable`.
    """
    return load_boxes(
        data,
        data_dir=data_dir,
        val_fraction=config.val_fraction,
        test_fraction=config.test_fraction,
        known_splits=run and run.known_splits(),
        class_names=run and run.read_labels(),
    )


def filled_in(config, table):
    """Returns the config with the values that the data decides.

    Args:
        config: A `DetectConfig`.
        table: The `BoxTable` of the training images.

    Raises:
        UserError: if the data lacks something: boxes, or points.
    """
    size = config.image_size or suggested_size(table, max(config.grid_strides))
    config = dataclasses.replace(config, image_size=size)
    return make_head(config, len(table.class_names)).filled_in(table)


def has_objects(table):
    """Whether there is an object that counts in the figures of a `BoxTable`."""
    return any(flags.any() for flags in target_flags(table))


def suggested_size(table, stride):
    """Returns a square input of the images' typical long side, a multiple of 32."""
    side = np.median(table.sizes.max(axis=1)).clip(SMALLEST, LARGEST)
    step = max(stride, 32)
    side = max(round(float(side) / step), 1) * step
    return side, side


def make_loss(config, classes):
    """Returns the loss that a config asks for."""
    return make_head(config, classes).loss()


def split_rows(table):
    """Returns the rows of `splits.csv`: which image is in which split."""
    return [
        {"key": key, "split": split, "boxes": len(boxes), "name": name}
        for key, split, boxes, name in zip(
            table.keys, table.splits, table.boxes, table.names, strict=True
        )
    ]


def table_lines(table):
    """Yields a text for each image: all of it that training depends on."""
    flags = target_flags(table)
    for row, key in enumerate(table.keys):
        boxes = np.round(table.boxes[row], 2).tolist()
        line = f"{key} {boxes} {table.classes[row].tolist()}"
        if not flags[row].all():
            line += f" {flags[row].tolist()}"
        if table.points is not None:
            line += f" {np.round(table.points[row], 2).tolist()}"
        yield line
