"""The warm-up of an export: requests that a server replays when it loads it."""

import dataclasses

from ..records import MAX_RECORDS, prediction_log
from .examples import batch, size

_LARGEST_BYTES = 64_000_000  # of all records together


@dataclasses.dataclass(frozen=True)
class WarmUp:
    """The records of an export's warm-up.

    Attributes:
        logs: `PredictionLog`s, each with the answer the model gave.
        kept: Dict from signature name to the list of its batch sizes.
        dropped: The same of those left out because they are too large.
    """

    logs: list
    kept: dict[str, list[int]]
    dropped: dict[str, list[int]]


def make_warm_up(run, name, examples, sizes, limit=_LARGEST_BYTES):
    """Makes one record for each signature and batch size.

    Args:
        run: A function of a signature's name and a dict of inputs that returns
            the dict of outputs.
        name: The model's name.
        examples: Dict from signature name to a dict of numpy arrays.
        sizes: The batch sizes, rising.
        limit: The most bytes of all records together; the largest batches are
            left out first.

    Returns:
        A `WarmUp`.
    """
    logs, total = [], 0
    kept = {signature: [] for signature in examples}
    dropped = {signature: [] for signature in examples}
    for rows in sizes:
        for signature, inputs in examples.items():
            request = batch(inputs, rows)
            log = None
            room = limit - total
            if not dropped[signature] and len(logs) < MAX_RECORDS:
                log = _record(run, name, signature, request, room)
            if log is None:
                dropped[signature].append(rows)
            else:
                kept[signature].append(rows)
                total += log.ByteSize()
                logs.append(log)
    return WarmUp(logs, kept, {key: rows for key, rows in dropped.items() if rows})


def _record(run, name, signature, request, room):
    """One record, or `None` where it takes more than `room` bytes."""
    if size(request) > room:
        return None
    log = prediction_log(name, signature, request, run(signature, request))
    return log if log.ByteSize() <= room else None
