"""Threads that work for an event loop."""

import asyncio
import contextlib
import queue
import threading


class Workers:
    """Runs functions in threads; one is started when all others are busy.

    Unlike those of a `ThreadPoolExecutor`, these threads do not keep the process
    alive: a model's run that never ends cannot keep a server from stopping.

    All methods belong to the event loop's thread. The threads share only the queue
    and the semaphore, which need no lock.

    Args:
        most: The largest number of threads.
        name: What their names begin with.
    """

    def __init__(self, most, name):
        self._most = most
        self._name = name
        self._tasks = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._count = 0

    def submit(self, function, *arguments):
        """Has a thread run a function.

        Args:
            function: The function.
            *arguments: Its arguments.

        Returns:
            An `asyncio.Future` of what it returns or raises.
        """
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._tasks.put((loop, future, function, arguments))
        if not self._idle.acquire(blocking=False) and self._count < self._most:
            self._count += 1
            name = f"{self._name}-{self._count}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        return future

    def close(self):
        """Ends the threads, each when it has nothing more to do."""
        for _ in range(self._count):
            self._tasks.put(None)

    def _work(self):
        while (task := self._tasks.get()) is not None:
            loop, future, function, arguments = task
            result = failure = None
            try:
                result = function(*arguments)
            except BaseException as error:
                failure = error
            # Before the answer, so that the next task finds this thread idle.
            self._idle.release()
            # A loop that has ended refuses, but then nobody waits any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, future, result, failure)
            # An idle thread must not keep a request in memory.
            del task, future, function, arguments, result, failure


def _settle(future, result, failure):
    if future.cancelled():
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)
