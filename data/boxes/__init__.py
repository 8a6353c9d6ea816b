"""Images with boxes: from a name to batches with targets, anchors, and the doctor.

Names are loaded when they are first used: finding a user's files needs no
TensorFlow.
"""

import importlib

_MODULES = {
    "BoxAugmentation": "augment",
    "BoxLoader": "loader",
    "BoxTable": "table",
    "EMBEDDED": "spec",
    "anchor_recall": "anchors",
    "examine_boxes": "doctor",
    "kmeans_anchors": "anchors",
    "load_boxes": "spec",
    "mean_best_iou": "anchors",
    "scaled_sizes": "anchors",
}
__all__ = sorted(_MODULES)


def __getattr__(name):
    if name in _MODULES:
        module = importlib.import_module(f".{_MODULES[name]}", __name__)
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
