"""Comparing an answer with the one that was kept at export."""

import numpy as np

# Kernels differ from one kind of machine to another, and so do the last digits.
RTOL, ATOL = 1e-3, 1e-4


def differences(golden, answer):
    """Compares two answers to one request.

    Numbers may differ by `ATOL + RTOL * |golden|`; all else must be equal. Where
    scores tie within this tolerance their order is open: texts may then change
    places along the last axis (the labels of the five best, for instance).

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
            wrong = old != new
            if old.dtype.kind == "O":
                wrong = wrong & ~_in_tie(old.shape, golden)
            if np.any(wrong):
                texts.append(
                    f"output `{name}` differs in {wrong.sum()} of {wrong.size} values"
                )
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


def _in_tie(shape, golden):
    """Marks the places whose score ties with a neighbour's, or is nought."""
    tie = np.zeros(shape, bool)
    for scores in golden.values():
        if scores.dtype.kind != "f" or scores.shape != shape or len(shape) < 2:
            continue
        scores = _finite(scores)
        close = np.abs(np.diff(scores)) <= ATOL + RTOL * np.abs(scores[..., 1:])
        tie[..., 1:] |= close
        tie[..., :-1] |= close
        tie |= np.abs(scores) <= ATOL
    return tie
