"""Measured batching: how many rows at once are worth waiting for."""

import dataclasses
import os
import statistics
import time

import tensorflow as tf

from ..batching_choice import batching_for, worthwhile_rows
from .examples import batch, size

_SECONDS = 5.0  # about what all the measuring may take
_FEWEST, _MOST = 3, 7  # how often each size is timed
_LARGEST_ROWS, _CHEAP_ROWS = 32, 64
_CHEAP_SECONDS = 0.05  # the larger limit holds where `_LARGEST_ROWS` take no longer
_LARGEST_BYTES = 64_000_000  # of a batch's inputs


@dataclasses.dataclass(frozen=True)
class Timing:
    """How long one signature takes for a batch.

    Attributes:
        signature: Its name.
        rows: The batch's rows.
        seconds: The median of several runs.
    """

    signature: str
    rows: int
    seconds: float

    @property
    def rate(self):
        """Rows per second."""
        return self.rows / self.seconds


def measure(run, examples, clock=time.perf_counter):
    """Times each signature at 1, 2, 4, ... rows.

    Each signature is run once before, which is not counted. The sizes grow until
    the time is used up, the inputs get too large, or there are 32 rows (64 where
    that is quick). Then all of them are timed in turn again and again, so that a
    moment in which the machine is busy elsewhere slows all alike.

    Args:
        run: A function of a signature's name and a dict of inputs.
        examples: Dict from signature name to a dict of numpy arrays.
        clock: Returns the time in seconds.

    Returns:
        A list of `Timing`, by signature, then by rows.
    """
    for signature, inputs in examples.items():
        run(signature, batch(inputs, 1))  # a session's first run can take seconds
    end = clock() + _SECONDS

    def timed(key):
        start = clock()
        run(key[0], batches[key])
        return clock() - start

    batches, samples = {}, {}
    for done, (signature, inputs) in enumerate(examples.items()):
        # What is left is shared out, and half of each share kept for later.
        share = clock() + (end - clock()) / (len(examples) - done) / 2
        rows, pending = 1, 0.0
        while True:
            key = signature, rows
            batches[key] = batch(inputs, rows)
            if rows > 1 and size(batches[key]) > _LARGEST_BYTES:
                del batches[key]
                break
            timed(key)  # the first run of a shape sets things up
            samples[key] = [timed(key)]
            last = samples[key][0]
            pending += (_FEWEST - 1) * last
            rows *= 2
            if rows > (_CHEAP_ROWS if last <= _CHEAP_SECONDS else _LARGEST_ROWS):
                break
            # The next size takes up to twice as long, set-up included.
            if clock() + pending + (_FEWEST + 1) * 2 * last > share:
                break
    for turn in range(1, _MOST):
        cost = sum(times[-1] for times in samples.values())
        if turn >= _FEWEST and clock() + cost > end:
            break
        for key, times in samples.items():
            times.append(timed(key))
    return [Timing(*key, statistics.median(times)) for key, times in samples.items()]


def choose(timings, cores, splits=True):
    """Chooses the batching of a model from its timings.

    Batches take the fewest rows that reach 90 % of the best throughput; with
    several signatures, of the best that all reach together.

    Args:
        timings: A list of `Timing`.
        cores: The number of CPU cores.
        splits: Whether the parts of a request can be put together.

    Returns:
        `BatchingParameters`, see `batching_for`.
    """
    rates = {}
    for timing in timings:
        rates.setdefault(timing.signature, {})[timing.rows] = timing.rate
    common = set.intersection(*map(set, rates.values()))
    scores = {
        rows: min(rate[rows] / max(rate.values()) for rate in rates.values())
        for rows in common
    }
    alone = min(timing.seconds for timing in timings if timing.rows == 1)
    return batching_for(worthwhile_rows(scores), alone, cores, splits)


def cpu_cores():
    """How many CPU cores this process may use."""
    return len(os.sched_getaffinity(0))


def measured_on():
    """What the timings hold for, e.g. `"2 CPU cores"`."""
    cores = cpu_cores()
    text = f"{cores} CPU core{'s' if cores > 1 else ''}"
    for gpu in tf.config.list_physical_devices("GPU")[:1]:
        details = tf.config.experimental.get_device_details(gpu)
        text = f"{details.get('device_name', 'a GPU')} and {text}"
    return text


def table(timings):
    """The timings as lines of aligned text, the heading first.

    Args:
        timings: A list of `Timing`.

    Returns:
        A list of `str`.
    """
    width = max(len("signature"), *(len(timing.signature) for timing in timings))
    lines = [f"{'signature':<{width}}  rows  ms per batch  rows per s"]
    for timing in timings:
        lines.append(
            f"{timing.signature:<{width}}  {timing.rows:>4}  "
            f"{timing.seconds * 1e3:>12.2f}  {timing.rate:>10.1f}"
        )
    return lines


def batching_file(parameters, timings, where, folder):
    """The content of `batching_params.pbtxt`.

    Args:
        parameters: `BatchingParameters`.
        timings: The list of `Timing` they were chosen from.
        where: What was measured on.
        folder: The version's folder, as `MODELS/NAME/VERSION`.

    Returns:
        A `str`, a text proto with comments.
    """
    models, name, _ = folder.split("/")
    comments = [
        "How a server runs requests to this version together. TensorFlow Serving",
        "reads it with --enable_batching --enable_per_model_batching_parameters.",
        "",
        f"Measured on {where}; on another machine, a GPU above all, measure again:",
        f"amalthea serve {models} --no-batching",
        f"amalthea bench http://localhost:8501 {name} --input ... --write {folder}",
        "",
        *table(timings),
    ]
    lines = [f"# {line}".rstrip() for line in comments]
    return "\n".join([*lines, "", parameters.text()])
