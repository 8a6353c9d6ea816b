"""Random numbers that are a pure function of a seed, on every device."""

import tensorflow as tf

_ALGORITHM = "philox"  # "auto_select" depends on the device


def split_seed(seed, count):
    """Returns `count` seeds, int32 `[count, 2]`, made of one, `[2]`."""
    return tf.random.experimental.stateless_split(seed, count, alg=_ALGORITHM)


def uniform(seed, shape):
    """Returns float32 in `[0, 1)`."""
    return tf.random.stateless_uniform(shape, seed, alg=_ALGORITHM)


def symmetric(seed, shape):
    """Returns float32 in `[-1, 1)`."""
    return uniform(seed, shape) * 2.0 - 1.0
