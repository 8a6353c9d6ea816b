"""Pixels between 8 bits and floating point."""

import tensorflow as tf

FILL = 114  # grey, what is not image


def to_pixels(image):
    """Returns uint8: float values are rounded and clipped."""
    image = tf.convert_to_tensor(image)
    if image.dtype == tf.uint8:
        return image
    return tf.cast(tf.clip_by_value(image + 0.5, 0.0, 255.0), tf.uint8)
