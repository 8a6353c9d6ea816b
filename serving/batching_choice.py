"""Which batching suits a model, once its speed at several batch sizes is known."""

import math

from .batching_parameters import BatchingParameters

GOOD_ENOUGH = 0.9  # of the best throughput
_REQUEST_ROWS = 256  # the most rows of one request
_UNSPLIT_ROWS = 32  # taken where requests are not split, however long they run
_UNSPLIT_SECONDS = 0.25  # more rows are, where one by one they take no longer
_QUEUED_ROWS = 4 * _REQUEST_ROWS
_LONGEST_WAIT = 0.01  # seconds


def worthwhile_rows(rates):
    """The fewest rows that reach 90 % of the best throughput.

    Args:
        rates: Dict from a batch's rows to its throughput.

    Returns:
        An `int`. More rows bring little, and cost latency.
    """
    enough = GOOD_ENOUGH * max(rates.values())
    return min(rows for rows, rate in rates.items() if rate >= enough)


def batching_for(largest, seconds_alone, threads, splits=True):
    """Settings for batches of up to `largest` rows.

    A request waits for others at most half as long as it takes to run alone, and
    at most 10 ms; where batches bring nothing it does not wait. Requests of up to
    256 rows are taken and split, and 1,024 rows may wait. The allowed sizes of a
    batch are 1, 2, 3, 4, 6, 8, 12, 16, ...: few enough to warm them all up, and
    padding adds less than a half.

    Where outputs are as wide as the widest row of a batch, the parts of a request
    cannot be put together: it runs whole, and batches of at least 32 rows and at most
    256 are allowed, as many as take a quarter second one by one.

    Args:
        largest: The most rows of one batch.
        seconds_alone: How long the quickest request takes alone.
        threads: How many batches run side by side.
        splits: Whether the parts of a request can be put together.

    Returns:
        `BatchingParameters`.
    """
    if not splits:
        rows = min(int(_UNSPLIT_SECONDS / seconds_alone), _REQUEST_ROWS)
        largest = max(largest, rows, _UNSPLIT_ROWS)
    request_rows = max(_REQUEST_ROWS, largest) if splits else largest
    wait = min(seconds_alone / 2, _LONGEST_WAIT) if largest > 1 else 0
    return BatchingParameters(
        max_batch_size=request_rows,
        batch_timeout_micros=round(wait * 1e6),
        max_enqueued_batches=math.ceil(_QUEUED_ROWS / largest),
        num_batch_threads=threads,
        # A server demands that the last size is the largest request, though no
        # batch gets as large.
        allowed_batch_sizes=_sizes(largest, request_rows),
        enable_large_batch_splitting=splits,
        max_execution_batch_size=largest if splits else None,
    )


def _sizes(largest, request_rows):
    steps = {1 << power for power in range(largest.bit_length())}
    steps |= {3 * step // 2 for step in steps if step > 1}
    sizes = {step for step in steps if step < largest}
    return tuple(sorted(sizes | {largest, request_rows}))
