"""Clients in a closed loop, and what they see."""

import threading
import time
from collections import Counter

from ..client.client import connect
from ..client.errors import DeadlineExceeded, ServerError
from ..client.retries import Deadline
from .result import Measurement

_PAUSE_AFTER_ERROR = 0.02  # seconds: a server that refuses is not flooded
_SHORTEST_REQUEST = 0.1  # seconds, also where less is left
_LAST_ANSWERS = 1.0  # seconds that clients have to end after Ctrl-C


class Budget:
    """What a sweep may use up; threads share it.

    Args:
        requests: The most requests.
        seconds: The longest time, from now.
    """

    def __init__(self, requests, seconds):
        self._requests, self._left = requests, requests
        self._seconds, self._end = seconds, time.monotonic() + seconds
        self._lock = threading.Lock()  # guards _left

    def take(self):
        """Takes one request; `False` if there is none left."""
        with self._lock:
            if self._left <= 0 or self.seconds_left() <= 0:
                return False
            self._left -= 1
            return True

    def seconds_left(self):
        """The time left, in seconds, not below 0."""
        return max(0.0, self._end - time.monotonic())

    def stop(self):
        """Allows nothing more."""
        with self._lock:
            self._left = 0

    def spent(self):
        """What is used up, in words, or `None`."""
        if self._left <= 0:
            return f"the limit of {self._requests} requests was reached"
        if self.seconds_left() <= 0:
            return f"the limit of {self._seconds:g} s was reached"
        return None


def run_clients(address, requests, rows, clients, seconds, warm_up, timeout, budget):
    """Measures one setting.

    Args:
        address: The server's `Address`.
        requests: Encoded requests, pairs of path and body, sent in turn.
        rows: The examples in each.
        clients: How many threads send at the same time.
        seconds: How long, in seconds.
        warm_up: Requests of each client before the measurement.
        timeout: How long one request may take, in seconds.
        budget: The `Budget`; what it refuses is not sent.

    Returns:
        A `Measurement`.

    Raises:
        KeyboardInterrupt: after Ctrl-C; the budget is spent then.
    """
    start = _Start(clients, seconds)
    loops = [
        _Loop(connect(address), requests, number, timeout, budget)
        for number in range(clients)
    ]
    failures = []

    def work(loop):
        try:
            for _ in range(warm_up):
                loop.send_next()
            loop.forget()
            end = start.wait()
            while time.perf_counter() < end and loop.send_next():
                pass
        except Exception as error:
            failures.append(error)
            start.abort()
        finally:
            loop.close()

    # Daemons: after Ctrl-C nobody waits for a server that does not answer.
    threads = [
        threading.Thread(target=work, args=(loop,), daemon=True) for loop in loops
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:
        budget.stop()
        start.abort()
        end = Deadline(_LAST_ANSWERS)
        for thread in threads:
            if thread.ident is not None:
                thread.join(end.left())
        raise
    if failures:
        raise failures[0]  # the others only found the start aborted
    latencies = [latency for loop in loops for latency in loop.latencies]
    errors = sum((loop.errors for loop in loops), Counter())
    messages = {}
    for loop in loops:
        messages = loop.messages | messages
    # A client's last answer may come after the end; it took that time, too.
    took = max(0.0, max(loop.last for loop in loops) - start.time)
    return Measurement.of(clients, rows, latencies, dict(errors), messages, took)


class _Start:
    """Lets all clients start together."""

    def __init__(self, clients, seconds):
        self._seconds = seconds
        self._barrier = threading.Barrier(clients, self._set_time)
        self.time = 0.0

    def _set_time(self):
        self.time = time.perf_counter()

    def wait(self):
        """Waits for the others; returns when to stop."""
        self._barrier.wait()
        return self.time + self._seconds

    def abort(self):
        self._barrier.abort()


class _Loop:
    """One client: sends requests one after the other."""

    def __init__(self, transport, requests, first, timeout, budget):
        self._transport, self._requests = transport, requests
        self._next, self._timeout, self._budget = first, timeout, budget
        self.forget()

    def forget(self):
        """Starts counting anew."""
        self.latencies, self.errors, self.messages = [], Counter(), {}
        self.last = time.perf_counter()

    def send_next(self):
        """Sends one request; `False` if the budget allows none."""
        if not self._budget.take():
            return False
        path, body = self._requests[self._next % len(self._requests)]
        self._next += 1
        allowed = max(_SHORTEST_REQUEST, self._budget.seconds_left())
        start = time.perf_counter()
        try:
            self._transport.send(path, body, Deadline(min(self._timeout, allowed)))
        except ServerError as error:
            self.last = time.perf_counter()
            if allowed < self._timeout and _ran_out(error, self.last - start, allowed):
                return False
            self.errors[error.code] += 1
            self.messages.setdefault(error.code, error.message)
            time.sleep(_PAUSE_AFTER_ERROR)
        else:
            self.last = time.perf_counter()
            self.latencies.append(self.last - start)
        return True

    def close(self):
        self._transport.close()


def _ran_out(error, took, allowed):
    """Whether the end of the sweep, and not the server, cut a request off."""
    # A server that is told of the deadline may give up a moment before it.
    return isinstance(error, DeadlineExceeded) and took > 0.9 * allowed
