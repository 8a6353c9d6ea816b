"""Labelled images: from a name to batches of pixels, and the doctor.

Names are loaded when they are first used: finding a user's files needs no
TensorFlow.
"""

import importlib

_MODULES = {
    "EMBEDDED": "spec",
    "IMAGE_SUFFIXES": "folders",
    "ImageLoader": "loader",
    "ImageTable": "table",
    "load_images": "spec",
    "printable": "folders",
    "survey_images": "survey",
}
__all__ = sorted(_MODULES)


def __getattr__(name):
    if name in _MODULES:
        module = importlib.import_module(f".{_MODULES[name]}", __name__)
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
