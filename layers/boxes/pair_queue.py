"""The best pairs of a box and a class in each image of a batch, a few at a time."""

import math

from keras import ops

from .formats import convert_boxes

# What is known of a pair, one column each: its box's corners and area, its class, its
# box's number and its score. Numbers and classes are floats, exact up to 2^24:
# TensorFlow does not compute with int32 on a GPU.
COLUMNS = 8
CLASS, BOX, SCORE = 5, 6, 7

# In place of no area, so that no union is 0.
_SMALLEST_AREA = 1e-30


class PairQueue:
    """The pairs of a box and a class of each image, best first, sorted as needed.

    Pairs of equal score are in the order of their boxes, then of their classes. Those
    whose score is NaN are not in the queue.

    Pairs are searched in blocks of some classes of one box: the k best pairs are in
    the k blocks whose best pair scores highest.

    Args:
        boxes: `[batch, candidates, 4]`.
        scores: `[batch, candidates, classes]`.
        threshold: Only pairs with a higher score are in the queue, `[batch]`.
        box_format: The format of the boxes.
        size: Number of pairs to take at a time.
    """

    def __init__(self, boxes, scores, threshold, box_format, size):
        self.threshold = threshold
        self.dtype = scores.dtype
        self.batch, rows, _ = ops.shape(scores)
        candidates, classes = scores.shape[1:]
        self._boxes = boxes
        # IoU is the same in shares of the sides.
        self._box_format = box_format.removeprefix("rel_")

        # The width with the fewest numbers to search, for many candidates at least.
        pairs = (candidates or 10_000) * classes
        divisors = [d for d in range(1, classes + 1) if classes % d == 0]
        self._width = min(divisors, key=lambda width: pairs / width + size * width)
        self._per_box = classes // self._width
        self._length = rows * self._per_box
        self._scores = ops.reshape(scores, (self.batch, self._length, self._width))
        self._is_dynamic = candidates is None
        blocks = size if self._is_dynamic else candidates * self._per_box
        self._blocks = min(size, blocks)
        self.size = min(size, self._blocks * self._width)

    def start(self):
        """The state before the first pairs are taken, as `take` returns it."""
        best = largest(self._scores)
        best = ops.where(best > self.threshold[:, None], best, -math.inf)
        if self._is_dynamic:
            # So that there are enough to choose from.
            missing = [[0, 0], [0, self._blocks]]
            best = ops.pad(best, missing, constant_values=-math.inf)
        chosen = ops.zeros((self.batch, self._blocks), "int32")
        none = ops.full((self.batch,), -1.0, self.dtype)
        return best, chosen, (none, none, none)

    def take(self, state):
        """Take the next pairs.

        Args:
            state: The best score in each block, `[batch, blocks]`, not counting pairs
                that were taken before the last time; the blocks where pairs were
                looked for the last time, `[batch, size]`; and of the last pair taken
                its score, its block and its place in there, `[batch]` each.

        Returns:
            The table of the pairs, `[batch, size, COLUMNS]`, with a score of minus
            infinity from where none are left; and the next state.
        """
        best, chosen, last = state
        # Mostly there is no second time, and the first needs less.
        is_first = ops.all(last[1] < 0)
        best = ops.cond(
            is_first,
            lambda: best,
            lambda: set_rows(best, chosen, largest(self._left(chosen, last))),
        )
        highest, chosen = ops.top_k(best, self._blocks, sorted=False)
        # In their own order, which is that of pairs of equal score.
        blocks = ops.sort(ops.cast(chosen, self.dtype), axis=-1)
        chosen = ops.cast(blocks, "int32")
        rows = ops.cond(
            is_first, lambda: self._rows(chosen), lambda: self._left(chosen, last)
        )
        floor = self.threshold
        if self._blocks == self.size:
            # Each block has a pair at least as good as the best of the last block.
            # The search is faster without what is worse.
            floor = ops.maximum(floor, ops.min(highest, axis=-1, initial=math.inf))
        rows = ops.where(rows >= floor[:, None, None], rows, -math.inf)
        rows = ops.reshape(rows, (self.batch, self._blocks * self._width))
        scores, found = ops.top_k(rows, self.size)
        scores = ops.where(scores > self.threshold[:, None], scores, -math.inf)
        found = ops.cast(found, self.dtype)
        row = ops.floor(found / self._width)
        block = get_rows(blocks[..., None], row)[..., 0]
        place = found - row * self._width
        last = scores[:, -1], block[:, -1], place[:, -1]
        return self._table(block, place, scores), (best, chosen, last)

    def _rows(self, chosen):
        """The scores of blocks, `[batch, blocks, width]`."""
        rows = get_rows(self._scores, ops.minimum(chosen, self._length - 1))
        if self._is_dynamic:
            rows = ops.where(chosen[..., None] < self._length, rows, -math.inf)
        return rows

    def _left(self, chosen, last):
        """The same, with minus infinity for what came up to the last pair."""
        score, block, place = (x[:, None, None] for x in last)
        rows = self._rows(chosen)
        blocks = ops.cast(chosen, self.dtype)[..., None]
        places = ops.arange(self._width, dtype=self.dtype)
        is_later = (blocks > block) | (blocks == block) & (places > place)
        is_left = (rows < score) | (rows == score) & is_later
        return ops.where(is_left, rows, -math.inf)

    def _table(self, block, place, scores):
        numbers = ops.floor(block / self._per_box)
        classes = (block - numbers * self._per_box) * self._width + place
        last = self._length // self._per_box - 1
        boxes = get_rows(self._boxes, ops.minimum(ops.cast(numbers, "int32"), last))
        boxes = convert_boxes(boxes, self._box_format, "xyxy")
        low = ops.minimum(boxes[..., :2], boxes[..., 2:])
        high = ops.maximum(boxes[..., :2], boxes[..., 2:])
        area = ops.prod(high - low, axis=-1, keepdims=True)
        # One NaN would hide the other overlaps of a pair.
        is_sound = area < math.inf
        columns = [ops.where(is_sound, column, 0.0) for column in (low, high, area)]
        columns[2] = ops.maximum(columns[2], _SMALLEST_AREA)
        columns += [column[..., None] for column in (classes, numbers, scores)]
        return ops.concatenate(columns, axis=-1)


