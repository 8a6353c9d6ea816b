"""Which example belongs to training, validation or test: by its content."""

import hashlib

import numpy as np

SPLITS = ("train", "val", "test")


def content_key(content):
    """Returns the hash of an example's content, 32 hexadecimal digits.

    Args:
        content: `bytes`, or a numpy array (hashed with its dtype and shape).
    """
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(content, np.ndarray):
        digest.update(f"{content.dtype.str}{content.shape}".encode())
        content = np.ascontiguousarray(content)
    digest.update(content)
    return digest.hexdigest()


def split_by_content(keys, labels, *, val=0.15, test=0.15, known=None):
    """Puts each example into a split that follows from its content alone.

    The hash of an example, read as a number in [0, 1), says its split: below
    `test` it is test, below `test + val` validation, else training. So an
    example is in the same split on every machine and after others are added,
    and copies of it fall together, whatever their labels.

    A class of at least three different examples that would miss a split gets
    into it by its example whose number lies nearest. Such a moved example may go
    back to its own split when the class grows; no rule can have both. Where that
    matters, keep the table of a run and hand it in as `known`.

    Args:
        keys: `[N]` content hashes, from `content_key`.
        labels: `[N]` class numbers.
        val: Share for validation; 0 for none.
        test: Share for the test; 0 for none.
        known: Dict from key to split; it wins.

    Returns:
        `[N]` array of `"train"`, `"val"` and `"test"`.
    """
    keys, labels, known = np.asarray(keys), np.asarray(labels), known or {}
    unique, place = np.unique(keys, return_inverse=True)
    numbers = np.array([int(key[:13], 16) / 16**13 for key in unique])
    ranges = {"test": (0.0, test), "val": (test, test + val), "train": (test + val, 1)}
    splits = np.full(len(unique), "train", dtype="<U5")
    for split, (low, high) in ranges.items():
        splits[(numbers >= low) & (numbers < high)] = split
    fixed = np.array([key in known for key in unique], bool)
    for index in np.flatnonzero(fixed):
        splits[index] = known[unique[index]]
    wanted = [split for split, (low, high) in ranges.items() if high > low]
    for label in np.unique(labels):
        members = np.unique(place[labels == label])
        if len(members) >= len(SPLITS):
            _fill_missing(splits, numbers, members, fixed, wanted, ranges)
    return splits[place]


def _fill_missing(splits, numbers, members, fixed, wanted, ranges):
    """Moves the nearest example of a class into each split that it misses."""
    for split in wanted:
        inside = splits[members]
        if (inside == split).any():
            continue
        # A split keeps its last example.
        counts = {name: (inside == name).sum() for name in SPLITS}
        free = [i for i in members if not fixed[i] and counts[splits[i]] > 1]
        if free:
            low, high = ranges[split]
            distance = [max(low - numbers[i], numbers[i] - high) for i in free]
            splits[free[int(np.argmin(distance))]] = split
