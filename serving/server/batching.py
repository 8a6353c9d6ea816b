"""What runs a version's requests: one by one, or together in batches."""

import collections
import os
import threading
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from ..batching_parameters import FILE_NAME, read_batching_parameters
from ..quiet import error_line
from .batch_queue import BatchQueue, Limits, Task
from .batch_tensors import merge, padding_rows, split
from .errors import StatusError, from_tensorflow


def runner_factory(options, metrics=None):
    """Returns what makes the runner of a version that is being loaded.

    With batching on, this does what TensorFlow Serving does under
    `--enable_batching --enable_per_model_batching_parameters`: a version with a
    `batching_params.pbtxt` is batched by it, one without is not batched at all,
    whatever the server's own settings are.

    Args:
        options: `ServerOptions`; `batching` is used.
        metrics: `Metrics`, or `None`.

    Returns:
        `make_runner(model, version_dir, name, version)`, which returns a runner.
        The name and the version, a whole number, are what metrics call the model;
        they know it until the runner is closed. It raises `UserError` if the file
        is damaged.
    """

    def make_runner(model, version_dir, name, version):
        path = Path(version_dir, FILE_NAME)
        if options.batching and path.exists():
            parameters = read_batching_parameters(path)
            runner = BatchingRunner(model, name, version, parameters, metrics)
        else:
            runner = DirectRunner(model, name, version, metrics)
        if metrics is not None:
            metrics.know(name, version, model.signature_defs, version_dir)
        return runner

    return make_runner


class DirectRunner:
    """Runs each request by itself, in the thread that asks.

    Args:
        model: A `ServedModel`.
        name: What metrics call the model.
        version: Its version, a whole number.
        metrics: `Metrics`, or `None`.
    """

    def __init__(self, model, name="", version=0, metrics=None):
        self._model = model
        self._name, self._version, self._metrics = name, version, metrics

    def run(self, signature, inputs, outputs, deadline=None):
        """Runs one signature.

        Args:
            signature: Its name.
            inputs: Dict from input name to numpy array of the input's dtype.
            outputs: The names of the outputs to compute.
            deadline: When the answer is no longer wanted, in the seconds of
                `time.monotonic`, or `None`. A run that has begun is finished.

        Returns:
            A dict from output name to numpy array.

        Raises:
            StatusError: if the run fails or the deadline has passed.
        """
        start = time.monotonic()
        if deadline is not None and start >= deadline:
            raise StatusError("DEADLINE_EXCEEDED", "The deadline passed before the run")
        results = _run_session(self._model, signature, inputs, outputs)
        if self._metrics is not None:
            self._metrics.runtime(
                self._name, self._version, signature, time.monotonic() - start
            )
        return results

    def close(self):
        """Has metrics forget the version; there is nothing to wait for."""
        if self._metrics is not None:
            self._metrics.forget(self._name, self._version)


