"""What a training takes from its data: sizes, splits, weights of the classes."""

import dataclasses

import numpy as np

from ...data.images import load_images, survey_images
from ...errors import UserError
from .augmentation import CROP_MARGIN, augmentation_preset

# A preset whose smallest crop keeps less than this share enlarges what is left.
MARGIN_BELOW_SCALE = 0.7


def load_table(data, data_dir, config, run=None):
    """Loads the images of a data spec.

    Args:
        data: The spec.
        data_dir: Where TensorFlow Datasets keeps its data.
        config: A `ClassifyConfig`, for the shares of the splits.
        run: A `RunFolder` whose labels hold, and whose splits, so that no image
            it was trained on turns up in another split; only where the data
            itself names its splits do these win.

    Returns:
        An `ImageTable`.
    """
    known, names = None, None
    if run is not None:
        known, names = run.known_splits(), run.read_labels()
    return load_images(
        data,
        data_dir=data_dir,
        val_fraction=config.val_fraction,
        test_fraction=config.test_fraction,
        known_splits=known,
        class_names=names,
    )


def filled_in(config, table):
    """Returns the config with the values that the data decides."""
    survey = survey_images(table)
    return dataclasses.replace(
        config,
        image_size=config.image_size or survey.image_size,
        channels=config.channels or survey.channels,
    )


def training_size(config, table):
    """Returns the height and width that training images are kept at.

    That is the model's input size, or a little more where crops are cut from
    them and the images have the pixels.
    """
    height, width = config.image_size
    if augmentation_preset(config).crop_scale[0] >= MARGIN_BELOW_SCALE:
        return height, width
    larger = round(height * CROP_MARGIN), round(width * CROP_MARGIN)
    has_pixels = np.less_equal(larger, survey_images(table).typical_size).all()
    return larger if has_pixels else (height, width)


def check_classes(table):
    """Raises `UserError` where a class has nothing to learn from.

    Args:
        table: An `ImageTable` of the readable training images.
    """
    missing = np.flatnonzero(table.class_counts() == 0)
    if len(missing):
        raise UserError(
            f"the class {table.class_names[missing[0]]!r} has no readable image "
            "in the training split",
            table.source,
            "Add images of it or remove it; the doctor tells more",
        )


def class_weights(table, config):
    """Returns one weight a class, float32; their mean over the examples is 1.

    Reference:
        King and Zeng 2001, "Logistic Regression in Rare Events Data"; it is
        scikit-learn's `class_weight="balanced"`.
    """
    counts = table.class_counts()
    if config.class_weights == "none":
        return np.ones(len(counts), "float32")
    return (counts.sum() / (len(counts) * counts)).astype("float32")


def split_rows(table):
    """Returns the rows of `splits.csv`: which image is in which split."""
    return [
        {
            "key": key,
            "split": split,
            "label": table.class_names[label],
            "name": name,
        }
        for key, split, label, name in zip(
            table.keys, table.splits, table.labels, table.names, strict=True
        )
    ]
