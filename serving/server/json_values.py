"""Single values of a REST request: which type takes what, and the arrays of them.

The rules and the texts are those of TensorFlow Serving.
"""

import binascii
import re
import sys

import numpy as np

from .errors import StatusError
from .json_document import (
    NUMBER_TOO_BIG,
    invalid,
    is_base64,
)
from .json_text import describe

# TensorFlow's names by number in `types.proto`.
_NAMES = {
    0: "INVALID",
    1: "float",
    2: "double",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    8: "complex64",
    9: "int64",
    10: "bool",
    11: "qint8",
    12: "quint8",
    13: "qint32",
    14: "bfloat16",
    15: "qint16",
    16: "quint16",
    17: "uint16",
    18: "complex128",
    19: "half",
    20: "resource",
    21: "variant",
    22: "uint32",
    23: "uint64",
}
FLOAT, DOUBLE, STRING, BOOL, UINT64 = 1, 2, 7, 10, 23
_FLOATS = {FLOAT: np.float32, DOUBLE: np.float64}
_INT32 = (-(1 << 31), (1 << 31) - 1)
_INT64 = (-(1 << 63), (1 << 63) - 1)
# The small ones take any int32 and keep its low bits, as in TensorFlow Serving.
_INTEGERS = {
    3: (np.int32, _INT32),
    4: (np.uint8, _INT32),
    5: (np.int16, _INT32),
    6: (np.int8, _INT32),
    9: (np.int64, _INT64),
    22: (np.uint32, (0, (1 << 32) - 1)),
    UINT64: (np.uint64, (0, (1 << 64) - 1)),
}
# No value of these can be given, but none can.
_ONLY_EMPTY = {8: np.complex64, 17: np.uint16, 18: np.complex128, 19: np.float16}
# A whole number must not be larger, a decimal one may.
_LARGEST_WHOLE = {FLOAT: (1 << 24) - 1, DOUBLE: (1 << 53) - 1}
_LARGEST = {FLOAT: float(np.finfo(np.float32).max), DOUBLE: sys.float_info.max}

_WHITESPACE = dict.fromkeys(map(ord, " \t\n\v\f\r"))
_BASE64 = re.compile(r"([A-Za-z0-9+/]*)([=.]*)")


def all_valid(values, dtype):
    """Looks at many values at once.

    Args:
        values: A list of what the JSON parser gave.
        dtype: The number of a type in `types.proto`.

    Returns:
        Whether the type takes all of them. `False` may be wrong, where values are
        rare ones: `check` tells.
    """
    types = set(map(type, values))
    if dtype == STRING:
        return types <= {str, dict} and (
            dict not in types or all(type(v) is str or is_base64(v) for v in values)
        )
    if dtype == BOOL:
        return types <= {bool}
    if dtype in _INTEGERS:
        low, high = _INTEGERS[dtype][1]
        return types <= {int} and (
            not values or (low <= min(values) and max(values) <= high)
        )
    if dtype not in _FLOATS or not types <= {int, float}:
        return False
    if int in types:
        whole = [value for value in values if type(value) is int]
        if max(max(whole), -min(whole)) > _LARGEST_WHOLE[dtype]:
            return False
    numbers = np.fromiter(values, np.float64, len(values))
    return bool(np.fmax.reduce(np.abs(numbers), initial=0.0) <= _LARGEST[dtype])


def check(value, dtype):
    """Looks at one value.

    Args:
        value: What the JSON parser gave; no list.
        dtype: The number of a type in `types.proto`.

    Raises:
        StatusError: if the type does not take the value.
    """
    if isinstance(value, dict):
        if dtype != STRING:
            raise _type_error(value, dtype)
        if not is_base64(value):
            raise invalid(
                f"JSON Value: {describe(value)} not formatted correctly for base64 data"
            )
        decode_base64(value["b64"])
        return
    check_size(value)
    if dtype == STRING:
        fits = type(value) is str
    elif dtype == BOOL:
        fits = type(value) is bool
    elif dtype in _INTEGERS:
        low, high = _INTEGERS[dtype][1]
        fits = type(value) is int and low <= value <= high
    elif dtype in _FLOATS:
        fits = is_number(value)
        if fits:
            check_lossless(value, dtype)
    else:
        raise _unsupported(value, dtype)
    if not fits:
        raise _type_error(value, dtype)


