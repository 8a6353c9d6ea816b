import csv
import json
import signal
import threading

import matplotlib.image
import numpy as np
import pytest
from helpers.fake_serving import FakeRest
from helpers.half_plus_two import save_half_plus_two
from helpers.serving import embedded

from amalthea import UserError
from amalthea.serving import Client
from amalthea.serving.batching_parameters import read_batching_parameters
from amalthea.serving.bench import (
    BenchResult,
    Measurement,
    bench,
    check_folder,
    check_version_dir,
    write_suggestion,
)
from amalthea.serving.bench.warm_up import warm_batch_sizes
from amalthea.serving.client import ConnectionFailed, InvalidArgument
from amalthea.serving.records import WARMUP_FILE, prediction_log, write_records


def _info(shape):
    return {"dtype": "DT_FLOAT", "tensor_shape": shape}


ROWS = _info({"dim": [{"size": "-1"}]})


def _fake(*answers, tensor=ROWS):
    signature = {"inputs": {"x": tensor}, "outputs": {"y": tensor}}
    metadata = {"signature_def": {"signature_def": {"serving_default": signature}}}
    status = {"error_code": "OK", "error_message": ""}
    version = {"version": "3", "state": "AVAILABLE", "status": status}
    return FakeRest(
        {
            "GET /v1/models/m/metadata": [(200, {"metadata": metadata})],
            "GET /v1/models/m": [(200, {"model_version_status": [version]})],
            "POST /v1/models/m:predict": list(answers) or [(200, {"outputs": [1.0]})],
        }
    )


def _measurement(concurrency, batch, rate, p50=1.0):
    """A setting that answered `rate` requests in a second."""
    errors = {} if rate else {"UNAVAILABLE": 7}
    times = (p50, 2 * p50, 3 * p50) if rate else (None,) * 3
    return Measurement(concurrency, batch, rate, 1.0, *times, errors)


def _result(*measurements, stopped=None):
    return BenchResult(
        "http://localhost:8501", "m", "serving_default", "today", measurements, stopped
    )


def test_each_setting_is_measured_with_real_examples():
    seen = []
    with _fake() as server:
        result = bench(
            server.url,
            "m",
            {"x": [1, 2, 3]},
            concurrency=(1, 3),
            batch=(1, 2),
            seconds=0.05,
            progress=seen.append,
        )
        bodies = [json.loads(body) for verb, _, body in server.requests if body]
    assert [(item.concurrency, item.batch) for item in result.measurements] == [
        *((1, 1), (3, 1)),
        *((1, 2), (3, 2)),
    ]
    assert seen == list(result.measurements) and result.stopped is None
    for item in seen:
        assert item.requests > 0 and item.errors == {}
        assert 0 < item.p50_ms <= item.p90_ms <= item.p99_ms < 1000 * item.seconds
        assert item.rows_per_second == item.batch * item.requests / item.seconds
    sent = {tuple(body["inputs"]["x"]) for body in bodies}
    assert sent == {(1,), (2,), (3,), (1, 2), (3, 1), (2, 3)}
    assert "model m version 3" in result.measured


def test_failures_are_counted_and_not_repeated():
    answers = [(200, {"outputs": [1.0]}), *[(503, {"error": "busy"})] * 3]
    with _fake(*answers, (400, {"error": "no"})) as server:
        result = bench(
            server.url,
            "m",
            {"x": [1]},
            concurrency=(1,),
            batch=(1,),
            warm_up=0,
            max_requests=5,
        )
        posts = [verb for verb, *_ in server.requests].count("POST")
    (item,) = result.measurements
    assert item.errors == {"UNAVAILABLE": 3, "INVALID_ARGUMENT": 2}
    assert result.notes() == [
        "UNAVAILABLE: busy",
        "INVALID_ARGUMENT: no",
        "ended early: the limit of 5 requests was reached",
    ]
    assert (item.requests, item.p50_ms, item.rows_per_second) == (0, None, 0.0)
    assert posts == 1 + 5
    assert result.stopped == "the limit of 5 requests was reached"


def test_a_sweep_is_bounded_in_requests_and_time():
    with _fake() as server:
        settings = {"concurrency": (1, 2, 3), "batch": (1,), "seconds": 60.0}
        counted = bench(server.url, "m", {"x": [1]}, max_requests=20, **settings)
        timed = bench(server.url, "m", {"x": [1]}, max_seconds=0.1, **settings)
    assert sum(item.requests for item in counted.measurements) <= 20
    assert len(counted.measurements) == 1 and "20 requests" in counted.stopped
    assert len(timed.measurements) == 1 and "0.1 s" in timed.stopped


def test_what_the_end_of_the_sweep_cuts_off_is_no_error():
    done = threading.Event()
    with _fake((200, {"outputs": [1.0]}), lambda handler: done.wait(10)) as server:
        try:
            result = bench(server.url, "m", {"x": [1]}, max_seconds=0.2)
        finally:
            done.set()
    assert [item.errors for item in result.measurements] == [{}]
    assert "0.2 s" in result.stopped


