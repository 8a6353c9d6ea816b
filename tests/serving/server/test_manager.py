"""The versions of models: loaded, replaced, broken, freed."""

import errno
import gc
import logging
import os
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.managing import (
    PlainRunner,
    ask,
    corrupt,
    error_of,
    managing,
    put,
    states,
    wait_for_states,
)
from helpers.model_server import wait_until

from amalthea.errors import UserError
from amalthea.serving.records import WARMUP_FILE, prediction_log, write_records
from amalthea.serving.server.errors import StatusError
from amalthea.serving.server.manager import ModelManager
from amalthea.serving.server.metrics import Metrics
from amalthea.serving.server.options import ServerOptions


def test_the_latest_version_is_served(models, saved):
    put(saved, models, 2, offset=3.0)
    with managing(models) as manager:
        assert manager.is_ready()
        assert manager.models() == ["m"]
        assert ask(manager) == (2, 3.0)
        assert states(manager) == [(2, "AVAILABLE")]
    assert not manager.is_ready()
    assert states(manager) == [(2, "END")]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"name": "none"}, "NOT_FOUND: Servable not found for request: Latest(none)"),
        (
            {"name": "m", "version": 7},
            "NOT_FOUND: Servable not found for request: Specific(m, 7)",
        ),
        (
            {"name": "m", "label": "stable"},
            "INVALID_ARGUMENT: Unrecognized servable version label: stable",
        ),
        (
            {"name": "m", "label": ""},
            "INVALID_ARGUMENT: Unrecognized servable version label: ",
        ),
        ({"name": ""}, "INVALID_ARGUMENT: ModelSpec has no name specified."),
    ],
)
def test_what_is_not_there_is_told_as_tensorflow_serving_does(
    models, request_, expected
):
    with managing(models) as manager:
        assert ": ".join(error_of(ask, manager, **request_)) == expected


def test_the_status_of_what_is_not_there(models):
    with managing(models) as manager:
        assert error_of(manager.status, "none") == (
            "NOT_FOUND",
            "Could not find any versions of model none",
        )
        assert error_of(manager.status, "m", 7) == (
            "NOT_FOUND",
            "Could not find version 7 of model m",
        )
        assert [status.version for status in manager.status("m", 1)] == [1]
        assert manager.status("m", label="none") == manager.status("m")


def test_a_new_version_replaces_the_old_one(models, saved, caplog):
    caplog.set_level(logging.INFO, "amalthea.serving")
    with managing(models) as manager:
        put(saved, models, 2, offset=3.0)
        assert ask(manager) == (1, 2.0)
        manager.poll()
        assert ask(manager) == (2, 3.0)
        assert error_of(ask, manager, version=1)[0] == "NOT_FOUND"
        wait_for_states(manager, [(2, "AVAILABLE"), (1, "END")])
        assert manager.status("m", 1)[0].error_code == "OK"
    assert caplog.messages[:3] == [
        "model m: version 1 loaded",
        "model m: version 2 loaded",
        "model m: version 1 unloaded",
    ]


def test_the_folder_taken_back_brings_the_old_version_back(models, saved):
    put(saved, models, 2, offset=3.0)
    with managing(models) as manager:
        shutil.rmtree(models / "m" / "2")
        manager.poll()
        assert ask(manager) == (1, 2.0)
        wait_for_states(manager, [(2, "END"), (1, "AVAILABLE")])


def half_copied(folder):
    (folder / "saved_model.pb").unlink()


def without_variables(folder):
    shutil.rmtree(folder / "variables")


def with_cut_variables(folder):
    os.truncate(folder / "variables" / "variables.data-00000-of-00001", 3)


def with_a_failing_warm_up(folder):
    log = prediction_log("m", "none", {"x": np.zeros(1, np.float32)})
    write_records(folder / WARMUP_FILE, [log])


def with_a_damaged_warm_up(folder):
    (folder / "assets.extra").mkdir()
    (folder / WARMUP_FILE).write_bytes(b"no records at all")