def is_number(value):
    """Tells whether a parsed value is a JSON number; `true` is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_whole(value):
    """Tells whether a number counts as an integer, as one of up to 64 bits does."""
    return type(value) is int and _INT64[0] <= value < 1 << 64


def check_size(value):
    """Refuses a number that is too big for the parser of TensorFlow Serving.

    Args:
        value: What the JSON parser gave.

    Raises:
        StatusError: `INVALID_ARGUMENT` if it is such a number.
    """
    if type(value) in (int, float) and abs(value) > sys.float_info.max:
        raise invalid(NUMBER_TOO_BIG)


def check_lossless(value, dtype):
    """Refuses a number that a floating-point type cannot hold.

    Args:
        value: A number, not larger than `check_size` allows.
        dtype: `FLOAT` or `DOUBLE`.

    Raises:
        StatusError: `INVALID_ARGUMENT` if it cannot.
    """
    if is_whole(value):
        lossless = abs(value) <= _LARGEST_WHOLE[dtype]
    else:
        number = float(value)
        lossless = not np.isfinite(number) or abs(number) <= _LARGEST[dtype]
    if not lossless:
        raise invalid(
            f"Cannot convert JSON value: {_describe_number(value)} to "
            f"{_NAMES[dtype]} without loss of precision."
        )


def make_array(values, shape, dtype):
    """Makes an array of values that the type takes.

    Args:
        values: A list of values, in row-major order.
        shape: The array's shape.
        dtype: The number of a type in `types.proto`.

    Returns:
        The array; of `bytes` and dtype `object` if they are strings.

    Raises:
        StatusError: `INVALID_ARGUMENT` if a string's base64 is wrong;
            `UNIMPLEMENTED` if JSON cannot give values of the type.
    """
    if dtype == STRING:
        array = np.empty(len(values), object)
        array[:] = [_bytes(value) for value in values]
    elif dtype == BOOL:
        array = np.array(values, np.bool_)
    elif dtype in _INTEGERS:
        wide = np.uint64 if dtype == UINT64 else np.int64
        array = np.array(values, wide).astype(_INTEGERS[dtype][0])
    elif dtype in _FLOATS:
        array = np.fromiter(values, np.float64, len(values)).astype(_FLOATS[dtype])
    elif dtype in _ONLY_EMPTY and not values:
        array = np.array(values, _ONLY_EMPTY[dtype])
    else:
        raise _unsupported(values, dtype)
    return array.reshape(shape)


def decode_base64(text):
    """Decodes base64 as leniently as TensorFlow Serving does.

    Args:
        text: A `str`. White space is skipped, padding may be missing or be dots.

    Returns:
        `bytes`.

    Raises:
        StatusError: `INVALID_ARGUMENT` if it is not base64.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        pass
    match = _BASE64.fullmatch(text.translate(_WHITESPACE))
    if match:
        digits, padding = match.groups()
        missing = -len(digits) % 4
        if missing < 3 and len(padding) in (0, missing):
            return binascii.a2b_base64(digits + "=" * missing)
    raise invalid("Unable to base64 decode")


def _bytes(value):
    if type(value) is dict:
        return decode_base64(value["b64"])
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a low surrogate without a high one, not refused there
        return value.encode("utf-8", "surrogatepass")


def _describe_number(value):
    return describe(value if is_whole(value) else float(value))


def _type_error(value, dtype):
    text = _describe_number(value) if is_number(value) else describe(value)
    return invalid(
        f"JSON Value: {text} Type: {type_name(value)} is not of expected type: "
        f"{_NAMES.get(dtype, dtype)}"
    )


def type_name(value):
    """Names the JSON type of a parsed value, e.g. `"Object"`."""
    if isinstance(value, bool):
        return str(value)
    names = {type(None): "Null", str: "String", dict: "Object", list: "Array"}
    return names.get(type(value), "Number")


def _unsupported(value, dtype):
    return StatusError(
        "UNIMPLEMENTED",
        f"Conversion of JSON Value: {describe(value)} to type: "
        f"{_NAMES.get(dtype, dtype)}",
    )
