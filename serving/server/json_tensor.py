"""The inputs of a REST predict request: from parsed JSON to numpy arrays.

The rules and the texts are those of TensorFlow Serving. Conversion is done list by
list; only where that finds something odd is the value walked through item by item,
in the order in which TensorFlow Serving does, for its error.
"""

import itertools

from .errors import StatusError
from .json_document import PARSE_ERROR, invalid, is_base64
from .json_text import describe
from .json_values import all_valid, check, make_array

# No numpy array has more axes.
_MAX_RANK = 64


def predict_inputs(document, signature, infos):
    """Makes the input arrays of a predict request.

    Args:
        document: What `json_document.parse_document` gave.
        signature: The name of the signature that it asks for, or `""`.
        infos: The signature's inputs: a mapping from name to `TensorInfo`
            message.

    Returns:
        A pair: a dict of arrays by input name (strings are `bytes` in arrays of
        dtype `object`), and whether the request is in row format.

    Raises:
        StatusError: if the request does not fit the signature.
    """
    dtypes = {name: infos[name].dtype for name in infos}
    if not dtypes:
        raise invalid(
            f"Failed to get input map for signature: {signature or 'DEFAULT'}"
        )
    if "instances" not in document:
        if "inputs" not in document:
            raise invalid("Missing 'inputs' or 'instances' key")
        return _columns(document["inputs"], dtypes), False
    instances = document["instances"]
    if "inputs" in document:
        problem = (
            "Not formatted correctly expecting only one of 'inputs' or "
            "'instances' keys to exist "
        )
    elif not isinstance(instances, list):
        problem = "Excepting 'instances' to be an list/array"
    elif not instances:
        problem = "No values in 'instances' array"
    else:
        return _rows(instances, dtypes), True
    raise invalid(f"JSON Value: {describe(document)} {problem}")


def _columns(value, dtypes):
    """The arrays of a request in columnar format."""
    if not _is_object(value):
        if len(dtypes) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        [(name, dtype)] = dtypes.items()
        return {name: _tensor(value, dtype)}
    arrays = {}
    for name, dtype in dtypes.items():
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
        arrays[name] = _tensor(value[name], dtype)
    return arrays


def _tensor(value, dtype):
    array = _quick_tensor(value, dtype)
    if array is None:
        shape = _shape(value)
        array = make_array(_walk(value, 0, shape, dtype), shape, dtype)
    return array


def _quick_tensor(value, dtype):
    """The array of an unsuspicious value, else `None`."""
    shape = _shape(value)
    items = _flat(value, shape)
    if items is None or not all_valid(items, dtype):
        return None
    try:
        return make_array(items, shape, dtype)
    except StatusError:  # which item it is will be found out
        return None


def _shape(value):
    """The shape that a value has if all its lists are like the first ones."""
    shape = []
    while type(value) is list:
        shape.append(len(value))
        if len(shape) > _MAX_RANK:
            raise invalid(f"Lists are nested deeper than {_MAX_RANK} levels")
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _flat(value, shape):
    """The items of a nested list in one list, or `None` if it has not the shape."""
    items = [value]
    for size in shape:
        if set(map(type, items)) != {list} or set(map(len, items)) != {size}:
            return None
        items = list(itertools.chain.from_iterable(items))
    return None if list in set(map(type, items)) else items


def _walk(value, level, shape, dtype):
    """The items of a nested list, each one checked."""
    if type(value) is not list:
        if level != len(shape):
            raise invalid(
                f"JSON Value: {describe(value)} found at incorrect level: "
                f"{level + 1} in the JSON DOM. Expected at level: {len(shape)}"
            )
        check(value, dtype)
        return [value]
    if level >= len(shape):
        raise invalid(
            f"Encountered list at unexpected level: {level} expected < {len(shape)}"
        )
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    items = []
    for item in value:
        items += _walk(item, level + 1, shape, dtype)
    return items


def _rows(instances, dtypes):
    """The arrays of a request in row format."""
    if not isinstance(instances[0], dict) and len(dtypes) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    named = _is_object(instances[0])
    if named:
        columns = _named_columns(instances, dtypes)
    else:
        columns = {next(iter(dtypes)): instances}
    arrays = {}
    for name, column in columns.items():
        arrays[name] = _quick_tensor(column, dtypes[name])
        if arrays[name] is None:
            break
    else:
        if arrays:
            return arrays
    return _walk_rows(instances, dtypes, named)


def _named_columns(instances, dtypes):
    """One list for each input; nothing if a row has not just the inputs' names."""
    for row in instances:
        if type(row) is not dict or row.keys() != dtypes.keys():
            return {}
    return {name: [row[name] for row in instances] for name in dtypes}


def _walk_rows(instances, dtypes, named):
    """Converts row by row."""
    rows = _Rows(dtypes)
    for index, row in enumerate(instances):
        place = f"Failed to process element: {index}"
        if named != _is_object(row):
            expected, got = ("object", "list") if named else ("value/list", "object")
            raise invalid(
                f"Expecting {expected} but got {got} at item {index} of input list"
            )
        for name, value in row.items() if named else [(next(iter(dtypes)), row)]:
            key = f" key: {name}" if named else ""
            try:
                rows.add(name, value)
            except StatusError as error:
                if error.message.startswith(PARSE_ERROR):
                    raise
                raise invalid(
                    f"{place}{key} of 'instances' list. "
                    f"Error: {error.code}: {error.message}"
                ) from None
        if named and row.keys() != dtypes.keys():
            raise invalid(
                f"{place} of 'instances' list. JSON object: {describe(row)} "
                f"keys must be equal to: {','.join(sorted(dtypes))}"
            )
    return rows.arrays()


class _Rows:
    """Tensors that grow by one row at a time; each row must be like the first."""

    def __init__(self, dtypes):
        self._dtypes = dtypes
        self._items = {}  # name: one list for each row
        self._shapes = {}

    def add(self, name, value):
        if name not in self._dtypes:
            raise invalid(f"JSON object: does not have named input: {name}")
        shape = _shape(value)
        items = _walk(value, 0, shape, self._dtypes[name])
        rows = self._items.setdefault(name, [])
        first = self._shapes.setdefault(name, shape)
        if rows and len(rows[0]) != len(items):
            raise invalid(
                f"Expecting tensor size: {len(rows[0])} but got: {len(items)}"
            )
        if first != shape:
            raise invalid(
                f"Expecting shape {_shape_text(first)} but got: {_shape_text(shape)}"
            )
        rows.append(items)

    def arrays(self):
        return {
            name: make_array(
                list(itertools.chain.from_iterable(rows)),
                (len(rows), *self._shapes[name]),
                self._dtypes[name],
            )
            for name, rows in self._items.items()
        }


def _is_object(value):
    return isinstance(value, dict) and not is_base64(value)


def _shape_text(shape):
    return f"[{','.join(map(str, shape))}]"
