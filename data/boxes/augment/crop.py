"""A part of an image, chosen by its overlap with the boxes."""

import tensorflow as tf

from .boxes import keep_visible, shift_boxes
from .chance import uniform

_TRIALS = 50
_SMALLEST = 0.3  # of the image's sides
_LONGEST = 2.0  # the crop's long side to its short one


def random_iou_crop(
    image, boxes, classes, seed, *, min_ious=(None, 0.1, 0.3, 0.5, 0.7, 0.9)
):
    """Cuts out a part that overlaps a box by at least a drawn IoU.

    One of `min_ious` is drawn. Then, of 50 random parts, with sides of .3 to 1 of
    the image's and an aspect ratio of at most 2, the first is taken that has
    the centre of a box in it whose IoU with the part is not less. If there
    is none, the image stays whole. In an image without boxes the first part
    is taken.

    Args:
        image: `[height, width, channels]` of any dtype.
        boxes: float32 `[n, 4]`.
        classes: Integers `[n]`; rows of class -1 are dropped.
        seed: Integers `[2]`.
        min_ious: The IoUs to choose from; `None` keeps the whole image.

    Returns:
        A tuple `(image, boxes, classes)`. Boxes with their centre outside are
        dropped, the others are clipped; dropped too if less than 2 pixels wide
        or high or a tenth of their area is left.

    Reference:
        Liu et al. 2016, "SSD: Single Shot MultiBox Detector", section 2.2.
    """
    image = tf.convert_to_tensor(image)
    real = classes >= 0
    size = tf.shape(image)[:2]
    numbers = uniform(seed, [_TRIALS + 1, 4])
    choice = tf.cast(numbers[0, 0] * len(min_ious), tf.int32)
    # No IoU is above 1: the whole image is left.
    limits = tf.constant([2.0 if iou is None else iou for iou in min_ious])
    trials = _draw_crops(numbers[1:], size)
    inside, ious = _compare(trials, boxes[:, :4])
    found = tf.reduce_any(inside & real & (ious >= limits[choice]), axis=1)
    found |= ~tf.reduce_any(real) & (limits[choice] <= 1.0)
    sides = trials[:, 2:] - trials[:, :2]
    longest = tf.reduce_max(sides, axis=1) / tf.reduce_min(sides, axis=1)
    found &= longest <= _LONGEST

    whole = tf.cast(tf.stack([0, 0, size[1], size[0]]), tf.float32)
    crops = tf.concat([trials, whole[None]], axis=0)
    first = tf.argmax(tf.concat([found, [True]], axis=0))
    crop = crops[first]
    x1, y1, x2, y2 = tf.unstack(tf.cast(crop, tf.int32))
    inside = tf.concat([inside, tf.ones_like(inside[:1])], axis=0)[first]
    boxes, classes = keep_visible(
        shift_boxes(boxes, -crop[:2]),
        tf.where(inside, classes, -1),
        tf.concat([tf.zeros([2]), crop[2:] - crop[:2]], axis=0),
    )
    return image[y1:y2, x1:x2], boxes, classes


def _draw_crops(numbers, size):
    """Turns uniform numbers `[n, 4]` into crops with whole coordinates."""
    sides = tf.cast(tf.reverse(size, [0]), tf.float32)
    extent = tf.round((_SMALLEST + (1.0 - _SMALLEST) * numbers[:, :2]) * sides)
    extent = tf.maximum(extent, 1.0)
    start = tf.floor(numbers[:, 2:] * (sides - extent + 1.0))
    return tf.concat([start, start + extent], axis=1)


def _compare(crops, boxes):
    """Returns `[crops, boxes]`: whether the centre is inside, and the IoU."""
    # Without Keras: its operations need not be those of TensorFlow.
    crops, boxes = crops[:, None], boxes[None]
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2.0
    inside = tf.reduce_all(
        (centres >= crops[..., :2]) & (centres < crops[..., 2:]), axis=-1
    )
    first = tf.maximum(crops[..., :2], boxes[..., :2])
    last = tf.minimum(crops[..., 2:], boxes[..., 2:])
    common = tf.reduce_prod(tf.maximum(last - first, 0.0), axis=-1)
    union = _areas(crops) + _areas(boxes) - common
    return inside, common / union


def _areas(boxes):
    return tf.reduce_prod(boxes[..., 2:] - boxes[..., :2], axis=-1)
