"""Augmentation of images with boxes, one example at a time inside `tf.data`.

Every function takes `(image, boxes, classes)` of one example and a seed, and gives
back the three: the result is a pure function of its arguments. `boxes` are float32
`[n, 4]`, `[x1, y1, x2, y2]` in pixels, where the left edge of the first pixel column is
0 and the right edge of the last is the width; `classes` are integers `[n]`. Rows of
class -1 are padding: they are left alone or dropped. Boxes with points are
`[n, 4 + 3 * points]`, with each point's x, y and visibility after the box; see `boxes`.
`augment_example` puts everything together, `pack_targets` brings the boxes to a static
shape.

Names are loaded when they are first used: settings need no TensorFlow.
"""

import importlib

_MODULES = {
    "BoxAugmentation": "settings",
    "augment_example": "example",
    "keep_visible": "boxes",
    "pack_targets": "boxes",
    "random_affine": "affine",
    "random_flip": "flip",
    "random_hsv": "color",
    "random_iou_crop": "crop",
    "random_mixup": "mixup",
    "random_mosaic": "mosaic",
    "transform_boxes": "boxes",
    "warp_image": "affine",
}
__all__ = sorted(_MODULES)


def __getattr__(name):
    if name in _MODULES:
        module = importlib.import_module(f".{_MODULES[name]}", __name__)
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
