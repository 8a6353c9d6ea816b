"""The tasks: train, evaluate, predict, export and doctor on a user's own data.

Names are loaded when they are first used, so that importing this package
loads neither TensorFlow nor Keras.
"""

from .registry import TASKS

_CLASSES = {entry.task: entry for entry in TASKS.values()}
__all__ = ["TASKS", *sorted(_CLASSES)]


def __getattr__(name):
    if name in _CLASSES:
        return _CLASSES[name].task_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
