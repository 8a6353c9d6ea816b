"""Exchange of left and right, top and bottom."""

import tensorflow as tf

from .boxes import with_points
from .chance import uniform


def random_flip(image, boxes, classes, seed, *, horizontal=0.5, vertical=0.0):
    """Mirrors an example at random.

    Points are mirrored as they are: what was called a left one lies right then.

    Args:
        image: `[height, width, channels]` of any dtype.
        boxes: float32 `[n, 4]`.
        classes: Integers `[n]`; the boxes of class -1 are left alone.
        seed: Integers `[2]`.
        horizontal: Probability of left and right being exchanged.
        vertical: Probability of top and bottom being exchanged.

    Returns:
        A tuple `(image, boxes, classes)`.
    """
    chance = uniform(seed, [2])
    image, boxes = tf.cond(
        chance[0] < horizontal,
        lambda: _mirror(image, boxes, classes, axis=1),
        lambda: (image, boxes),
    )
    image, boxes = tf.cond(
        chance[1] < vertical,
        lambda: _mirror(image, boxes, classes, axis=0),
        lambda: (image, boxes),
    )
    return image, boxes, classes


def _mirror(image, boxes, classes, axis):
    length = tf.cast(tf.shape(image)[axis], tf.float32)
    x1, y1, x2, y2 = tf.unstack(boxes[:, :4], axis=1)
    if axis == 1:
        x1, x2 = length - x2, length - x1
        sign, shift = [-1.0, 1.0], [length, 0.0]
    else:
        y1, y2 = length - y2, length - y1
        sign, shift = [1.0, -1.0], [0.0, length]
    mirrored = with_points(
        tf.stack([x1, y1, x2, y2], axis=1),
        boxes,
        lambda places: places * sign + tf.stack(shift),
    )
    boxes = tf.where(classes[:, None] >= 0, mirrored, boxes)
    return tf.reverse(image, [axis]), boxes
