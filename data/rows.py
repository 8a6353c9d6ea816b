"""Some rows of what a table has for each of them."""

import numpy as np


def pick_rows(values, rows):
    """Returns the given rows of a list, array or `LazyImages`; `None` of `None`."""
    if values is None:
        return None
    if isinstance(values, np.ndarray):
        return values[rows]
    if hasattr(values, "take"):
        return values.take(rows)
    return [values[row] for row in rows]
