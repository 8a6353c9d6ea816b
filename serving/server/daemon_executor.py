"""A pool of threads that do not keep the process alive."""

import contextlib
import queue
import threading
from concurrent.futures import Executor, Future


class DaemonExecutor(Executor):
    """Runs functions in threads; one is started when all others are busy.

    Unlike those of a `ThreadPoolExecutor`, these threads do not keep the process
    alive: a model's run that never ends cannot keep a server from stopping.

    Args:
        max_workers: The largest number of threads.
        name: What their names begin with.
    """

    def __init__(self, max_workers, name):
        self._max_workers = max_workers
        self._name = name
        self._tasks = queue.SimpleQueue()
        # The lock guards what follows.
        self._lock = threading.Lock()
        self._threads = []
        self._free = 0  # how many threads more than tasks, negative if tasks wait
        self._closed = False

    def submit(self, fn, /, *args, **kwargs):
        """Has a thread run a function.

        Args:
            fn: The function.
            *args: Its arguments.
            **kwargs: Its arguments by name.

        Returns:
            A `concurrent.futures.Future` of what it returns or raises.

        Raises:
            RuntimeError: if the pool is shut down, or has no thread and cannot
                start one.
        """
        future = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if self._free <= 0 and len(self._threads) < self._max_workers:
                self._start_thread()
            self._free -= 1
            self._tasks.put((future, fn, args, kwargs))
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Ends the threads, each when it has nothing more to do.

        Args:
            wait: Whether to wait for that.
            cancel_futures: Whether to cancel what no thread has begun.
        """
        with self._lock:
            self._closed = True
        if cancel_futures:
            self._cancel_waiting()
        for _ in self._threads:
            self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _start_thread(self):
        name = f"{self._name}-{len(self._threads) + 1}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the machine has no more; those there are will do it
            if not self._threads:
                raise
            return
        self._threads.append(thread)
        self._free += 1

    def _cancel_waiting(self):
        with contextlib.suppress(queue.Empty):
            while True:
                task = self._tasks.get_nowait()
                if task is not None:
                    task[0].cancel()

    def _work(self):
        while (task := self._tasks.get()) is not None:
            future, fn, args, kwargs = task
            result = failure = None
            wanted = future.set_running_or_notify_cancel()
            if wanted:
                try:
                    result = fn(*args, **kwargs)
                except BaseException as error:
                    failure = error
            # Before the answer, so that the next task finds this thread free.
            with self._lock:
                self._free += 1
            if failure is not None:
                future.set_exception(failure)
            elif wanted:
                future.set_result(result)
            # A free thread must not keep a request in memory.
            del task, future, fn, args, kwargs, result, failure
