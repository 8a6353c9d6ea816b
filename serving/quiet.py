"""TensorFlow without its chatter."""

import contextlib
import logging
import os
import re
import signal
import sys
import threading

DEBUG = "AMALTHEA_DEBUG"  # environment variable that leaves TensorFlow's messages on

# What TensorFlow writes around the reason.
_NOISE = re.compile(r"\{\{.*?\}\}|\[Op:\w+\]|name:\s*$|^\s*\(\d+\) [A-Z_]+:")
_HEADINGS = ("Graph execution error:", "root error(s) found.")


def import_tensorflow():
    """Imports TensorFlow without its start-up chatter.

    Returns:
        The `tensorflow` module.
    """
    debug, already = DEBUG in os.environ, "tensorflow" in sys.modules
    if not debug and not already:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    silence = contextlib.nullcontext if debug or already else _silent_stderr
    with _interrupts_kept(), silence():
        import tensorflow as tf
    if not debug:
        tf.get_logger().setLevel("ERROR")
    if not already:
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    return tf


@contextlib.contextmanager
def quiet_tensorflow():
    """Keeps TensorFlow's notes and warnings off the screen while a block runs.

    Errors are still shown.

    Yields:
        Nothing.
    """
    loggers = [logging.getLogger("tensorflow"), logging.getLogger("absl")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def error_line(error):
    """What went wrong, in one line, without the names of nodes.

    Args:
        error: An exception, of TensorFlow's or another kind.

    Returns:
        A `str`.
    """
    for line in str(error).splitlines():
        line = _NOISE.sub("", line).strip()
        if line and not line.endswith(_HEADINGS):
            return line
    return type(error).__name__


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
