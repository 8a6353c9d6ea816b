"""TensorFlow without its chatter."""

import contextlib
import logging
import re

# What TensorFlow writes around the reason.
_NOISE = re.compile(r"\{\{.*?\}\}|\[Op:\w+\]|name:\s*$|^\s*\(\d+\) [A-Z_]+:")
_HEADINGS = ("Graph execution error:", "root error(s) found.")


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
