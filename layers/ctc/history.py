"""What leads back from the hypotheses of each frame, and the way back."""

from keras import ops

from .beams import INTEGER
from .search import QUIET_STEPS

# How an alignment ends: in a blank, in a symbol, or in what is better.
BLANK, LABEL, EITHER = 0, 1, 2
# A table is copied when some of it is written, on TensorFlow: seldom, so.
_CHUNK = 8


def run(search, frames):
    """Passes all frames.

    Args:
        search: `Search`.
        frames: Number of frames that there is room for.

    Returns:
        The last `Beams`, and the records of frames and rows,
        `[(frames + 2) * batch, 2 * beams]`.
    """
    rows, width = search.batch, 2 * search.beam_width
    nowhere = (frames + 2) * rows

    def is_going_on(cursor):
        return ops.any(cursor <= search.end)

    def step(count, cursor, beams, places, records):
        beams, cursor, passed, record = search.advance(beams, cursor)
        passed = ops.where(passed < 0, nowhere, passed)
        places = _write(places, count, passed)
        return count + 1, cursor, beams, places, _write(records, count, record)

    def chunk(cursor, beams, history):
        shape = (_CHUNK, 1 + QUIET_STEPS, rows)
        _, cursor, beams, places, records = ops.while_loop(
            lambda count, cursor, *_: (count < _CHUNK) & is_going_on(cursor),
            step,
            (
                ops.zeros((), "int32"),
                cursor,
                beams,
                ops.full(shape, nowhere, dtype=INTEGER),
                ops.zeros((*shape, width), dtype="int32"),
            ),
        )
        places = ops.reshape(places, (-1, 1))
        records = ops.reshape(records, (-1, width))
        return cursor, beams, ops.scatter_update(history, places, records)

    _, beams, history = ops.while_loop(
        lambda cursor, *_: is_going_on(cursor),
        chunk,
        (
            ops.zeros((rows,), dtype=INTEGER),
            search.start(),
            ops.zeros((nowhere + 1, width), dtype="int32"),
        ),
    )
    return beams, history


def trace(search, history, places, frames):
    """Reads the best alignments of some hypotheses.

    A record has two numbers for each hypothesis. The first is the hypothesis that it
    was one frame before (or whose extension it is) and its last symbol. The second is
    whether its best alignment ends in the symbol, and how one came to do so: 0 if it
    did before, or else 1 and the place among all rows' hypotheses to which the symbol
    was added, behind these if it does not repeat, so that no blank had to be before.

    Args:
        search: `Search`.
        history: As from `run`.
        places: Of the hypotheses, `[batch, n]`.
        frames: As in `run`.

    Returns:
        Labels of the frames and which are a symbol's first, `[frames, batch, n]`.
    """
    width = 2 * search.beam_width
    history = ops.reshape(history, (-1,))
    starts = search.rows[:, None] * width

    def step(frame, places, ending, labels):
        index = frame * (search.row_count * width) + starts + places
        index = ops.stack([index, index + search.beam_width])
        first, second = ops.unstack(ops.cast(ops.take(history, index, axis=0), INTEGER))
        source, symbol = first // search.classes, first % search.classes
        origin, best = second // 2 - 1, second % 2
        is_label = ops.where(ending == EITHER, best, ending) == LABEL
        is_start = is_label & (origin >= 0)
        found = 2 * symbol + ops.cast(is_start, INTEGER)
        labels = _write(labels, frame, ops.where(is_label, found, 2 * search.blank))
        places = ops.where(is_start, origin % search.size - starts // 2, source)
        before = ops.where(origin < search.size, BLANK, EITHER)
        before = ops.where(origin < 0, LABEL, before)
        before = ops.cast(ops.where(is_label, before, EITHER), INTEGER)
        return frame - 1, places, before, labels

    labels = ops.full((frames + 2, *ops.shape(places)), 2 * search.blank, dtype=INTEGER)
    *_, labels = ops.while_loop(
        # There is nothing to write without rows.
        lambda frame, *_: (frame >= 0) & (search.row_count > 0),
        step,
        (search.end, places, ops.full_like(places, EITHER), labels),
    )
    labels = ops.cast(labels[:frames], "int32")
    return labels // 2, labels % 2 == 1


def _write(table, place, row):
    """`table` with `row` at `place` of its first axis."""
    return ops.scatter_update(table, ops.reshape(place, (1, 1)), row[None])
