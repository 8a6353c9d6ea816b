"""What a prefix beam search reads of the frames, each row at a frame of its own."""

from typing import NamedTuple

import numpy as np
from keras import ops

from .log_space import LOG_ZERO


class Window(NamedTuple):
    """Some frames of each row."""

    log_probs: object  # [frames, batch, classes]
    blanks: list  # [batch, 1] of each frame
    extensions: object  # [batch, columns] of the first frame, -inf for the blank
    highest: list  # [batch] of each frame, the highest of the symbols
    symbols: object  # [batch, columns] of the first frame, or None
    columns: object  # [batch, classes] of the first frame, or None


class FrameTable:
    """The frames of a batch, and two behind them in which the blank is certain.

    The columns are the classes or, where `limit` is lower than their number, the
    likeliest symbols of each frame.

    Args:
        log_probs: `[batch, frames, classes]`.
        blank: The blank's class.
        limit: Number of symbols that are looked at in a frame.
        dtype: Type of integers.
    """

    def __init__(self, log_probs, blank, limit, dtype):
        self.batch, frames, self.classes = ops.shape(log_probs)
        self.columns = min(limit, self.classes)
        self._blank = blank
        self._dtype = dtype
        padding = np.full(self.classes, LOG_ZERO)
        padding[blank] = 0.0
        padding = ops.convert_to_tensor(padding, log_probs.dtype)
        padding = ops.broadcast_to(padding, (2, self.batch, self.classes))
        rows = ops.concatenate([ops.transpose(log_probs, (1, 0, 2)), padding], axis=0)
        rows = ops.reshape(rows, ((frames + 2) * self.batch, self.classes))
        is_blank = np.arange(self.classes) == blank
        of_symbols = ops.where(is_blank, -np.inf, rows)
        extensions, self._symbols = of_symbols, None
        if self.columns < self.classes:
            extensions, symbols = ops.top_k(of_symbols, self.columns)
            self._symbols = ops.cast(symbols, dtype)
            self._columns = self._places(self._symbols)
        highest = ops.max(of_symbols, axis=-1, keepdims=True)
        self._floats = ops.concatenate([rows, extensions, highest], axis=-1)

    def read(self, places):
        """The `Window` of `places` `[frames, batch]`: `frame * batch + row`."""
        floats = ops.take(self._floats, places, axis=0)
        symbols = columns = None
        if self._symbols is not None:
            symbols = ops.take(self._symbols, places[0], axis=0)
            columns = ops.take(self._columns, places[0], axis=0)
        count = places.shape[0]
        return Window(
            floats[:, :, : self.classes],
            ops.unstack(floats[:, :, self._blank, None], count),
            floats[0, :, self.classes : self.classes + self.columns],
            ops.unstack(floats[:, :, -1], count),
            symbols,
            columns,
        )

    def _places(self, symbols):
        """The column of each class, their number for classes that have none."""
        count = ops.shape(symbols)[0]
        index = symbols + ops.arange(count, dtype=self._dtype)[:, None] * self.classes
        order = ops.arange(self.columns, dtype=self._dtype)
        order = ops.broadcast_to(order, ops.shape(symbols))
        columns = ops.full((count * self.classes,), self.columns, dtype=self._dtype)
        columns = ops.scatter_update(
            columns, ops.reshape(index, (-1, 1)), ops.reshape(order, (-1,))
        )
        return ops.reshape(columns, (count, self.classes))
