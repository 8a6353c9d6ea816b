"""How long a call may take, and when a request is sent again."""

import random
import time

from .errors import DeadlineExceeded, ServerError

_FIRST_PAUSE = 0.1  # seconds
_LONGEST_PAUSE = 2.0
_SHORTEST_CALL = 0.05


class Deadline:
    """The moment until which a call may take.

    Args:
        seconds: The time from now, in seconds.
        where: The server's URL, for the error.
    """

    def __init__(self, seconds, where=None):
        self._seconds, self._where = seconds, where
        self._end = time.monotonic() + seconds

    def left(self):
        """The time left, in seconds, not below 0."""
        return max(0.0, self._end - time.monotonic())

    def check(self):
        """Returns the time left, in seconds.

        Raises:
            DeadlineExceeded: if there is none.
        """
        left = self.left()
        if left <= 0:
            raise self.error()
        return left

    def error(self):
        """The exception of a call that took too long."""
        message = f"no answer within {self._seconds:g} s"
        return DeadlineExceeded("DEADLINE_EXCEEDED", message, self._where)


def call_with_retries(send, deadline, retries):
    """Sends a request, and sends it again where that is safe.

    Safe means that the server did no work on it, as far as can be told: it was
    not reached, or it refused the request as unavailable or with too much to do.

    Args:
        send: Function without arguments.
        deadline: The `Deadline` of all attempts and pauses together.
        retries: How many times the request may be sent again.

    Returns:
        What `send` returns.

    Raises:
        ServerError: of the last attempt.
    """
    for attempt, pause in enumerate(_pauses()):
        try:
            deadline.check()
            return send()
        except ServerError as error:
            if not error.transient or attempt >= retries or pause > deadline.left():
                raise
        _wait(pause)


def poll(find_obstacle, deadline):
    """Asks until nothing is in the way any more, or time is up.

    Args:
        find_obstacle: Function of a `Deadline` that returns what is in the way,
            or `None`.
        deadline: The `Deadline`.

    Returns:
        The last obstacle, or `None`.
    """
    for pause in _pauses():
        # A call gets a little time even where none is left: one is made at least.
        obstacle = find_obstacle(Deadline(max(deadline.left(), _SHORTEST_CALL)))
        if obstacle is None or pause > deadline.left():
            return obstacle
        _wait(pause)


def _pauses():
    """Yields the pauses between attempts, in seconds: doubled, with jitter."""
    pause = _FIRST_PAUSE
    while True:
        # Jitter keeps clients that failed together from coming back together.
        yield pause * random.uniform(0.5, 1.0)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _wait(seconds):
    time.sleep(seconds)
