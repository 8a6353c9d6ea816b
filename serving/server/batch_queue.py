"""Requests that wait to be run together, by TensorFlow Serving's rules."""

import dataclasses
import threading

from .errors import StatusError


@dataclasses.dataclass(frozen=True)
class Limits:
    """How batches are made; the defaults are the server's for what is not set.

    Args:
        task_rows: The most rows of one request.
        batch_rows: The most rows of one batch.
        timeout: How long the first request of a batch waits for others, in
            seconds.
        batches: How many batches may wait.
        split: Whether a request may be spread over several batches.
    """

    task_rows: int = 1000
    batch_rows: int = 1000
    timeout: float = 0.0
    batches: int = 10
    split: bool = False

    @classmethod
    def of(cls, parameters):
        """Returns the limits that `BatchingParameters` set."""
        given = {
            "task_rows": parameters.max_batch_size,
            "batch_rows": parameters.largest_batch,
            "timeout": _seconds(parameters.batch_timeout_micros),
            "batches": parameters.max_enqueued_batches,
            "split": parameters.enable_large_batch_splitting,
        }
        return cls(**{name: value for name, value in given.items() if value})


class Task:
    """One request on its way: what it brings, and the answer once it is there.

    Args:
        inputs: Dict from input name to numpy array, with the same number of rows.
        outputs: The names of the outputs to compute.
        rows: The number of rows.
        key: Tasks of one batch have the same.
        now: The time, in the seconds of `time.monotonic`.
        deadline: When the answer is no longer wanted, or `None`.
    """

    def __init__(self, inputs, outputs, rows, key, now, deadline):
        self.inputs = inputs
        self.outputs = outputs
        self.rows = rows
        self.key = key
        self.enqueued = now
        self.deadline = deadline
        self.error = None
        self.results = []  # of each part, a dict of arrays; None while it runs
        self.done = threading.Event()  # set with the last result or the first error

    def part(self, start, stop):
        """Adds and returns the part of some rows."""
        self.results.append(None)
        return Part(self, len(self.results) - 1, start, stop)

    def fail(self, error):
        """Ends the task without an answer."""
        if not self.done.is_set():
            self.error = error
            self.done.set()


class Part:
    """Some rows of a task: all of them, unless it is split."""

    def __init__(self, task, index, start, stop):
        self.task = task
        self.rows = stop - start
        self._index = index
        self._slice = slice(start, stop)

    def array(self, name):
        """Returns the rows of one input."""
        return self.task.inputs[name][self._slice]

    def finish(self, result):
        """Adds the part's answer. The runner's lock must be held."""
        results = self.task.results
        results[self._index] = result
        if None not in results:
            self.task.done.set()


class Batch:
    """Parts that run together."""

    def __init__(self, key, expires):
        self.key = key
        self.expires = expires
        self.parts = []
        self.rows = 0

    def add(self, part):
        self.parts.append(part)
        self.rows += part.rows


class BatchQueue:
    """The batches of one signature that wait, oldest first.

    Not thread-safe: the runner holds its lock around every call.

    A batch takes tasks of one key only. TensorFlow Serving puts tasks of unlike
    shape into one batch and then fails all of them, so that one client's odd
    request fails its neighbours'. Here they go to different batches; the number
    of batches that may wait counts over all of them.

    Args:
        signature: The signature's name.
        limits: `Limits`.
    """

    def __init__(self, signature, limits):
        self.signature = signature
        self._limits = limits
        self._batches = []
        self._open = {}  # by key, the batch that still takes tasks
        self._length = 0

    def __len__(self):
        """How many requests wait; one that is split counts once for each batch."""
        return self._length

    def add(self, task):
        """Puts a task into the open batch of its key, or starts another.

        Args:
            task: The `Task`.

        Raises:
            StatusError: if it has more rows than a request may have, or too many
                batches wait already.
        """
        rows = task.rows
        if rows > self._limits.task_rows:
            raise StatusError(
                "INVALID_ARGUMENT",
                f"Task size {rows} is larger than maximum input batch size "
                f"{self._limits.task_rows}",
            )
        open_batch = self._open.get(task.key) if rows else None
        free = self._limits.batch_rows - open_batch.rows if open_batch else 0
        self._check_room(rows, free)
        start = 0
        for size in self._sizes(rows, free):
            if size > free or not rows:
                open_batch = self._start(task)
                free = self._limits.batch_rows
            open_batch.add(task.part(start, start + size))
            self._length += 1
            free -= size
            start += size

    def has_ready(self, now):
        """Returns whether a batch can be run: full, replaced or waited for.

        Args:
            now: The time, in the seconds of `time.monotonic`.
        """
        return self._first_ready(now) is not None

    def pop(self, now, closing=False):
        """Takes the oldest batch that can be run.

        Args:
            now: The time, in the seconds of `time.monotonic`.
            closing: Whether any can.

        Returns:
            The `Batch`, or `None`.
        """
        index = self._first_ready(now, closing)
        if index is None:
            return None
        batch = self._batches.pop(index)
        if self._is_open(batch):
            del self._open[batch.key]
        self._length -= len(batch.parts)
        return batch

    def expires(self):
        """Returns when the next batch has waited long enough, or `None`."""
        return min((batch.expires for batch in self._batches), default=None)

    def _first_ready(self, now, closing=False):
        for index, batch in enumerate(self._batches):
            full = batch.rows >= self._limits.batch_rows
            waited = closing or now >= batch.expires
            if full or waited or not self._is_open(batch):
                return index
        return None

    def _is_open(self, batch):
        return self._open.get(batch.key) is batch

    def _check_room(self, rows, free):
        waiting, most = len(self._batches), self._limits.batches
        if self._limits.split:
            room = (most - waiting) * self._limits.batch_rows + free
            if rows > room or (not rows and waiting >= most):
                raise _full(
                    f"task size is {rows} but scheduling capacity is only {room} "
                    f"(num_enqueued_batches={waiting}, max_enqueued_batches={most})"
                )
        elif (rows > free or not rows) and waiting >= most:
            raise _full(
                f"currently {waiting} batches enqueued and max_enqueued_batches is "
                f"{most}"
            )

    def _sizes(self, rows, free):
        """Returns the rows of each part: what is free, then whole batches."""
        if not self._limits.split or rows <= free or not rows:
            return [rows]
        sizes = [free] if free else []
        whole, rest = divmod(rows - free, self._limits.batch_rows)
        return sizes + [self._limits.batch_rows] * whole + ([rest] if rest else [])

    def _start(self, task):
        batch = Batch(task.key, task.enqueued + self._limits.timeout)
        self._batches.append(batch)
        if task.rows:  # no rows have nothing to share: ready at once, and alone
            self._open[task.key] = batch
        return batch


def _full(reason):
    # TensorFlow Serving answers UNAVAILABLE, which tells clients and proxies that
    # the server is gone; too many requests have a code of their own (HTTP 429).
    return StatusError(
        "RESOURCE_EXHAUSTED",
        "The batch scheduling queue to which this task was submitted is full; "
        + reason,
    )


def _seconds(micros):
    return None if micros is None else micros / 1e6