def with_a_warm_up_damaged_at_its_end(folder):
    log = prediction_log("m", "serving_default", {"x": np.zeros(1, np.float32)})
    write_records(folder / WARMUP_FILE, [log, log])
    os.truncate(folder / WARMUP_FILE, (folder / WARMUP_FILE).stat().st_size - 3)


def with_too_long_a_warm_up(folder):
    log = prediction_log("m", "serving_default", {"x": np.zeros(1, np.float32)})
    write_records(folder / WARMUP_FILE, [log] * 1001)


def with_a_warm_up_of_another_kind(folder):
    log = prediction_log("m", "serving_default", {})
    log.session_run_log.SetInParent()
    write_records(folder / WARMUP_FILE, [log])


BREAKS = [
    (half_copied, "NOT_FOUND", "no SavedModel here"),
    (corrupt, "DATA_LOSS", "damaged SavedModel"),
    (without_variables, "FAILED_PRECONDITION", "cannot be loaded"),
    (with_cut_variables, "OUT_OF_RANGE", "cannot be loaded"),
    (with_a_failing_warm_up, "FAILED_PRECONDITION", '"none" not found'),
    (with_a_damaged_warm_up, "DATA_LOSS", "damaged records"),
    (with_a_warm_up_damaged_at_its_end, "DATA_LOSS", "damaged records"),
    (with_too_long_a_warm_up, "FAILED_PRECONDITION", "more than 1000 records"),
    (with_a_warm_up_of_another_kind, "UNIMPLEMENTED", "Unsupported log_type"),
]


@pytest.mark.parametrize(("break_", "code", "message"), BREAKS)
def test_a_broken_version_changes_nothing_and_is_mended(
    models, saved, caplog, break_, code, message
):
    metrics = Metrics()
    with managing(models, metrics=metrics) as manager:
        folder = put(saved, models, 2, offset=3.0)
        break_(folder)
        manager.poll()
        assert ask(manager) == (1, 2.0)
        assert manager.is_ready()
        assert states(manager) == [(2, "END"), (1, "AVAILABLE")]
        [status] = manager.status("m", 2)
        assert status.error_code == code
        assert message in status.error_message
        manager.poll()  # unchanged: not tried again
        assert len(caplog.messages) == 1
        assert message in caplog.messages[0]
        assert "\n" not in caplog.messages[0]
        assert 'status="fail"} 1' in metrics.text()

        shutil.rmtree(folder / "assets.extra", ignore_errors=True)
        shutil.copytree(saved[3.0], folder, dirs_exist_ok=True)
        manager.poll()
        assert ask(manager) == (2, 3.0)
        wait_for_states(manager, [(2, "AVAILABLE"), (1, "END")])


def test_a_broken_version_removed_and_put_back_is_tried_again(models, saved):
    with managing(models) as manager:
        folder = put(saved, models, 2)
        away = folder.with_name("away")
        corrupt(folder)
        manager.poll()
        folder.rename(away)
        manager.poll()
        away.rename(folder)
        attempts = []
        manager._make_runner = lambda *args: attempts.append(args)
        shutil.copy(saved[3.0] / "saved_model.pb", folder)
        manager.poll()
        assert len(attempts) == 1