def largest(scores):
    """The largest along the last axis that is not NaN."""
    result = ops.max(scores, axis=-1, initial=-math.inf)
    # NaN as a maximum says nothing of the others. It is rare, and to take it out
    # beforehand would take longer than all the rest.
    return ops.cond(
        ops.any(ops.isnan(result)),
        lambda: ops.max(
            ops.where(ops.isnan(scores), -math.inf, scores),
            axis=-1,
            initial=-math.inf,
        ),
        lambda: result,
    )


def get_rows(x, indices):
    """`x[b, indices[b, i], :]` for `x` `[batch, n, columns]`."""
    rows = ops.take(ops.reshape(x, (-1, x.shape[2])), _join_axes(x, indices), axis=0)
    # Keras on JAX loses axes of an empty batch.
    return ops.reshape(rows, (*ops.shape(indices), x.shape[2]))


def set_rows(x, indices, values):
    """`x` with `values` `[batch, m, ...]` at `indices` `[batch, m]` of axis 1."""
    rows = ops.reshape(x, (-1, *x.shape[2:]))
    values = ops.reshape(values, (-1, *x.shape[2:]))
    indices = ops.reshape(_join_axes(x, indices), (-1, 1))
    return ops.reshape(ops.scatter_update(rows, indices, values), ops.shape(x))


def _join_axes(x, indices):
    """Indices along axis 1, integer or float, as those with axes 0 and 1 joined."""
    batch, size = ops.shape(x)[:2]
    start = ops.cast(ops.arange(batch), indices.dtype) * ops.cast(size, indices.dtype)
    return ops.cast(indices + start[:, None], "int32")
