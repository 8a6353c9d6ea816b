"""Values to arrays that fit a signature, and answers put together."""

from collections.abc import Mapping

import numpy as np

from .errors import server_error

# Which kinds of numbers an input takes: those that lose nothing.
_KINDS = {"b": "b", "i": "iu", "u": "iu", "f": "iuf", "c": "iufc"}


def input_arrays(signature, inputs):
    """Turns what a caller gave into arrays that fit a signature.

    Args:
        signature: A `Signature`.
        inputs: Dict from input name to an array or nested lists. Text may be
            `str` or `bytes`.

    Returns:
        A dict from input name to array; strings stay `str` or `bytes` in an
        array of dtype `object`.

    Raises:
        InvalidArgument: if they do not fit.
    """
    if not isinstance(inputs, Mapping):
        raise server_error(
            "INVALID_ARGUMENT",
            "expected a dict from input name to values, received "
            f"{type(inputs).__name__}; signature `{signature.name}` takes the inputs "
            f"{', '.join(signature.inputs)}",
        )
    if inputs.keys() != signature.inputs.keys():
        raise server_error(
            "INVALID_ARGUMENT",
            f"signature `{signature.name}` takes the inputs "
            f"{', '.join(signature.inputs)}; received "
            f"{', '.join(map(str, inputs)) or 'none'}",
        )
    return {
        name: _as_array(inputs[name], info) for name, info in signature.inputs.items()
    }


def count_rows(signature, arrays):
    """The number of examples of a request that can be sent in parts.

    Args:
        signature: A `Signature`.
        arrays: What `input_arrays` returned.

    Returns:
        Their number, or `None` where the request has to stay whole.

    Raises:
        InvalidArgument: if the inputs differ in their number of examples.
    """
    if not signature.is_batched:
        return None
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise server_error(
            "INVALID_ARGUMENT",
            f"the inputs differ in their number of examples: {found}",
        )
    return next(iter(counts.values()))


def split_rows(sizes, most_rows, most_bytes):
    """Cuts a request into parts.

    Args:
        sizes: Bytes of each row.
        most_rows: The most rows of a part, or `None` for any number.
        most_bytes: The most bytes of a part; a larger row goes alone.

    Yields:
        Pairs of the first row and the row after the last.
    """
    start = total = 0
    for row, size in enumerate(sizes):
        full = most_rows is not None and row - start >= most_rows
        if row > start and (full or total + size > most_bytes):
            yield start, row
            start, total = row, 0
        total += size
    yield start, len(sizes)


def join_parts(parts, names):
    """Puts the answers of the parts of a request together.

    Args:
        parts: List of pairs: the number of rows, and the answer to them as a
            dict from output name to array.
        names: The outputs' names.

    Returns:
        One dict from output name to array. Where an axis differs between the
        parts it has the largest size, and the smaller ones are filled up with
        zeros or empty strings.

    Raises:
        InvalidArgument: if an output has not one entry per example.
    """
    if len(parts) == 1:
        return parts[0][1]
    joined = {}
    for name in names:
        arrays = [answer[name] for _, answer in parts]
        for (rows, _), array in zip(parts, arrays, strict=True):
            if array.shape[:1] != (rows,):
                raise server_error(
                    "INVALID_ARGUMENT",
                    f"output `{name}` has the shape {list(array.shape)} for {rows} "
                    "examples, so they cannot be sent in parts",
                    mend="Send at most `batch_size` examples",
                )
        joined[name] = np.concatenate(_same_inner_shape(arrays))
    return joined


def no_rows(signature, names):
    """The answer to a request of no examples.

    Args:
        signature: A `Signature` with `is_batched`.
        names: The outputs' names.

    Returns:
        A dict from output name to an array without entries.
    """
    return {
        name: with_empty_axes(
            np.empty(0, numpy_dtype(signature.outputs[name])), signature.outputs[name]
        )
        for name in names
    }


def with_empty_axes(array, info):
    """Gives an array without entries the axes that a nested list cannot show."""
    if array.size or info.shape is None:
        return array
    inner = [size or 0 for size in info.shape[array.ndim :]]
    return array.reshape(*array.shape, *inner)


def numpy_dtype(info):
    """The dtype of an array for a `TensorInfo`; `object` for strings.

    Raises:
        Unimplemented: if numpy has no such dtype.
    """
    try:
        return np.dtype(object if info.dtype == "string" else info.dtype)
    except TypeError as error:
        raise server_error(
            "UNIMPLEMENTED", f"`{info}` has a dtype that numpy does not know"
        ) from error


def _as_array(value, info):
    try:
        # numpy's own string arrays drop trailing zero bytes, hence object.
        array = np.asarray(value, object if info.dtype == "string" else None)
    except ValueError as error:
        raise _mismatch(info, f"rows of unequal size ({error})") from error
    array = _strings(array, info) if info.dtype == "string" else _numbers(array, info)
    if not _fits(array.shape, info.shape):
        raise _mismatch(info, f"shape {list(array.shape)}")
    return array


def _strings(array, info):
    for item in array.flat:
        if not isinstance(item, (bytes, str)):
            raise _mismatch(
                info,
                "rows of unequal size"
                if isinstance(item, (list, tuple))
                else f"a value that is neither text nor bytes ({type(item).__name__})",
            )
        if isinstance(item, str):
            try:
                item.encode()
            except UnicodeEncodeError as error:
                raise _mismatch(info, f"text that is no UTF-8 ({error})") from error
    return array


def _numbers(array, info):
    wanted = numpy_dtype(info)
    if array.dtype == wanted or array.size == 0:
        return array.astype(wanted)
    if array.dtype.kind not in _KINDS.get(wanted.kind, ""):
        raise _mismatch(info, f"values of the type {array.dtype}")
    with np.errstate(over="ignore"):
        converted = array.astype(wanted)
    if wanted.kind in "iu":
        lost = converted != array
    else:
        lost = np.isinf(converted) & ~np.isinf(array)
    if lost.any():
        raise _mismatch(info, f"a value out of the range of {wanted}")
    return converted


def _fits(shape, wanted):
    return wanted is None or (
        len(shape) == len(wanted)
        and all(
            axis is None or size == axis
            for size, axis in zip(shape, wanted, strict=True)
        )
    )


def _mismatch(info, received):
    return server_error("INVALID_ARGUMENT", f"expected `{info}`, received {received}")


def _same_inner_shape(arrays):
    inner = {array.shape[1:] for array in arrays}
    if len(inner) == 1:
        return arrays
    inner = tuple(max(sizes) for sizes in zip(*inner, strict=True))
    return [_filled_up(array, inner) for array in arrays]


def _filled_up(array, inner):
    filler = b"" if array.dtype.kind == "O" else 0
    filled = np.full((len(array), *inner), filler, array.dtype)
    filled[tuple(map(slice, array.shape))] = array
    return filled
