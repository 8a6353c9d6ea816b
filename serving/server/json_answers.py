"""The answer to a REST request: from numpy arrays to JSON.

The layout is that of TensorFlow Serving, to the byte: its writer is RapidJSON's
pretty one, with lists on one line in row format.
"""

import binascii

import numpy as np

from .json_document import invalid
from .json_text import decimal_texts, quoted

_INDENT = " " * 4
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint32", "uint64")
# TensorFlow's names where they are not numpy's.
_NAMES = {"float16": "half"}


def predict_json(outputs, row_format):
    """Writes the answer to a predict request.

    Args:
        outputs: A dict of arrays by output name; strings are `bytes` in arrays of
            dtype `object`.
        row_format: Whether the request was in row format.

    Returns:
        `bytes`.

    Raises:
        StatusError: `INVALID_ARGUMENT` if an output has a type that JSON has not,
            or no rows where rows are asked for.
    """
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")
    text = _row_format(outputs) if row_format else _columnar_format(outputs)
    return text.encode("utf-8", "surrogateescape")


def _row_format(outputs):
    sizes = {}
    for name, array in outputs.items():
        if not array.ndim:
            raise invalid(f"Tensor name: {name} has no shape information ")
        expected = next(iter(sizes.values()), len(array))
        if len(array) != expected:
            raise invalid(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {expected}"
            )
        sizes[name] = len(array)
    if not expected:
        return f'{{\n{_INDENT}"predictions": []\n}}'
    if len(outputs) == 1:
        [(name, array)] = outputs.items()
        rows = ", ".join(_lines(array, name, 2))
    else:
        columns = {name: _lines(array, name, 3) for name, array in outputs.items()}
        objects = (
            _object(dict(zip(columns, row, strict=True)), 2)
            for row in zip(*columns.values(), strict=True)
        )
        margin = "\n" + _INDENT * 2
        rows = margin + f",{margin}".join(objects)
    return f'{{\n{_INDENT}"predictions": [{rows}\n{_INDENT}]\n}}'


def _columnar_format(outputs):
    if len(outputs) == 1:
        [(name, array)] = outputs.items()
        text = _nested(array, name, 1)
    else:
        members = {name: _nested(array, name, 2) for name, array in outputs.items()}
        text = _object(members, 1)
    return f'{{\n{_INDENT}"outputs": {text}\n}}'


def _object(members, depth):
    """Writes an object whose members are written already."""
    margin = "\n" + _INDENT * (depth + 1)
    texts = (f"{margin}{quoted(name)}: {text}" for name, text in members.items())
    return f"{{{','.join(texts)}\n{_INDENT * depth}}}"


def _lines(array, name, depth):
    """Writes each row of an array on one line."""
    texts = _item_texts(array, name, depth + array.ndim - 1)
    for axis in range(array.ndim - 1, 0, -1):
        groups = _groups(texts, array.shape, axis)
        texts = [f"[{', '.join(group)}]" for group in groups]
    return texts


def _nested(array, name, depth):
    """Writes an array with each item on a line of its own."""
    texts = _item_texts(array, name, depth + array.ndim)
    for axis in range(array.ndim - 1, -1, -1):
        margin = "\n" + _INDENT * (depth + axis + 1)
        end = "\n" + _INDENT * (depth + axis)
        groups = _groups(texts, array.shape, axis)
        texts = [
            f"[{margin}{f',{margin}'.join(group)}{end}]" if group else "[]"
            for group in groups
        ]
    return texts[0]


def _groups(texts, shape, axis):
    """Splits the texts of an array's items into the lists along one axis."""
    size, count = shape[axis], int(np.prod(shape[:axis]))
    return (texts[i * size : (i + 1) * size] for i in range(count))


def _item_texts(array, name, depth):
    """Writes each number or string of an array."""
    kind = array.dtype.name
    if not array.size:  # of a type that JSON has not, nothing can be written
        return []
    if kind in ("float32", "float64"):
        return decimal_texts(array)
    if kind in _INTEGERS:
        return list(map(str, array.ravel().tolist()))
    if kind == "bool":
        return ["true" if item else "false" for item in array.ravel().tolist()]
    if array.dtype.kind not in "OSU":
        raise invalid(
            "Failed to write JSON value for tensor type: " + _NAMES.get(kind, kind)
        )
    items = array.ravel().tolist()
    if name.endswith("_bytes"):
        return [_object({"b64": _base64_text(item)}, depth) for item in items]
    return [quoted(_text(item)) for item in items]


def _text(item):
    return item.decode("utf-8", "surrogateescape") if isinstance(item, bytes) else item


def _base64_text(item):
    data = item if isinstance(item, bytes) else item.encode()
    return f'"{binascii.b2a_base64(data, newline=False).decode("ascii")}"'
