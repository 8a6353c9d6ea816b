"""The JSON of predict requests and their answers.

Requests are columnar (`inputs`, not `instances`): it is the form that takes
scalars and outputs of unequal length.
"""

import base64
import json

import numpy as np

from .answers import AnswerMismatch
from .errors import server_error
from .tensors import numpy_dtype, with_empty_axes

_KINDS = "biufO"  # of arrays that JSON can hold
_LEAVES = {"b": bool, "i": int, "u": int, "f": (int, float), "O": (str, dict)}


class ColumnarRequest:
    """A request to a signature, to be sent whole or in parts.

    Args:
        path: The path of the model's `:predict`.
        signature: The `Signature`.
        arrays: Dict from input name to array.

    Attributes:
        path: As given.
    """

    def __init__(self, path, signature, arrays):
        self.path = path
        self._opening = _dump({"signature_name": signature.name})[:-1]
        self._values = {name: _json_value(array) for name, array in arrays.items()}
        self._rows = None

    def row_sizes(self):
        """The bytes of each row; every input must have an outer axis."""
        self._rows = {
            name: [_dump(row) for row in value] for name, value in self._values.items()
        }
        return [
            sum(map(len, row)) + len(row)
            for row in zip(*self._rows.values(), strict=True)
        ]

    def encode(self, start=None, stop=None):
        """The body for the rows from `start` until before `stop`."""
        if self._rows is None:
            inputs = {
                name: _dump(value if start is None else value[start:stop])
                for name, value in self._values.items()
            }
        else:
            inputs = {
                name: b"[" + b",".join(rows[start:stop]) + b"]"
                for name, rows in self._rows.items()
            }
        members = [_dump(name) + b":" + value for name, value in inputs.items()]
        return self._opening + b',"inputs":{' + b",".join(members) + b"}}"


def outputs_of(answer, signature, names):
    """Reads the JSON of an answer.

    Args:
        answer: The body, bytes.
        signature: The `Signature`.
        names: The outputs' names.

    Returns:
        A dict from output name to array; strings are `bytes` in an array of
        dtype `object`.

    Raises:
        AnswerMismatch: if the answer is not of this signature.
    """
    try:
        # Text that is no UTF-8 is written as it is, and has to come back so.
        text = answer.decode("utf-8", "surrogateescape")
        outputs = json.loads(text)["outputs"]
        # An only output comes without its name.
        if len(signature.outputs) == 1:
            outputs = {name: outputs for name in signature.outputs}
        if outputs.keys() != signature.outputs.keys():
            raise AnswerMismatch(f"outputs {', '.join(outputs)}")
        return {name: _array(outputs[name], signature.outputs[name]) for name in names}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise AnswerMismatch(str(error)) from error


def _dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _json_value(array):
    if array.dtype.kind not in _KINDS:
        raise server_error(
            "UNIMPLEMENTED",
            f"values of the type {array.dtype} cannot be sent as JSON",
            mend="Use the gRPC API",
        )
    return (
        _map(_json_string, array.tolist()) if array.dtype == object else array.tolist()
    )


def _json_string(value):
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode("ascii")}
    return value


def _map(function, value):
    if isinstance(value, list):
        return [_map(function, item) for item in value]
    return function(value)


def _array(value, info):
    dtype = numpy_dtype(info)
    first = value
    while isinstance(first, list) and first:
        first = first[0]
    if not isinstance(first, list):
        # numpy would cut 1.5 down to 1 for an integer dtype.
        is_bool = isinstance(first, bool)
        if not isinstance(first, _LEAVES[dtype.kind]) or is_bool != (dtype.kind == "b"):
            raise AnswerMismatch(f"{first!r} for `{info}`")
    if dtype.kind == "O":
        value = _map(_string, value)
    return with_empty_axes(np.array(value, dtype), info)


def _string(value):
    if isinstance(value, dict):
        return base64.b64decode(value["b64"], validate=True)
    return value.encode("utf-8", "surrogateescape")
