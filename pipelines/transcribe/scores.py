"""How far transcripts are from what was said, in words and in characters."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Alignment:
    """The fewest changes that turn a reference into a hypothesis.

    Args:
        pairs: List of pairs of a token of the reference and one of the hypothesis, in
            their order, with `None` where one of them has no counterpart.
    """

    pairs: list[tuple]

    @property
    def hits(self):
        """How many tokens are right."""
        return sum(a == b for a, b in self.pairs)

    @property
    def substitutions(self):
        """How many tokens are others."""
        return len(self.pairs) - self.hits - self.deletions - self.insertions

    @property
    def deletions(self):
        """How many tokens of the reference are missing."""
        return sum(b is None for _, b in self.pairs)

    @property
    def insertions(self):
        """How many tokens the hypothesis has too many."""
        return sum(a is None for a, _ in self.pairs)

    @property
    def errors(self):
        """How many changes there are."""
        return len(self.pairs) - self.hits


def alignment(reference, hypothesis):
    """Aligns two sequences of tokens.

    Of several alignments with as few changes, the choice is that of rapidfuzz, and so
    of jiwer: seen from the end, deletions first, then insertions.

    Args:
        reference: List of `str`, what was said.
        hypothesis: List of `str`, what was understood.

    Returns:
        An `Alignment`.
    """
    reference, hypothesis = list(reference), list(hypothesis)
    shorter = min(len(reference), len(hypothesis))
    start = 0
    while start < shorter and reference[start] == hypothesis[start]:
        start += 1
    end = 0
    while end < shorter - start and reference[-1 - end] == hypothesis[-1 - end]:
        end += 1
    inner = _align(
        reference[start : len(reference) - end],
        hypothesis[start : len(hypothesis) - end],
    )
    same = [(token, token) for token in reference]
    return Alignment(same[:start] + inner + same[len(reference) - end :])


def word_error_rate(references, hypotheses):
    """Errors for each word that was said; words are parted by white space.

    Args:
        references: List of `str`, what was said.
        hypotheses: List of `str`, what was understood.

    Returns:
        float, which can be above 1. Without any word said, 0 if none was understood,
        else infinity.
    """
    return _error_rate(references, hypotheses, str.split)


def character_error_rate(references, hypotheses):
    """Errors for each character that was said, spaces between words among them.

    Args:
        references: List of `str`, what was said.
        hypotheses: List of `str`, what was understood.

    Returns:
        As `word_error_rate`.
    """
    return _error_rate(references, hypotheses, str.strip)


def _error_rate(references, hypotheses, tokens):
    errors = length = 0
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        reference = tokens(reference)
        errors += alignment(reference, tokens(hypothesis)).errors
        length += len(reference)
    if length == 0:
        return float("inf") if errors else 0.0
    return errors / length


def _align(reference, hypothesis):
    distances = _distances(reference, hypothesis)
    pairs = []
    row, column = len(reference), len(hypothesis)
    while row and column:
        above = distances[row - 1]
        if distances[row, column] == above[column] + 1:
            row -= 1
            pairs.append((reference[row], None))
        elif distances[row, column - 1] == above[column - 1] - 1:
            column -= 1
            pairs.append((None, hypothesis[column]))
        else:
            row, column = row - 1, column - 1
            pairs.append((reference[row], hypothesis[column]))
    pairs += [(token, None) for token in reversed(reference[:row])]
    pairs += [(None, token) for token in reversed(hypothesis[:column])]
    return pairs[::-1]


def _distances(reference, hypothesis):
    """Fewest changes between all beginnings, `[len(reference) + 1, ...]`."""
    numbers = {token: i for i, token in enumerate({*reference, *hypothesis})}
    columns = np.array([numbers[token] for token in hypothesis], np.int64)
    order = np.arange(len(hypothesis) + 1)
    rows = [order]
    for token in reference:
        above = rows[-1]
        row = above + 1
        changed = above[:-1] + (columns != numbers[token])
        row[1:] = np.minimum(row[1:], changed)
        # Insertions, from left to right.
        rows.append(np.minimum.accumulate(row - order) + order)
    return np.stack(rows)
