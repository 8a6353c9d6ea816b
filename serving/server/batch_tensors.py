"""Rows of several requests to one batch of arrays, and back."""

import bisect

import numpy as np

from .errors import StatusError


def padding_rows(rows, allowed):
    """Returns how many rows are added to reach an allowed size.

    Args:
        rows: The number of rows there are; 0 is left alone.
        allowed: The allowed sizes, rising; none for any.
    """
    index = bisect.bisect_left(allowed, rows)
    return allowed[index] - rows if rows and index < len(allowed) else 0


def merge(arrays, padding, pad_shapes=False):
    """Joins the rows of one input, one array after the other.

    Args:
        arrays: Arrays of one dtype, and of one shape but for the first axis.
        padding: How many copies of the last array's first row to add.
        pad_shapes: Whether the shapes may differ, and smaller arrays are filled
            up with their first value.

    Returns:
        One array.

    Raises:
        StatusError: if an array to fill up has no value.
    """
    if pad_shapes:
        arrays = _same_shape(arrays)
    if padding:
        arrays = [*arrays, np.repeat(arrays[-1][:1], padding, axis=0)]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def split(outputs, sizes, padding):
    """Gives each request its rows of every output.

    Args:
        outputs: Dict from output name to numpy array.
        sizes: The number of rows of each request.
        padding: The number of rows at the end to drop.

    Returns:
        A list of dicts from output name to array, one per request.

    Raises:
        StatusError: if an output has not as many rows as the batch.
    """
    rows = sum(sizes) + padding
    for array in outputs.values():
        if array.ndim == 0:
            raise StatusError(
                "FAILED_PRECONDITION", "Batched output tensor has 0 dimensions"
            )
        if array.shape[0] != rows:
            raise StatusError(
                "FAILED_PRECONDITION",
                "Batched output tensor's 0th dimension does not equal the sum of "
                "the 0th dimension sizes of the input tensors",
            )
    results, start = [], 0
    for size in sizes:
        stop = start + size
        results.append({name: array[start:stop] for name, array in outputs.items()})
        start = stop
    return results


def _same_shape(arrays):
    shapes = [array.shape[1:] for array in arrays]
    shape = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
    return [_filled_up(array, shape) for array in arrays]


def _filled_up(array, shape):
    if array.shape[1:] == shape:
        return array
    if array.size == 0:
        raise StatusError(
            "INVALID_ARGUMENT", "Got empty tensor in batch of non-empty tensors."
        )
    filled = np.full((len(array), *shape), array.flat[0], array.dtype)
    filled[tuple(slice(size) for size in array.shape)] = array
    return filled
