"""Numbers and values as TensorFlow Serving writes them into JSON."""

import json
from json.encoder import encode_basestring as quoted

import numpy as np

# Where TensorFlow Serving repeats a whole request in an error, a part will do.
_LONGEST_ECHO = 1000
_FLOAT_MAX = float(np.finfo(np.float32).max)
_INDENT = 4

__all__ = ["decimal_texts", "describe", "error_json", "quoted"]


def decimal_texts(array):
    """Writes floats with six digits where these lose nothing, else with all.

    Args:
        array: An array of dtype float32 or float64, of any shape.

    Returns:
        A list of `str`, in row-major order, e.g. `"0.5"`, `"3.0"`, `"9e+06"`,
        `"NaN"`, `"-Infinity"`.
    """
    values = array.ravel()
    texts = _formatted(values, 6)
    read_back = np.fromiter(map(float, texts), np.float64, len(texts))
    lossy = np.flatnonzero(read_back.astype(values.dtype) != values)
    exact = _formatted(values[lossy], 9 if values.dtype == np.float32 else 17)
    for index, text in zip(lossy, exact, strict=True):
        texts[index] = text
    texts = [text if "." in text or "e" in text else text + ".0" for text in texts]
    for index in np.flatnonzero(~np.isfinite(values)):
        if np.isnan(values[index]):
            texts[index] = "NaN"
        else:
            texts[index] = "Infinity" if values[index] > 0 else "-Infinity"
    return texts


def _formatted(values, digits):
    numbers = values.tolist()
    # One format for all is faster than one for each.
    return (f"%.{digits}g " * len(numbers) % tuple(numbers)).split()


def describe(value):
    """Writes a parsed JSON value for an error message, shortened if it is long.

    Args:
        value: What the JSON parser gave.

    Returns:
        A `str`.
    """
    if isinstance(value, float):
        kind = np.float64 if abs(value) > _FLOAT_MAX else np.float32
        return decimal_texts(np.asarray(value, kind))[0]
    if isinstance(value, str):
        text = quoted(value[:_LONGEST_ECHO])
        return text if len(value) <= _LONGEST_ECHO else f"{text[:-1]}..."
    encoder = json.JSONEncoder(indent=_INDENT, ensure_ascii=False)
    text = ""
    try:
        for chunk in encoder.iterencode(value):
            text += chunk
            if len(text) > _LONGEST_ECHO:
                break
        else:
            return text
    except RecursionError:
        pass
    return f"{text[:_LONGEST_ECHO]}..."


def error_json(message):
    """Writes an error as the body of an answer.

    Args:
        message: The text.

    Returns:
        `bytes`.
    """
    body = f'{{\n{" " * _INDENT}"error": {quoted(message)}\n}}'
    return body.encode("utf-8", "replace")
