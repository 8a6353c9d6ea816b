"""The steps of a prefix beam search from frame to frame."""

import numpy as np
from keras import ops

from .beams import INTEGER, MULTIPLIERS, Beams, Chances, Fusion, Parents, unstack
from .log_space import LOG_ZERO, log_add

# Steps that keep all prefixes, after each that may choose others.
QUIET_STEPS = 2


class Search:
    """Steps through the frames of a batch, of which each row has its own.

    Most frames of a sure recogniser are quiet: even the best extension of the best
    prefix is worse than all that stay. There prefixes keep their places, which is quick
    to compute; and a row does not wait for others whose frames are not quiet.

    Args:
        table: `FrameTable`.
        beam_width: Number of hypotheses.
        blank: The blank's class.
        scorers: What adds to the score of a prefix, each with `start`, `expand` and
            `advance` of `PrefixScorer`.
        end: Number of frames. One more is passed, in which the blank is certain.
        dtype: Type of probabilities.
    """

    def __init__(self, table, beam_width, blank, scorers, end, dtype):
        self.table = table
        self.batch, self.classes = table.batch, table.classes
        self.beam_width = beam_width
        self.blank = blank
        self.scorers = scorers
        self.dtype = dtype
        self.end = ops.cast(end, INTEGER)
        self.row_count = ops.cast(self.batch, INTEGER)
        self.rows = ops.arange(self.batch, dtype=INTEGER)
        self.size = self.row_count * beam_width
        self._own = ops.arange(beam_width, dtype=INTEGER)
        # What is made of these once is not made in each frame.
        self._row_places = self.rows[:, None] * beam_width
        self._row_cells = self._row_places * (table.columns + 1)
        frames = ops.arange(1 + QUIET_STEPS, dtype=INTEGER)
        self._steps = frames[:, None]
        cells = frames[:, None] * self.row_count + self.rows
        self._log_prob_places = cells[:, :, None] * self.classes
        self._starts = ops.arange(8, dtype=INTEGER)[:, None, None] * self.size
        self._none = ops.full((self.batch, beam_width), LOG_ZERO, self.dtype)
        # The lowest bits of a number that tells prefixes apart are left to its place.
        bits = max((beam_width - 1).bit_length(), 1)
        self._mask = np.iinfo(INTEGER).max - (2**bits - 1)

    def start(self):
        """The empty prefix, and places for others that nothing matches."""
        shape = self.batch, self.beam_width
        certain = np.full(self.beam_width, LOG_ZERO)
        certain[0] = 0.0
        certain = ops.convert_to_tensor(certain, self.dtype)
        certain = ops.broadcast_to(certain, shape)
        last = ops.full(shape, self.blank, dtype=INTEGER)
        prefix = self._hash([last] * len(MULTIPLIERS), self._own)
        parent = [ops.zeros_like(last)] * len(MULTIPLIERS)
        states = tuple(x.start(*shape) for x in self.scorers)
        return Beams(
            chances=ops.stack(
                Chances(
                    blank=certain,
                    total=certain,
                    best_blank=certain,
                    best=certain,
                    label=self._none,
                    best_label=self._none,
                    none=self._none,
                )
            ),
            names=ops.stack([last, *prefix, *parent]),
            parents=self._find_parents(last, prefix, parent),
            fusion=self._look_ahead(ops.zeros(shape, self.dtype), states),
        )

    def advance(self, beams, cursor):
        """Goes on by a frame, and in quiet rows by some more.

        Args:
            beams: `Beams`.
            cursor: The frame of each row, `[batch]`, one behind `end` at most.

        Returns:
            The next `Beams` and cursor; and what leads back in the frames that were
            passed: their places `frame * batch + row`, `[steps, batch]`, where steps
            that a row did not make are -1, and records `[steps, batch, 2 * beams]`.
        """
        frames = ops.minimum(cursor + self._steps, self.end + 1)
        places = frames * self.row_count + self.rows
        window = self.table.read(places)
        beams, at_last, record = self._choose(beams, window)
        records, is_made = [record], [frames[0] >= 0]
        last = beams.names[0]
        stays = self._own * self.classes + last
        is_quiet = True
        for step in range(1, 1 + QUIET_STEPS):
            before = unstack(beams.chances)
            stay, ending = self._stay(before, beams, window.blanks[step], at_last[step])
            is_quiet &= self._is_quiet(before, stay, beams, window.highest[step])
            is_quiet &= frames[step] < self.end
            chances = ops.where(is_quiet[:, None], ops.stack(stay), beams.chances)
            beams = beams._replace(chances=chances)
            records.append(ops.concatenate([stays, ending], axis=1))
            is_made.append(is_quiet)
        is_made = ops.stack(is_made)
        cursor = frames[0] + ops.sum(ops.cast(is_made, INTEGER), axis=0)
        cursor = ops.minimum(cursor, self.end + 1)
        places = ops.where(is_made, places, -1)
        return beams, cursor, places, ops.cast(ops.stack(records), "int32")

    def _stay(self, before, beams, blank_log_probs, at_last):
        """The same prefixes, after a blank or as the last symbol goes on or is added.

        Args:
            before: The `Chances` of `beams`.
            beams: `Beams`.
            blank_log_probs: `[batch, 1]`.
            at_last: Log probabilities of the last symbols, `[batch, beams]`.

        Returns:
            The next `Chances`, and the second part of the record, see `history.trace`.
        """
        flat = ops.reshape(beams.chances, (-1,))
        added, added_best = ops.unstack(ops.take(flat, beams.parents.feed, axis=0), 2)
        blank = before.total + blank_log_probs
        label = log_add(before.label, added) + at_last
        best_blank = before.best + blank_log_probs
        best_label = ops.maximum(before.best_label, added_best) + at_last
        stay = Chances(
            blank=blank,
            total=log_add(blank, label),
            best_blank=best_blank,
            best=ops.maximum(best_blank, best_label),
            label=label,
            best_label=best_label,
            none=before.none,
        )
        is_added = added_best > before.best_label
        ends_in_label = ops.cast(best_label > best_blank, INTEGER)
        return stay, ops.where(is_added, beams.parents.origin, 0) + ends_in_label

    def _is_quiet(self, before, stay, beams, highest):
        """Whether no extension is better than the worst that stays, `[batch]`."""
        best, worst = before.total, stay.total
        if self.scorers:
            best = (best + highest[:, None]) + beams.fusion.highest
            return ops.max(best, axis=1) <= ops.min(worst + beams.fusion.score, axis=1)
        return ops.max(best, axis=1) + highest <= ops.min(worst, axis=1)

    def _choose(self, beams, window):
        """The best of all that stay and all extensions.

        Returns:
            The next `Beams`, log probabilities of their last symbols in all frames of
            the window, and the record.
        """
        before = unstack(beams.chances)
        log_probs = ops.reshape(window.log_probs, (-1,))
        index = self._log_prob_places[0] + beams.names[0]
        at_last = ops.take(log_probs, index, axis=0)
        stay, ending = self._stay(before, beams, window.blanks[0], at_last)
        values = self._extend(before, stay, beams, window, at_last)
        if self.scorers:
            scores = self._scores(beams.fusion, window.symbols)
            _, chosen = ops.top_k(values + scores, self.beam_width)
            chosen = ops.cast(chosen, INTEGER)
            total, score = self._pick(values, chosen), self._pick(scores, chosen)
        else:
            total, chosen = ops.top_k(values, self.beam_width)
            chosen, score = ops.cast(chosen, INTEGER), None
        column = chosen // self.beam_width
        source = chosen - column * self.beam_width
        is_new, symbol = column > 0, column - 1
        if window.symbols is not None:
            symbol = self._pick(window.symbols, ops.maximum(symbol, 0))

        place = source + self._row_places
        flat = ops.reshape(ops.concatenate([beams.names, ending[None]]), (-1,))
        index = place + self._starts[: 2 + 2 * len(MULTIPLIERS)]
        last, *numbers, ending = ops.unstack(
            ops.take(flat, index, axis=0), 2 + 2 * len(MULTIPLIERS)
        )
        repeats = last == symbol
        last = ops.where(is_new, symbol, last)
        prefix, parent = self._extend_names(numbers, symbol, is_new)
        at_last = ops.take(log_probs, self._log_prob_places + last, axis=0)
        # To repeat a symbol, a blank has to be before: that end only, or both.
        feed = ops.where(repeats, place, place + self.size)
        added = total, at_last[0], feed
        following = Beams(
            chances=self._select(before, stay, is_new, place, added),
            names=ops.stack([last, *prefix, *parent]),
            parents=self._find_parents(last, prefix, parent),
            fusion=self._fuse(beams.fusion, source, is_new, symbol, score),
        )
        # What is new ends in its symbol.
        ending = ops.where(is_new, 2 * feed + 3, ending)
        record = ops.concatenate([source * self.classes + last, ending], axis=1)
        return following, at_last, record

    def _extend(self, before, stay, beams, window, at_last):
        """Probabilities of those that stay and of extensions.

        Extensions that repeat the last symbol need a blank before; those that are there
        already are none.

        Returns:
            `[batch, (1 + columns) * beams]`, of which the first stay.
        """
        columns = self.table.columns
        values = before.total[:, None] + window.extensions[:, :, None]
        values = ops.concatenate([stay.total[:, None], values], axis=1)
        column, extension = beams.names[0], beams.parents.extension
        repeated = before.blank + at_last
        if window.columns is not None:
            column = self._pick(window.columns, column)
            is_column = column < columns
            column = ops.minimum(column, columns - 1)
            extension = ops.where(is_column, extension, np.inf)
            repeated = ops.where(is_column, repeated, np.inf)
        cells = (column + 1) * self.beam_width + self._row_cells
        index = ops.stack([cells + beams.parents.place, cells + self._own])
        values = ops.scatter_update(
            ops.reshape(values, (-1,)),
            ops.reshape(index, (-1, 1)),
            ops.reshape(ops.stack([extension, repeated]), (-1,)),
            reduction="min",
        )
        return ops.reshape(values, (self.batch, (1 + columns) * self.beam_width))

    def _scores(self, fusion, symbols):
        """What language models add to those that stay and to extensions."""
        ahead = fusion.ahead
        if symbols is not None:
            ahead = ops.reshape(ahead, (-1, self.beam_width))
            places = symbols + self.rows[:, None] * self.classes
            ahead = ops.take(ahead, places, axis=0)
        scores = ops.concatenate([fusion.score[:, None], ahead], axis=1)
        shape = (self.batch, (1 + self.table.columns) * self.beam_width)
        return ops.reshape(scores, shape)

    def _select(self, before, stay, is_new, place, added):
        """The `Chances` of the chosen, of which some stay.

        Args:
            before: `Chances` before the frame.
            stay: `Chances` of those that stay.
            is_new: Which do not.
            place: Of the one that stays or is extended, among those of all rows.
            added: Of the new ones: the probability, that of the symbol in the frame,
                and where in `before` that of the best alignment is, from `best_blank`
                on.
        """
        total, at_last, feed = added
        pool = ops.stack(
            [
                *(stay.blank, stay.best_blank, stay.label, stay.best_label),
                *(before.best_blank, before.best, before.none),
            ]
        )
        nowhere = ops.full_like(place, 0) + 6 * self.size
        new = ops.stack([nowhere, nowhere, nowhere, feed + 4 * self.size])
        index = ops.where(is_new, new, place + self._starts[:4])
        picked = ops.take(ops.reshape(pool, (-1,)), index, axis=0)
        blank, best_blank, label, best_label = ops.unstack(picked, 4)
        best_label += ops.where(is_new, at_last, 0.0)
        return ops.stack(
            Chances(
                blank=blank,
                total=total,
                best_blank=best_blank,
                best=ops.maximum(best_blank, best_label),
                label=ops.where(is_new, total, label),
                best_label=best_label,
                none=before.none,
            )
        )

    def _pick(self, values, places):
        """`values[row, places[row, i]]` for `values` `[batch, n]`."""
        starts = self.rows[:, None] * values.shape[1]
        return ops.take(ops.reshape(values, (-1,)), places + starts, axis=0)

    def _fuse(self, fusion, source, is_new, symbol, score):
        if not self.scorers:
            return ()
        added = ops.where(is_new, symbol, -1)
        states = []
        for scorer, state, foreseen in zip(
            self.scorers, fusion.states, fusion.foreseen, strict=True
        ):
            state = tuple(self._pick(x, source) for x in state)
            foreseen = tuple(self._pick(x, source) for x in foreseen)
            states.append(scorer.advance(state, foreseen, added))
        return self._look_ahead(score, tuple(states))

    def _look_ahead(self, score, states):
        if not self.scorers:
            return ()
        ahead, foreseen = score[:, :, None], []
        for scorer, state in zip(self.scorers, states, strict=True):
            added, found = scorer.expand(state)
            ahead = ahead + ops.cast(added, self.dtype)
            foreseen.append(found)
        ahead = ops.transpose(ahead, (0, 2, 1))
        return Fusion(score, ahead, ops.max(ahead, axis=1), states, tuple(foreseen))

    def _extend_names(self, numbers, symbol, is_new):
        """What tells the chosen prefixes and those of their parents apart."""
        words = len(MULTIPLIERS)
        before, parent = numbers[:words], numbers[words:]
        extended = self._hash(before, symbol)
        prefix = [
            ops.where(is_new, *pair) for pair in zip(extended, before, strict=True)
        ]
        parent = [ops.where(is_new, *pair) for pair in zip(before, parent, strict=True)]
        return prefix, parent

    def _hash(self, prefix, symbol):
        return [
            ops.bitwise_and((own + symbol + 1) * multiplier, self._mask)
            for own, multiplier in zip(prefix, MULTIPLIERS, strict=True)
        ]

    def _find_parents(self, last, prefix, parent):
        # The numbers of two prefixes differ in high bits, places in low ones only.
        *first, key = zip(parent, prefix, strict=True)
        place = key[1] + self._own
        difference = ops.bitwise_xor(key[0][:, :, None], place[:, None])
        for its, other in first:
            is_same = its[:, :, None] == other[:, None]
            difference = ops.where(is_same, difference, np.iinfo(INTEGER).max)
        nearest = ops.min(difference, axis=-1)
        is_found = nearest < self.beam_width
        nearest = ops.minimum(nearest, self.beam_width - 1)
        place = nearest + self._row_places
        repeats = ops.take(ops.reshape(last, (-1,)), place, axis=0) == last
        # Of its `Chances`, those of all alignments and those of the best.
        feed = ops.where(repeats, place, place + self.size)
        origin = 2 * feed + 2
        feed = ops.where(is_found, feed + 2 * self._starts[:2], 6 * self.size)
        extension = ops.where(is_found, -np.inf, np.inf)
        return Parents(nearest, feed, origin, extension)
