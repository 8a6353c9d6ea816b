"""Changes of hue, saturation and brightness."""

import math

import numpy as np
import tensorflow as tf

from .chance import symmetric
from .pixels import to_pixels

_TO_YIQ = np.array(
    [
        [0.299, 0.587, 0.114],
        [0.595716, -0.274453, -0.321263],
        [0.211456, -0.522591, 0.311135],
    ]
)


def random_hsv(image, boxes, classes, seed, *, hue=0.015, saturation=0.7, value=0.4):
    """Changes hue, saturation and brightness of an image at random.

    It is one linear map of the pixels, made in YIQ: the hue turns the plane of
    colour, the saturation scales it, the brightness scales all three. HSV
    proper takes five times as long, and for such small changes the difference
    is that saturation leaves the luma and not the largest channel as it is.

    Args:
        image: `[height, width, channels]`, uint8 or float32 of 0 to 255. With
            one channel only the brightness changes; a fourth channel stays.
        boxes: float32 `[n, 4]`, given back as they are.
        classes: Integers `[n]`, given back as they are.
        seed: Integers `[2]`.
        hue: Largest turn to either side, as a share of the circle.
        saturation: The saturation changes by a factor within `1 - saturation`
            and `1 + saturation`.
        value: The same for the brightness.

    Returns:
        A tuple `(image, boxes, classes)`, the image as uint8.
    """
    if not (hue or saturation or value):
        return to_pixels(image), boxes, classes
    drawn = symmetric(seed, [3])
    angle = 2.0 * math.pi * hue * drawn[0]
    factor = 1.0 + saturation * drawn[1]
    brightness = 1.0 + value * drawn[2]
    channels = image.shape[-1]
    matrix = _color_matrix(channels, angle, factor, brightness)
    shape = tf.shape(image)
    pixels = tf.reshape(tf.cast(image, tf.float32), [-1, channels])
    pixels = to_pixels(tf.matmul(pixels, matrix, transpose_b=True))
    pixels = tf.reshape(pixels, shape)
    pixels.set_shape(image.shape)
    return pixels, boxes, classes


def _color_matrix(channels, angle, factor, brightness):
    """Returns `[channels, channels]`, what maps a pixel to its new colour."""
    if channels == 1:
        return tf.reshape(brightness, [1, 1])
    cos, sin = factor * tf.cos(angle), factor * tf.sin(angle)
    turn = tf.stack([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])
    to_yiq = tf.constant(_TO_YIQ, tf.float32)
    from_yiq = tf.constant(np.linalg.inv(_TO_YIQ), tf.float32)
    matrix = brightness * tf.matmul(from_yiq, tf.matmul(turn, to_yiq))
    if channels == 4:
        matrix = tf.pad(matrix, [[0, 1], [0, 1]]) + tf.linalg.diag([0.0, 0.0, 0.0, 1.0])
    return matrix