TOO_MANY_FILES = OSError(errno.EMFILE, "Too many open files")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StatusError("UNAVAILABLE", "later"), "UNAVAILABLE"),
        (tf.errors.ResourceExhaustedError(None, None, "full"), "RESOURCE_EXHAUSTED"),
        (MemoryError(), "RESOURCE_EXHAUSTED"),
        (TypeError("what"), "INTERNAL"),
        (TOO_MANY_FILES, "RESOURCE_EXHAUSTED"),
        (OSError(errno.EIO, "Input/output error"), "UNKNOWN"),
    ],
)
def test_what_may_pass_is_tried_again_ever_later(
    models, saved, monkeypatch, error, code
):
    now = 100.0
    with managing(models, clock=lambda: now) as manager:
        folder = put(saved, models, 2, offset=3.0)
        attempts = []

        def fail(*args):
            attempts.append(now)
            if isinstance(error, OSError):
                raise UserError("cannot be read") from error
            raise error

        manager._make_runner = fail
        for _ in range(2 * 160):
            manager.poll()
            now += 0.5
        assert manager.status("m", 2)[0].error_code == code
        assert [time - 100.0 for time in attempts] == [0, 1, 3, 7, 15, 31, 63, 123]

        manager._make_runner = PlainRunner
        manager.poll()
        assert ask(manager)[0] == 1
        now = attempts[-1] + 60
        manager.poll()
        assert ask(manager) == (2, 3.0)

        manager._make_runner = fail
        attempts.clear()
        put(saved, models, 3)
        manager.poll()
        (models / "m" / "3" / "more").write_text("")  # and at once with other files
        manager.poll()
        manager.poll()
        assert len(attempts) == 2
        assert folder.exists()


def test_what_does_not_pass_is_not_tried_again(models, saved):
    now = 0.0
    with managing(models, clock=lambda: now) as manager:
        folder = put(saved, models, 2, offset=3.0)
        (folder / "saved_model.pb").chmod(0)
        attempts = []

        def fail(*args):
            attempts.append(now)
            raise UserError("cannot be read") from PermissionError(errno.EACCES, "no")

        manager._make_runner = fail
        for later in (0.0, 1.0, 1e9):
            now = later
            manager.poll()
        assert len(attempts) == 1
        assert manager.status("m", 2)[0].error_code == "PERMISSION_DENIED"
        manager._make_runner = PlainRunner
        (folder / "saved_model.pb").chmod(0o600)
        manager.poll()
        assert ask(manager) == (2, 3.0)


def test_the_warm_up_runs_through_the_runner(models, saved, monkeypatch):
    seen = []
    run = PlainRunner.run

    def spy(self, signature, inputs, outputs, deadline=None):
        seen.append((signature, inputs["x"].tolist(), list(outputs)))
        return run(self, signature, inputs, outputs, deadline)

    monkeypatch.setattr(PlainRunner, "run", spy)
    log = prediction_log("m", "", {"x": np.array([1, 2], np.float32)})
    write_records(models / "m" / "1" / WARMUP_FILE, [log, log])
    with managing(models):
        assert seen == [("serving_default", [1.0, 2.0], ["y"])] * 2


def test_a_model_whose_loading_fails_is_freed(models, monkeypatch):
    closed = []
    monkeypatch.setattr(PlainRunner, "close", lambda self: closed.append(self))
    with_a_failing_warm_up(models / "m" / "1")
    with pytest.raises(UserError), managing(models):
        pass
    assert len(closed) == 1


def test_a_start_with_a_model_that_does_not_load_ends_in_one_line(models, saved):
    put(saved, models, 1, name="good")
    corrupt(models / "m" / "1")
    threads = set(threading.enumerate())
    with pytest.raises(UserError) as error, managing(models):
        pass
    assert str(error.value) == (
        f"model m, version 1: {models}/m/1/saved_model.pb: damaged SavedModel. "
        "Export it again"
    )
    assert not set(threading.enumerate()) - threads


def test_a_version_in_use_is_freed_last(models, saved):
    with managing(models) as manager:
        with manager.acquire("m") as first, manager.acquire("m") as second:
            assert first is second
            put(saved, models, 2, offset=3.0)
            manager.poll()
            assert ask(manager)[0] == 2
            assert states(manager) == [(2, "AVAILABLE"), (1, "UNLOADING")]
            assert not first.runner.closed
            x = np.zeros(1, np.float32)
            answer = first.runner.run("serving_default", {"x": x}, ["y"])
            assert answer["y"].tolist() == [2.0]
        wait_for_states(manager, [(2, "AVAILABLE"), (1, "END")])
        assert first.runner.closed


