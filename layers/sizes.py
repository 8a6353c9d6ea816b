"""Numbers of frames, which may be integers, arrays or tensors."""

import numpy as np
from keras import ops


def at_least_0(numbers):
    """The numbers, or 0 where they are below it, of the same kind."""
    if isinstance(numbers, int):
        return max(numbers, 0)
    if isinstance(numbers, np.ndarray | np.integer):
        return np.maximum(numbers, 0)
    return ops.maximum(numbers, 0)
