"""Images at the model's input size, as 8-bit pixels."""

import tensorflow as tf

from .decode import resize_image


def resized_pixels(image, height, width, policy, fill=0):
    """Resizes to uint8, in training and serving alike.

    Rounding to 8 bits is part of the model's input, so that a training set kept
    in memory as 8-bit pixels is exactly what the exported model sees.

    Args:
        image: uint8 `[..., height, width, channels]` of any size.
        height: Height of the result.
        width: Width of the result.
        policy: `"squash"`, `"crop"` or `"letterbox"`, as in `resize_image`.
        fill: What `"letterbox"` fills the rest with.

    Returns:
        uint8 `[..., height, width, channels]`.
    """
    resized = resize_image(image, height, width, policy, fill)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0.0, 255.0), tf.uint8)
