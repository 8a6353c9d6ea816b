"""Starts TensorFlow as a run needs it: quiet, seeded, on Keras' TensorFlow backend."""

import contextlib
import os
import signal
import sys
import threading

from ..errors import UserError

DEBUG = "AMALTHEA_DEBUG"  # environment variable that leaves TensorFlow's messages on


def import_tensorflow():
    """Imports TensorFlow without its start-up chatter.

    Returns:
        The `tensorflow` module.
    """
    debug, already = DEBUG in os.environ, "tensorflow" in sys.modules
    if not debug and not already:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _interrupts_kept(), contextlib.nullcontext() if debug else _silent_stderr():
        import tensorflow as tf
    if not debug:
        tf.get_logger().setLevel("ERROR")
    if not already:
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    return tf


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


@contextlib.contextmanager
def _interrupts_kept():
    # TensorFlow's import swallows a Ctrl-C that falls into it.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    noted = []
    handler = signal.signal(signal.SIGINT, lambda *_: noted.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if noted:
        raise KeyboardInterrupt


@contextlib.contextmanager
def _silent_stderr():
    # TensorFlow's C++ side writes to the descriptor, before any Python switch
    # for it exists.
    sys.stderr.flush()
    kept = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