class BatchingRunner:
    """Runs requests of one signature together, by TensorFlow Serving's rules.

    A batch is run when it is full, or when its first request has waited for the
    timeout, and a thread is free. Threads take the signatures in turn. Each
    version has threads of its own, which end with it; TensorFlow Serving shares
    one pool between all models and sizes it by its own settings alone.

    One lock guards the queues and the progress of tasks. Nothing waits for it
    longer than a batch takes to be put together or handed out.

    Args:
        model: A `ServedModel`.
        name: What metrics call the model.
        version: Its version, a whole number.
        parameters: `BatchingParameters`.
        metrics: `Metrics`, or `None`.
    """

    def __init__(self, model, name, version, parameters, metrics=None):
        self._model = model
        self._name, self._version, self._metrics = name, version, metrics
        self._allowed = parameters.allowed_batch_sizes
        self._pad_shapes = parameters.pad_variable_length_inputs
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)  # for threads without work
        self._closed = False
        self._watched = False  # whether a thread waits for the next timeout
        limits = Limits.of(parameters)
        self._queues = {
            signature: BatchQueue(signature, limits)
            for signature in model.signature_defs
        }
        self._turns = collections.deque(self._queues.values())  # next to serve first
        self._threads = [
            threading.Thread(
                target=self._work, name=f"batch-{name}-{version}-{index}", daemon=True
            )
            for index in range(parameters.num_batch_threads or os.cpu_count() or 1)
        ]
        for thread in self._threads:
            thread.start()

    def run(self, signature, inputs, outputs, deadline=None):
        """Runs one signature, perhaps together with other requests.

        Args:
            signature: Its name.
            inputs: Dict from input name to numpy array of the input's dtype, all
                with the same number of rows.
            outputs: The names of the outputs to compute.
            deadline: When the answer is no longer wanted, in the seconds of
                `time.monotonic`, or `None`. A request that still waits then is
                never run; one that runs is left to itself.

        Returns:
            A dict from output name to numpy array.

        Raises:
            StatusError: if the inputs cannot be batched, too many requests wait,
                the run fails, the deadline passes or the runner is closed.
        """
        start = time.monotonic()
        rows = self._count_rows(inputs)
        if deadline is not None and start >= deadline:
            raise _late()
        key = (tuple(outputs), self._shapes(inputs))
        task = Task(inputs, outputs, rows, key, start, deadline)
        self._submit(signature, task)
        if not task.done.wait(None if deadline is None else _wait(deadline - start)):
            raise _late()
        if task.error is not None:
            # A new one: other threads may be raising the same error.
            raise StatusError(task.error.code, task.error.message)
        if self._metrics is not None:
            self._metrics.runtime(
                self._name, self._version, signature, time.monotonic() - start
            )
        return _joined(task.results)

    def close(self):
        """Finishes what was accepted, refuses what comes, and ends the threads."""
        with self._lock:
            self._closed = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join()
        if self._metrics is not None:
            self._metrics.forget(self._name, self._version)

    def _count_rows(self, inputs):
        if not inputs:
            raise _invalid("Batching Run() must have at least one input tensor")
        sizes = set()
        for array in inputs.values():
            if array.ndim == 0:
                raise _invalid(
                    "Batching Run() input tensors must have at least one dimension"
                )
            sizes.add(array.shape[0])
        if len(sizes) > 1:
            raise _invalid(
                "Batching Run() input tensors must have equal 0th-dimension size"
            )
        [rows] = sizes
        if self._metrics is not None:
            for _ in inputs:
                self._metrics.batch_input(rows)
        return rows

    def _shapes(self, inputs):
        return tuple(
            (name, array.dtype, array.ndim if self._pad_shapes else array.shape[1:])
            for name, array in inputs.items()
        )

    def _submit(self, signature, task):
        with self._lock:
            if self._closed:
                raise StatusError(
                    "UNAVAILABLE",
                    f"Version {self._version} of {self._name} is being unloaded",
                )
            queue = self._queues[signature]
            queue.add(task)
            self._note_length(queue)
            self._rouse(task.enqueued)

    def _note_length(self, queue):
        if self._metrics is not None:
            self._metrics.queue(self._name, self._version, queue.signature, len(queue))

    def _rouse(self, now):
        """Wakes a thread if there is something to do that no thread waits for.

        All batches wait equally long, so the thread that watches the clock for one
        is in time for those that come after it.
        """
        waiting = [queue for queue in self._turns if len(queue)]
        if waiting and (
            not self._watched or any(queue.has_ready(now) for queue in waiting)
        ):
            self._wake.notify()

    def _work(self):
        # Each batch in a call of its own: its arrays are let go before the wait.
        while self._work_once():
            pass

    def _work_once(self):
        taken = self._take()
        if taken is not None:
            self._process(*taken)
        return taken is not None

    def _take(self):
        """Waits for a batch; returns its signature and it, or `None` at the end."""
        with self._lock:
            while True:
                now = time.monotonic()
                taken = self._pop(now)
                if taken is not None:
                    self._rouse(now)
                    return taken
                times = [queue.expires() for queue in self._turns if len(queue)]
                if not times and self._closed:
                    return None
                if times and not self._watched:
                    self._watched = True
                    self._wake.wait(_wait(min(times) - now))
                    self._watched = False
                else:
                    self._wake.wait()

    def _pop(self, now):
        for _ in range(len(self._turns)):
            queue = self._turns[0]
            self._turns.rotate(-1)
            batch = queue.pop(now, self._closed)
            if batch is not None:
                self._note_length(queue)
                return queue.signature, batch
        return None

    def _process(self, signature, batch):
        now = time.monotonic()
        parts = []
        with self._lock:
            for part in batch.parts:
                task = part.task
                if task.deadline is not None and now >= task.deadline:
                    task.fail(_late())
                if task.error is None:  # also not failed by another of its parts
                    parts.append(part)
        if self._metrics is not None:
            for part in batch.parts:
                waited = now - part.task.enqueued
                self._metrics.queued(self._name, self._version, signature, waited)
        if parts:
            self._answer(signature, parts)

    def _answer(self, signature, parts):
        failure = None
        # Only the texts are kept: an error would keep the arrays of its run.
        try:
            results = self._run(signature, parts)
        except StatusError as error:
            failure = StatusError(error.code, error.message)
        except Exception as error:  # whoever waits for the answer must get one
            failure = StatusError("INTERNAL", error_line(error))
        if failure is None:
            with self._lock:
                for part, result in zip(parts, results, strict=True):
                    part.finish(result)
        elif failure.code == "INVALID_ARGUMENT" and len(parts) > 1:
            # One request that the model rejects fails all of its batch. By halves
            # it is soon found, and only it fails. (TensorFlow Serving fails all.)
            middle = len(parts) // 2
            self._answer(signature, parts[:middle])
            self._answer(signature, parts[middle:])
        else:
            self._fail(parts, failure)

    def _fail(self, parts, error):
        with self._lock:
            for part in parts:
                part.task.fail(error)

    def _run(self, signature, parts):
        sizes = [part.rows for part in parts]
        padding = padding_rows(sum(sizes), self._allowed)
        first = parts[0].task
        inputs = {
            name: merge([part.array(name) for part in parts], padding, self._pad_shapes)
            for name in first.inputs
        }
        if self._metrics is not None:
            self._metrics.batch(
                self._name, self._version, signature, sum(sizes) + padding, padding
            )
        outputs = _run_session(self._model, signature, inputs, first.outputs)
        return split(outputs, sizes, padding)


def _run_session(model, signature, inputs, outputs):
    try:
        return model.run(signature, inputs, outputs)
    except tf.errors.OpError as error:
        raise from_tensorflow(error) from error


def _joined(results):
    if len(results) == 1:
        return results[0]
    parts = {name: [result[name] for result in results] for name in results[0]}
    for name, arrays in parts.items():
        if len({array.shape[1:] for array in arrays}) > 1:
            raise _invalid(
                f"Tensors with name '{name}' from different parts of a split request "
                "have different shapes: send fewer rows at a time, or set "
                "enable_large_batch_splitting to false"
            )
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def _wait(seconds):
    return min(seconds, threading.TIMEOUT_MAX)


def _late():
    # TensorFlow Serving says this with RESOURCE_EXHAUSTED, where clients look for
    # a deadline.
    return StatusError(
        "DEADLINE_EXCEEDED", "Run() timeout exceeded while waiting in batching queue"
    )


def _invalid(message):
    return StatusError("INVALID_ARGUMENT", message)
