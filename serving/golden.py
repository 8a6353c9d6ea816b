"""Comparing an answer with the one that was kept at export."""

from collections import Counter

import numpy as np

# Kernels differ from one kind of machine to another, and so do the last digits.
RTOL, ATOL = 1e-3, 1e-4


def differences(golden, answer):
    """Compares two answers to one request.

    Numbers may differ by `ATOL + RTOL * |golden|`; all else must be equal. Beside
    falling scores of the same shape (the labels of the five best, for instance),
    those whose scores tie within this tolerance may stand in any order, and those
    whose scores are nought within it, but for the first, may be others. An output
    that repeats the first of them may be any that ties with it.

    Args:
        golden: Dict from output name to numpy array, kept at export.
        answer: The same of now.

    Returns:
        `(texts, largest)`: what differs, one line an output; and the largest
        difference between two numbers.
    """
    texts, largest = [], 0.0
    for name in sorted(golden.keys() | answer.keys()):
        if name not in golden or name not in answer:
            texts.append(f"output `{name}` is on one side only")
            continue
        old, new = golden[name], answer[name]
        if (old.dtype.kind, old.shape) != (new.dtype.kind, new.shape):
            texts.append(
                f"output `{name}` is {new.dtype}{list(new.shape)}, "
                f"it was {old.dtype}{list(old.shape)}"
            )
        elif old.dtype.kind == "f":
            gap = _gap(old, new)
            largest = max(largest, gap.max(initial=0.0))
            wrong = gap > ATOL + RTOL * np.abs(_finite(old))
            if wrong.any():
                texts.append(
                    f"output `{name}` differs by up to {gap[wrong].max():.3g} "
                    f"in {wrong.sum()} of {wrong.size} numbers"
                )
        else:
            count = _count_wrong(old, new, golden)
            if count:
                texts.append(f"output `{name}` differs in {count} of {old.size} values")
    return texts, float(largest)


def _gap(old, new):
    """How far numbers are apart; equal infinities and NaNs are not."""
    old, new = old.astype(np.float64), new.astype(np.float64)
    same = (old == new) | (np.isnan(old) & np.isnan(new))
    with np.errstate(invalid="ignore"):
        gap = np.where(same, 0.0, np.abs(new - old))
    return np.where(np.isnan(gap), np.inf, gap)


def _finite(values):
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)


def _scores(golden, shape):
    """The falling scores that rank an output of this shape, or `None`."""
    for values in golden.values():
        if values.dtype.kind == "f" and values.shape == shape and len(shape) > 1:
            values = _finite(values)
            if (np.diff(values) <= 0).all():
                return values
    return None


def _count_wrong(old, new, golden):
    """How many values differ, other than where scores tie."""
    if np.array_equal(old, new):
        return 0
    if old.ndim == 1:
        return _count_wrong_firsts(old, new, golden)
    scores = _scores(golden, old.shape)
    if scores is None:
        return np.sum(old != new)
    width = old.shape[-1]
    return sum(
        map(
            _count_wrong_in_row,
            old.reshape(-1, width).tolist(),
            new.reshape(-1, width).tolist(),
            scores.reshape(-1, width),
        )
    )


def _count_wrong_firsts(old, new, golden):
    wrong = old != new
    for ranked in golden.values():
        if ranked.ndim != 2 or ranked.dtype.kind != old.dtype.kind:
            continue
        scores = _scores(golden, ranked.shape)
        if scores is None or not np.array_equal(ranked[:, 0], old):
            continue
        for row in np.flatnonzero(wrong):
            stop = _starts(scores[row])[1:2] or [ranked.shape[1]]
            wrong[row] = new[row] not in ranked[row, : stop[0]].tolist()
    return np.sum(wrong)


def _starts(scores):
    """Where each run of scores that tie begins."""
    gaps = np.abs(np.diff(scores)) > ATOL + RTOL * np.abs(scores[1:])
    return [0, *(np.flatnonzero(gaps) + 1).tolist()]


def _count_wrong_in_row(old, new, scores):
    starts = _starts(scores)
    wrong = 0
    for start, stop in zip(starts, [*starts[1:], len(old)], strict=True):
        if start == 0 or abs(scores[start]) > ATOL:
            missing = Counter(old[start:stop]) - Counter(new[start:stop])
            wrong += missing.total()
    return wrong