def test_a_version_without_a_thread_to_free_it_stays(models, saved, monkeypatch):
    start = threading.Thread.start

    def no_thread(thread):
        raise RuntimeError("can't start new thread")

    with managing(models) as manager:
        put(saved, models, 2, offset=3.0)
        monkeypatch.setattr(threading.Thread, "start", no_thread)
        manager.poll()
        assert states(manager) == [(2, "AVAILABLE"), (1, "AVAILABLE")]
        assert ask(manager) == (2, 3.0)
        monkeypatch.setattr(threading.Thread, "start", start)
        manager.poll()
        wait_for_states(manager, [(2, "AVAILABLE"), (1, "END")])


def test_a_request_that_fails_lets_go(models):
    with managing(models) as manager:
        with pytest.raises(ZeroDivisionError), manager.acquire("m") as loaded:
            raise ZeroDivisionError
        assert loaded.users == 0


def test_stop_waits_no_longer_than_its_grace(models):
    with managing(models) as manager, manager.acquire("m") as held:
        start = time.monotonic()
        manager.stop(grace_seconds=0.05)
        assert time.monotonic() - start < 5
        assert not held.runner.closed
        assert error_of(ask, manager)[0] == "NOT_FOUND"
    wait_until(lambda: held.runner.closed)


def test_requests_go_on_while_a_version_loads(models, saved, monkeypatch):
    loading, go_on = threading.Event(), threading.Event()
    with managing(models) as manager:

        def slow_runner(*args):
            loading.set()
            assert go_on.wait(10)
            return PlainRunner(*args)

        manager._make_runner = slow_runner
        put(saved, models, 2, offset=3.0)
        polling = threading.Thread(target=manager.poll, daemon=True)
        polling.start()
        assert loading.wait(10)
        assert ask(manager) == (1, 2.0)
        assert states(manager) == [(2, "LOADING"), (1, "AVAILABLE")]
        go_on.set()
        polling.join(10)
        assert ask(manager) == (2, 3.0)


def test_no_request_fails_while_versions_come_and_go(models, saved):
    options = ServerOptions(poll_seconds=0.01, grace_seconds=10)
    manager = ModelManager(models, options, PlainRunner)
    manager.start()
    failures, seen, done = [], set(), threading.Event()

    def client():
        while not done.is_set():
            try:
                version, answer = ask(manager)
                seen.add(version)
                assert answer == (2.0 if version % 2 else 3.0)
            except Exception as error:
                failures.append(error)

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    try:
        for version in range(2, 5):
            put(saved, models, f".{version}", offset=2.0 if version % 2 else 3.0)
            (models / "m" / f".{version}").rename(models / "m" / str(version))
            wait_until(lambda version=version: version in seen)
    finally:
        done.set()
        for thread in clients:
            thread.join()
        manager.stop()
    assert failures == []
    assert seen == {1, 2, 3, 4}


@pytest.fixture
def no_collection():
    """Shows what a garbage collection would hide."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def graphs():
    # Not `isinstance`: other tests leave proxies of what is gone, which cannot say.
    return [item for item in gc.get_objects() if issubclass(type(item), tf.Graph)]


def test_memory_is_flat_over_many_reloads(models, saved, no_collection):
    before = {id(graph) for graph in graphs()}
    resident = []
    with managing(models) as manager:
        for version in range(2, 22):
            put(saved, models, version)
            manager.poll()
            assert ask(manager)[0] == version
            wait_until(lambda v=version: manager.status("m", v - 1)[0].state == "END")
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            resident.append(pages * os.sysconf("SC_PAGE_SIZE"))
        new = [graph for graph in graphs() if id(graph) not in before]
        assert len(new) == 1  # that of the version that is served
        assert not [t for t in threading.enumerate() if t.name == "model-unload"]
    assert resident[-1] - resident[4] < 8 << 20


def test_two_managers_of_one_folder_do_not_meet(models):
    with managing(models) as one, managing(models) as two:
        assert ask(one) == ask(two) == (1, 2.0)
        one.stop()
        assert ask(two) == (1, 2.0)
