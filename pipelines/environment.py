"""Starts TensorFlow as a run needs it: quiet, seeded, on Keras' TensorFlow backend."""

import contextlib

from ..errors import UserError
from ..serving.quiet import import_tensorflow


def start_tensorflow():
    """Imports TensorFlow quietly and checks Keras' backend.

    Returns:
        The `tensorflow` module.

    Raises:
        UserError: if Keras is configured for another backend.
    """
    tf = import_tensorflow()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UserError(
            "the pipelines need Keras' TensorFlow backend, and "
            f"{keras.backend.backend()!r} is configured",
            mend="Set KERAS_BACKEND=tensorflow (the layers run on any backend)",
        )
    return tf


def prepare_training(config):
    """Applies a config's seed, determinism and precision to this process.

    Args:
        config: A `TrainingConfig`.
    """
    import keras
    import tensorflow as tf

    # What an earlier training in this process left must go too.
    keras.backend.clear_session()
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(config.precision)


@contextlib.contextmanager
def restored_policy():
    """Gives the caller's global dtype policy back after a block."""
    import keras

    policy = keras.config.dtype_policy()
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