def test_a_server_that_is_too_slow_is_counted():
    done = threading.Event()
    with _fake((200, {"outputs": [1.0]}), lambda handler: done.wait(10)) as server:
        try:
            (item,) = bench(
                server.url,
                "m",
                {"x": [1]},
                concurrency=(1,),
                batch=(1,),
                warm_up=0,
                seconds=0.1,
                timeout=0.2,
            ).measurements
        finally:
            done.set()
    assert item.errors == {"DEADLINE_EXCEEDED": 1}
    assert item.messages == {"DEADLINE_EXCEEDED": "no answer within 0.2 s"}


@pytest.fixture
def ctrl_c():
    """Python's handler, which a shell's background jobs are started without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_keeps_what_was_measured(ctrl_c):
    done, seen = threading.Event(), []

    def interrupt(handler):
        if seen:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            done.wait(10)
        body = b'{"outputs": [1.0]}'
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with _fake(interrupt) as server:
        try:
            result = bench(
                server.url,
                "m",
                {"x": [1]},
                concurrency=(1, 2),
                batch=(1,),
                seconds=0.05,
                progress=seen.append,
            )
        finally:
            done.set()
    assert list(result.measurements) == seen and len(seen) == 1
    assert result.interrupted and result.lines()[-1] == "ended early: interrupted"


def test_another_machine_is_refused():
    for url in ("http://192.0.2.1:8501", "grpc://models.example", "http://localhost.x"):
        with pytest.raises(UserError, match="another machine"):
            bench(url, "m", {"x": [1]})


def test_this_machine_has_several_names():
    for host in ("localhost", "127.1.2.3", "[::1]"):
        with pytest.raises(ConnectionFailed):
            bench(f"http://{host}:9", "m", {"x": [1]}, timeout=1)


def test_another_machine_can_be_allowed():
    with _fake() as server:
        # All of 127/8 is this machine, 0.0.0.0 only by a quirk of Linux.
        url = server.url.replace("127.0.0.1", "0.0.0.0")
        with pytest.raises(UserError, match="--allow-remote"):
            bench(url, "m", {"x": [1]})
        bench(url, "m", {"x": [1]}, max_requests=3, allow_remote=True)


def test_mistakes():
    with _fake() as server:
        with pytest.raises(InvalidArgument):
            bench(server.url, "m", {"x": ["text"]})
        with pytest.raises(UserError, match="no examples"):
            bench(server.url, "m", {"x": []})
        for setting in ({"concurrency": ()}, {"batch": (0,)}, {"seconds": 0}):
            with pytest.raises(UserError, match=f"`{next(iter(setting))}`"):
                bench(server.url, "m", {"x": [1]}, **setting)
    with _fake(tensor=_info({"unknown_rank": True})) as server:
        with pytest.raises(UserError, match="--batch 1"):
            bench(server.url, "m", {"x": [1]}, batch=(1, 2))
        result = bench(server.url, "m", {"x": [1]}, max_requests=5, concurrency=(1,))
        assert [item.batch for item in result.measurements] == [1]


@pytest.mark.parametrize("api", ["rest", "grpc"])
def test_both_apis_of_a_running_server(tmp_path, api):
    save_half_plus_two(tmp_path / "half_plus_two" / "1")
    with embedded(tmp_path) as server:
        port = server.rest_port if api == "rest" else server.grpc_port
        url = f"{'http' if api == 'rest' else 'grpc'}://127.0.0.1:{port}"
        result = bench(url, "half_plus_two", ["1"], concurrency=(2,), seconds=0.1)
    (item,) = result.measurements
    assert item.requests > 2 and item.errors == {}


def test_the_table():
    result = _result(
        _measurement(1, 4, 100, 1.234), _measurement(16, 1, 0), stopped="enough"
    )
    assert result.lines() == [
        "clients   rows  requests/s     rows/s    p50 ms    p90 ms    p99 ms  errors",
        "      1      4       100.0      400.0      1.23      2.47      3.70  -",
        "     16      1         0.0        0.0         -         -         -  "
        "7 UNAVAILABLE",
        "ended early: enough",
    ]


def test_percentiles_are_of_all_latencies():
    item = Measurement.of(1, 1, [n / 1e3 for n in range(101)], {}, {}, 1.0)
    assert np.allclose([item.p50_ms, item.p90_ms, item.p99_ms], [50, 90, 99])


@pytest.mark.parametrize(
    "measurements",
    [
        (_measurement(1, 1, 100), _measurement(2, 1, 0), _measurement(1, 4, 90, 9.0)),
        (_measurement(1, 1, 0),),
        (),
    ],
)
def test_files(tmp_path, measurements):
    paths = _result(*measurements).write(tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["bench.csv", "bench.json", "bench.png"]
    with paths[0].open() as file:
        rows = list(csv.DictReader(file))
    content = json.loads(paths[1].read_text())
    assert len(rows) == len(content["measurements"]) == len(measurements)
    for row, record, item in zip(
        rows, content["measurements"], measurements, strict=True
    ):
        assert float(row["rows_per_second"]) == record["rows_per_second"]
        assert record["rows_per_second"] == item.rows_per_second
        assert record["errors"] == item.errors
        assert row["errors"] == ("" if item.requests else "UNAVAILABLE:7")
    picture = matplotlib.image.imread(paths[2])
    assert picture.shape[:2] == (576, 1320) and picture.std() > 0


def test_values_are_chosen_where_more_brings_little():
    # By hand: 4 rows reach 380 of at most 400 rows/s, 1 row only 100; at 4 rows
    # two clients reach 360 of 380. Half of 6 ms is the longest wait.
    result = _result(
        _measurement(1, 1, 80, 6.0),
        _measurement(8, 1, 100, 50.0),
        _measurement(1, 4, 50),
        _measurement(2, 4, 90),
        _measurement(8, 4, 95),
        _measurement(8, 16, 25),
        _measurement(32, 16, 0),
    )
    parameters = result.suggestion().parameters
    assert parameters.max_execution_batch_size == 4
    assert parameters.num_batch_threads == 2
    assert parameters.batch_timeout_micros == 3000
    assert parameters.max_batch_size == 256
    assert parameters.enable_large_batch_splitting
    assert parameters.max_enqueued_batches * 4 == 1024


def test_nobody_waits_where_batches_bring_nothing_or_for_long():
    flat = _result(_measurement(1, 1, 100, 6.0), _measurement(1, 4, 25))
    assert flat.suggestion().parameters.batch_timeout_micros == 0
    slow = _result(_measurement(1, 1, 1, 900.0), _measurement(1, 4, 1))
    assert slow.suggestion().parameters.batch_timeout_micros == 10_000
    assert "No larger batches" in slow.suggestion().text()


def test_too_little_was_measured():
    for measurements in ([], [(1, 1, 9), (2, 1, 9)], [(1, 1, 9), (1, 4, 0)]):
        result = _result(*(_measurement(*values) for values in measurements))
        with pytest.raises(UserError, match="at least two sizes"):
            result.suggestion()


def test_a_suggestion_is_written_into_the_export(tmp_path):
    folder = save_half_plus_two(tmp_path / "m" / "1")
    logs = [
        prediction_log("m", "serving_default", {"x": np.zeros(rows, np.float32)})
        for rows in (1, 2)
    ]
    write_records(folder / WARMUP_FILE, logs)
    result = _result(_measurement(1, 1, 100), _measurement(1, 8, 90))
    suggestion = result.suggestion()
    lines = write_suggestion(folder, suggestion)
    path = folder / "batching_params.pbtxt"
    assert read_batching_parameters(path) == suggestion.parameters
    assert "# Measured today:" in path.read_text()
    assert lines[0] == f"wrote {path}"
    assert "no batch of 3, 4, 6, 8:" in lines[-1]
    assert {file.name for file in folder.iterdir()} >= {"saved_model.pb", path.name}


def test_the_warm_up_is_read_as_it_was_written(tmp_path):
    assert warm_batch_sizes(tmp_path) == set()
    inputs = [
        {"a": np.zeros((5, 2), np.float32), "b": np.array([b"x" * 300] * 7, object)},
        {"a": np.float32(1)},
        {"a": np.zeros((0, 3), np.int64), "c": np.zeros(1000, np.uint8)},
    ]
    write_records(
        tmp_path / WARMUP_FILE,
        [prediction_log("m", "s", item, {"y": np.zeros(99)}) for item in inputs],
    )
    assert warm_batch_sizes(tmp_path) == {5, 7, 0, 1000}


@pytest.mark.parametrize("damage", [lambda c: c[:20], lambda c: c[:12] + b"\xff" * 9])
def test_a_damaged_warm_up_is_said_so(tmp_path, damage):
    path = tmp_path / WARMUP_FILE
    write_records(path, [prediction_log("m", "s", {"x": np.zeros(3)})])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match="damaged records"):
        warm_batch_sizes(tmp_path)


def test_where_results_go_is_checked_and_left_alone(tmp_path):
    check_folder(tmp_path / "new" / "deeper")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="not a folder"):
        check_folder(tmp_path / "file" / "deeper")
    with pytest.raises(UserError, match="no SavedModel"):
        check_version_dir(tmp_path)


def test_a_suggestion_needs_an_export(tmp_path):
    result = _result(_measurement(1, 1, 100), _measurement(1, 8, 90))
    with pytest.raises(UserError, match="no SavedModel"):
        write_suggestion(tmp_path, result.suggestion())
    assert list(tmp_path.iterdir()) == []


def test_a_model_with_the_suggested_file_is_served(tmp_path):
    folder = save_half_plus_two(tmp_path / "half_plus_two" / "1")
    result = _result(_measurement(1, 1, 100), _measurement(1, 8, 90))
    write_suggestion(folder, result.suggestion())
    with (
        embedded(tmp_path) as server,
        Client(f"http://127.0.0.1:{server.rest_port}") as asking,
    ):
        many = np.arange(100, dtype=np.float32)
        found = asking.predict("half_plus_two", {"x": many})["y"]
    np.testing.assert_array_equal(found, many / 2 + 2)
