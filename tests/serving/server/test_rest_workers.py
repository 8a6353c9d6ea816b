"""Threads that work for an event loop."""

import asyncio
import subprocess
import sys
import threading

import pytest

from amalthea.serving.server.rest_workers import Workers


def test_results_and_errors_come_back():
    async def run():
        workers = Workers(2, "test")
        futures = [workers.submit(divmod, 7, divisor) for divisor in (2, 0, 3)]
        assert await futures[0] == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await futures[1]
        assert await futures[2] == (2, 1)
        workers.close()

    asyncio.run(run())


def test_threads_are_used_again_and_no_more_than_allowed():
    async def run():
        workers = Workers(3, "few")
        names = set()
        for _ in range(20):
            names.add((await workers.submit(threading.current_thread)).name)
        assert len(names) == 1
        gate = threading.Event()
        waiting = [workers.submit(gate.wait, 20) for _ in range(10)]
        alive = [t for t in threading.enumerate() if t.name.startswith("few-")]
        assert len(alive) == 3
        gate.set()
        assert all(await asyncio.gather(*waiting))
        workers.close()
        return alive

    for thread in asyncio.run(run()):
        thread.join(20)
        assert not thread.is_alive()


def test_a_function_that_never_ends_does_not_keep_the_process():
    code = """
import asyncio, threading
from amalthea.serving.server.rest_workers import Workers

async def run():
    started = threading.Event()
    Workers(1, "x").submit(lambda: (started.set(), threading.Event().wait()))
    started.wait()

asyncio.run(run())
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
