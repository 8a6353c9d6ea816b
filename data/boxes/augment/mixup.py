"""Two images blended, with the boxes of both."""

import tensorflow as tf

from .chance import split_seed
from .pixels import to_pixels


def random_mixup(example, other, seed, *, alpha=32.0):
    """Blends two examples of the same size.

    The share of the first is drawn from a beta distribution, with the default
    close to one half. All boxes of both count fully.

    Args:
        example: Tuple `(image, boxes, classes)`: `[height, width, channels]`,
            uint8 or float32; float32 `[n, 4]`; integers `[n]`.
        other: A second one, of the same dtypes.
        seed: Integers `[2]`.
        alpha: Both parameters of the beta distribution.

    Returns:
        A tuple `(image, boxes, classes)`; the image's dtype is kept, uint8 is
        rounded.

    Reference:
        Zhang et al. 2019, "Bag of Freebies for Training Object Detection
        Neural Networks", section 3.1.
    """
    seeds = split_seed(seed, 2)
    parts = [tf.random.stateless_gamma([], seed, alpha) for seed in tf.unstack(seeds)]
    share = parts[0] / (parts[0] + parts[1])
    first, second = tf.convert_to_tensor(example[0]), tf.cast(other[0], tf.float32)
    image = second + share * (tf.cast(first, tf.float32) - second)
    return (
        to_pixels(image) if first.dtype == tf.uint8 else image,
        tf.concat([example[1], other[1]], axis=0),
        tf.concat([example[2], other[2]], axis=0),
    )
