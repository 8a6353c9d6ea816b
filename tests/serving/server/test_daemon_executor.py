"""Threads that do not keep the process alive."""

import subprocess
import sys
import threading

import pytest

from amalthea.serving.server.daemon_executor import DaemonExecutor


def test_results_and_errors_come_back():
    with DaemonExecutor(2, "test") as executor:
        futures = [executor.submit(divmod, 7, divisor) for divisor in (2, 0, 3)]
        assert futures[0].result(20) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            futures[1].result(20)
        assert futures[2].result(20) == (2, 1)
        assert executor.submit(int, "11", base=2).result(20) == 3


def test_threads_are_used_again_and_no_more_than_allowed():
    with DaemonExecutor(3, "few") as executor:
        names = {
            executor.submit(threading.current_thread).result(20).name for _ in range(20)
        }
        assert names == {"few-1"}
        gate = threading.Event()
        waiting = [executor.submit(gate.wait, 20) for _ in range(10)]
        alive = [t for t in threading.enumerate() if t.name.startswith("few-")]
        assert len(alive) == 3
        gate.set()
        assert all(future.result(20) for future in waiting)
    assert not any(thread.is_alive() for thread in alive)


def test_a_shutdown_finishes_what_was_submitted_and_takes_no_more():
    executor = DaemonExecutor(1, "last")
    gate = threading.Event()
    futures = [executor.submit(gate.wait, 20) for _ in range(3)]
    executor.shutdown(wait=False)
    executor.shutdown(wait=False)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(int)
    gate.set()
    assert [future.result(20) for future in futures] == [True] * 3


def test_a_shutdown_can_cancel_what_waits():
    executor = DaemonExecutor(1, "cancel")
    begun, gate = threading.Event(), threading.Event()
    first = executor.submit(lambda: (begun.set(), gate.wait(20)))
    assert begun.wait(20)
    second = executor.submit(int)
    executor.shutdown(wait=False)
    executor.shutdown(wait=False, cancel_futures=True)
    assert second.cancelled()
    gate.set()
    executor.shutdown()
    assert first.done()


def test_a_cancelled_task_is_not_run():
    with DaemonExecutor(1, "skip") as executor:
        gate, ran = threading.Event(), []
        executor.submit(gate.wait, 20)
        assert executor.submit(ran.append, 1).cancel()
        gate.set()
        assert executor.submit(int).result(20) == 0
        assert not ran


def test_threads_that_cannot_be_started(monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    executor = DaemonExecutor(2, "none")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            executor.submit(int)
    # Nothing was left behind: one thread comes, and does what a second cannot.
    gate = threading.Event()
    first = executor.submit(gate.wait, 20)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        second = executor.submit(int)
    gate.set()
    assert first.result(20)
    assert second.result(20) == 0
    executor.shutdown()


def test_a_function_that_never_ends_does_not_keep_the_process():
    code = """
import threading
from amalthea.serving.server.daemon_executor import DaemonExecutor

started = threading.Event()
DaemonExecutor(1, "x").submit(lambda: (started.set(), threading.Event().wait()))
started.wait()
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
