"""Annotations of another frame than their image's, brought to the image."""

import dataclasses

import numpy as np

ROUNDING = 1.0  # pixels by which sides of a resized image may differ


def fit_annotation(annotation, size, orientation):
    """Brings boxes to the upright image where the annotation states another size.

    An image that was resized after it was annotated has the same shape, and its
    boxes are scaled. One whose sides are exchanged, and which is stored turned, was
    annotated as it is stored, and its boxes are turned.

    Args:
        annotation: An `Annotation` in pixels.
        size: Height and width of the upright image.
        orientation: EXIF orientation of the image, from 1 to 8.

    Returns:
        A tuple `(annotation, problem)`. The annotation is `None` if there is no
        telling where its boxes are. The problem is `None` if there was none.
    """
    if annotation.size is None:
        return annotation, None
    height, width = map(int, size)
    stated = tuple(map(int, annotation.size))
    if stated == (height, width):
        return annotation, None
    text = (
        f"the annotation says {stated[1]} x {stated[0]} pixels, the upright image has "
        f"{width} x {height}; "
    )
    if orientation >= 5 and stated == (width, height):
        return _turned(annotation, size, orientation), text + "its boxes are turned"
    if _same_shape(stated, (height, width)):
        return _scaled(annotation, stated, size), text + "its boxes are scaled"
    return None, text + (
        "the image is left out: bring back the one that was annotated, or mend the "
        "annotation"
    )


def _same_shape(first, second):
    """Whether some factor makes one size of the other, but for rounding."""
    small, large = np.array(sorted((first, second)), np.float64)
    return ((small - ROUNDING) / large).max() <= ((small + ROUNDING) / large).min()


def _scaled(annotation, stated, size):
    y, x = np.divide(size, stated)
    return dataclasses.replace(
        annotation,
        boxes=np.reshape(annotation.boxes, (-1, 4)) * [x, y, x, y],
        points=[np.asarray(point) * [x, y, 1] for point in annotation.points],
        areas=[area * x * y for area in annotation.areas],
    )


def _turned(annotation, size, orientation):
    """Turns places as the pixels are turned: transposed, then perhaps mirrored."""
    height, width = size
    x_sign, x_shift = (-1, width) if orientation in (6, 7) else (1, 0)
    y_sign, y_shift = (-1, height) if orientation in (7, 8) else (1, 0)

    def turn(places):
        return places[..., ::-1] * [x_sign, y_sign] + [x_shift, y_shift]

    corners = turn(np.reshape(annotation.boxes, (-1, 2, 2)))
    # In a mirror, the first corner is the last.
    corners = np.stack([corners[:, ::x_sign, 0], corners[:, ::y_sign, 1]], axis=-1)
    return dataclasses.replace(
        annotation,
        boxes=corners.reshape(-1, 4),
        points=[
            np.column_stack([turn(point[:, :2]), point[:, 2]])
            for point in map(np.asarray, annotation.points)
        ],
    )
