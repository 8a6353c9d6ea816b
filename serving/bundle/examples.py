"""Real rows that an export is measured, warmed up and shown with."""

import base64
import json

import numpy as np

from ...errors import UserError

EXAMPLE_FILE = "example.json"
_LARGEST_REQUEST = 1_000_000  # bytes of input; above, the request has one row


def check_examples(examples, signatures):
    """Checks that examples fit the signatures they are for.

    Args:
        examples: Dict from signature name to a dict from input name to a numpy
            array `[rows, ...]`.
        signatures: Dict of the model's `Signature` by name.

    Raises:
        UserError: if a signature, an input or its dtype is not the model's, or
            the inputs of a signature have no rows or unequal numbers of them.
            Shapes are checked where the rows are run.
    """
    for name, inputs in examples.items():
        if name not in signatures:
            raise _invalid(f"signatures among {', '.join(signatures)}", name)
        expected = signatures[name].inputs
        if inputs.keys() != expected.keys():
            raise _invalid(
                f"the inputs {', '.join(expected)} for `{name}`",
                ", ".join(map(str, inputs)) or "none",
            )
        rows = {key: np.shape(value)[:1] for key, value in inputs.items()}
        if len(set(rows.values())) != 1 or not all(map(_some, rows.values())):
            raise _invalid(
                f"at least one row, equally many in each input of `{name}`",
                ", ".join(f"{key}: {shape or 'none'}" for key, shape in rows.items()),
            )
        for key, value in inputs.items():
            dtype = _dtype(np.asarray(value))
            if dtype != expected[key].dtype:
                raise _invalid(
                    f"dtype {expected[key].dtype} for `{key}` of `{name}`", dtype
                )


def batch(inputs, rows):
    """A batch of example rows, repeated from the start where there are fewer.

    Args:
        inputs: Dict from input name to a numpy array `[n, ...]`.
        rows: How many rows.

    Returns:
        A dict from input name to a numpy array `[rows, ...]`.
    """
    return {name: value[np.arange(rows) % len(value)] for name, value in inputs.items()}


def size(inputs):
    """How many bytes the values of a batch take."""
    return sum(_size(value) for value in inputs.values())


def rest_request(inputs):
    """A REST request in row format.

    Args:
        inputs: Dict from input name to a numpy array `[rows, ...]`.

    Returns:
        JSON text with two rows; with one where there is only one or they are
        large.
    """
    rows = 2 if size(batch(inputs, 2)) <= _LARGEST_REQUEST else 1
    rows = min(rows, *map(len, inputs.values()))
    instances = [
        {name: _json_value(name, value[row]) for name, value in inputs.items()}
        for row in range(rows)
    ]
    lines = [json.dumps(instance, ensure_ascii=False) for instance in instances]
    return '{"instances": [\n' + ",\n".join(lines) + "\n]}\n"


def _some(shape):
    return shape and shape[0] > 0


def _dtype(value):
    """The dtype as a signature names it."""
    if value.dtype != object:
        return "string" if value.dtype.kind in "SU" else value.dtype.name
    wrong = (item for item in value.flat if not isinstance(item, (bytes, str)))
    return next((f"object with {type(item).__name__}" for item in wrong), "string")


def _size(value):
    if value.dtype != object:
        return value.nbytes
    return sum(len(_bytes(item)) for item in value.flat)


def _bytes(item):
    return item.encode() if isinstance(item, str) else item


def _json_value(name, value):
    if isinstance(value, np.ndarray):
        return [_json_value(name, item) for item in value]
    if not isinstance(value, (bytes, str)):
        return value.item()
    if not name.endswith("_bytes"):
        try:
            return _bytes(value).decode()
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(_bytes(value)).decode()}


def _invalid(expected, received):
    return UserError(
        f"Invalid value for `examples`: expected {expected}, received {received}"
    )
