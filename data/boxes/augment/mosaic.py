"""Four images in one."""

import tensorflow as tf

from .boxes import keep_visible, shift_boxes
from .chance import uniform
from .pixels import FILL

_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # below, right


def random_mosaic(examples, seed, *, height, width):
    """Places four images around a random point.

    The canvas has twice the input's sides. The point lies in its middle half,
    and each image touches it with one corner. What reaches over the canvas'
    edge is cut off. `random_affine(..., fit=False)` then takes the input out
    of the canvas' middle.

    Args:
        examples: Four tuples `(image, boxes, classes)`: uint8
            `[h, w, channels]`, best as large as fits into the input; float32
            `[n, 4]`; integers `[n]`. They become top left, top right, bottom
            left and bottom right.
        seed: Integers `[2]`.
        height: Height of the input in pixels.
        width: Width of the input in pixels.

    Returns:
        A tuple `(image, boxes, classes)`, the image uint8
        `[2 * height, 2 * width, channels]`. Boxes are clipped to what can be
        seen of their image; dropped if less than 2 pixels wide or high or a
        tenth of their area is left.

    Reference:
        Bochkovskiy et al. 2020, "YOLOv4: Optimal Speed and Accuracy of Object
        Detection".
    """
    share = uniform(seed, [2]) + 0.5
    middle = tf.cast(share * tf.constant([height, width], tf.float32), tf.int32)
    frame = tf.constant([2 * height, 2 * width])
    tiles, moved, limits, counts = [], [], [], []
    for (image, boxes, _), (below, right) in zip(examples, _CORNERS, strict=True):
        size = tf.shape(image)[:2]
        start = middle - size * [1 - below, 1 - right]
        seen = tf.maximum(start, 0), tf.minimum(start + size, frame)
        low = middle * [below, right]
        high = tf.where([below == 1, right == 1], frame, middle)
        tiles.append(_tile(image, start, seen, low, high))
        offset = tf.cast(tf.reverse(start, [0]), tf.float32)
        moved.append(shift_boxes(boxes, offset))
        limits.append(_as_corners(*seen))
        counts.append(tf.shape(boxes)[0])
    canvas = tf.concat(
        [tf.concat(tiles[:2], axis=1), tf.concat(tiles[2:], axis=1)], axis=0
    )
    canvas.set_shape([2 * height, 2 * width, examples[0][0].shape[-1]])
    boxes, classes = keep_visible(
        tf.concat(moved, axis=0),
        tf.concat([classes for _, _, classes in examples], axis=0),
        tf.repeat(tf.stack(limits), tf.stack(counts), axis=0),
    )
    return canvas, boxes, classes


def _tile(image, start, seen, low, high):
    """Returns the part of the canvas from `low` to `high` with its image."""
    image = tf.convert_to_tensor(image)
    (y1, x1), (y2, x2) = (tf.unstack(point - start) for point in seen)
    padding = tf.stack([seen[0] - low, high - seen[1]], axis=1)
    padding = tf.concat([padding, [[0, 0]]], axis=0)
    return tf.pad(image[y1:y2, x1:x2], padding, constant_values=FILL)


def _as_corners(first, last):
    """Returns `x1, y1, x2, y2` of two points `y, x`."""
    corners = tf.concat([tf.reverse(first, [0]), tf.reverse(last, [0])], axis=0)
    return tf.cast(corners, tf.float32)
