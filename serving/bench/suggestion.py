"""Batching values, chosen from a sweep."""

import dataclasses
from pathlib import Path

from ...errors import UserError
from ...files import atomic_file
from ..batching_choice import GOOD_ENOUGH, batching_for, worthwhile_rows
from ..batching_parameters import FILE_NAME, BatchingParameters
from .places import check_version_dir
from .warm_up import warm_batch_sizes


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """Batching values and what they rest on.

    Attributes:
        parameters: The `BatchingParameters`.
        reasons: A list of lines: why these values.
        measured: A list of lines: when and on what, and the table.
    """

    parameters: BatchingParameters
    reasons: list[str]
    measured: list[str]

    def text(self):
        """The content of `batching_params.pbtxt`, with comments."""
        comments = [
            "How a server runs requests to this version together. TensorFlow Serving",
            "reads it with --enable_batching --enable_per_model_batching_parameters.",
            "",
            *self.reasons,
            "",
            *self.measured,
        ]
        lines = [f"# {line}".rstrip() for line in comments]
        return "\n".join([*lines, "", self.parameters.text()])


def suggest(result):
    """Chooses batching values from a sweep.

    - The largest batch is the smallest measured size of request that reaches
      90 % of the best throughput in examples per second.
    - `num_batch_threads`: requests of that size are batches of their own, so the
      number of clients that first reaches 90 % of their best throughput is the
      number of batches worth running side by side; at most one for each CPU core
      where these are known.
    - The wait for others follows from the median latency of the smallest request
      by a single client; this and the rest as in `batching_for`.

    Measure a server without batching, or what it does already is measured along.

    Args:
        result: The `BenchResult`.

    Returns:
        A `Suggestion`.

    Raises:
        UserError: if fewer than two sizes of requests were answered.
    """
    answered = [item for item in result.measurements if item.requests]
    best = {}
    for item in answered:
        best[item.batch] = max(best.get(item.batch, 0.0), item.rows_per_second)
    if len(best) < 2:
        raise UserError(
            "too little was measured to suggest batching values",
            mend="Measure at least two sizes of requests, e.g. --batch 1 4 16",
        )
    largest = worthwhile_rows(best)
    threads = min(
        item.concurrency
        for item in answered
        if item.batch == largest and item.rows_per_second >= GOOD_ENOUGH * best[largest]
    )
    reason = f"{threads} of them at a time reach {GOOD_ENOUGH:.0%} of what more would."
    if result.server_cores is not None and threads > result.server_cores:
        threads = result.server_cores
        reason = f"As many of them run at a time as there are CPU cores, {threads}."
    alone = min(answered, key=lambda item: (item.batch, item.concurrency))
    parameters = batching_for(largest, alone.p50_ms / 1e3, threads, result.splits)
    wait = parameters.batch_timeout_micros / 1e3
    reasons = [
        f"Batches of {largest} rows reach {best[largest]:.1f} rows/s, of "
        f"{min(best)} {best[min(best)]:.1f}; the best was {max(best.values()):.1f}.",
        reason,
        f"A request waits up to {wait:.1f} ms for others; alone it takes "
        f"{alone.p50_ms:.1f} ms.",
    ]
    if largest == max(best):
        reasons.append("No larger batches were measured; they may bring more.")
    measured = [f"Measured {result.measured}:", *result.lines()]
    return Suggestion(parameters, reasons, measured)


def write_suggestion(version_dir, suggestion):
    """Writes batching values into an exported model.

    The file is replaced as a whole. A server reads it when it loads the
    version.

    Args:
        version_dir: The folder that holds `saved_model.pb`.
        suggestion: The `Suggestion`.

    Returns:
        A list of lines to print: what was written, and whether the warm-up of
        this version covers the batch sizes that will be run.

    Raises:
        UserError: if there is no model, its warm-up is damaged, or the file
            cannot be written.
    """
    folder = Path(version_dir)
    check_version_dir(folder)
    missing = sorted(set(suggestion.parameters.batch_sizes) - warm_batch_sizes(folder))
    path = folder / FILE_NAME
    with atomic_file(path) as file:
        file.write(suggestion.text())
    lines = [
        f"wrote {path}",
        "A server reads it when it loads this version: start it again.",
    ]
    if missing:
        lines.append(
            f"The warm-up has no batch of {', '.join(map(str, missing))}: the first "
            "such batch will be slow. Export again to have them warmed up."
        )
    return lines
