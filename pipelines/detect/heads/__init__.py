"""What a detector finds: any number of objects, one, or one with its landmarks."""

from .base import Head
from .single_object import Landmarks, SingleObject
from .yolo import Yolo

__all__ = ["Head", "make_head"]

_HEADS = {"yolo": Yolo, "box": SingleObject, "landmarks": Landmarks}


def make_head(config, classes):
    """Returns the `Head` that a config asks for.

    Args:
        config: A `DetectConfig`. What the data decides may be missing until
            `filled_in` is called.
        classes: Number of classes.
    """
    return _HEADS[config.head](config, classes)
