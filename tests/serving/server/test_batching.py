"""Requests from many threads: what runs together, and who gets which answer."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from helpers.half_plus_two import save_half_plus_two

from amalthea.errors import UserError
from amalthea.serving.batching_parameters import FILE_NAME, BatchingParameters
from amalthea.serving.model import ServedModel
from amalthea.serving.server.batching import (
    BatchingRunner,
    DirectRunner,
    runner_factory,
)
from amalthea.serving.server.errors import StatusError
from amalthea.serving.server.metrics import Metrics
from amalthea.serving.server.options import ServerOptions

LONG = 60_000_000  # microseconds: no batch of a test waits this long
SOON = 20  # seconds: only a test that fails waits this long


class Doubler:
    """A model that doubles, and can be held up."""

    signature_defs = {"serving_default": None, "other": None}

    def __init__(self):
        self.batches = []  # the rows of each run
        self.begun = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()

    def run(self, signature, inputs, outputs):
        x = inputs["x"]
        self.batches.append(x.tolist())
        self.begun.release()
        assert self.gate.wait(SOON)
        return {name: 2 * x for name in outputs}


class Queue(Metrics):
    """Metrics that tell when as many requests wait as a test needs."""

    def __init__(self):
        super().__init__()
        self._changed = threading.Condition()
        self._length = 0
        self.runs = []

    def queue(self, model, version, signature, length):
        super().queue(model, version, signature, length)
        with self._changed:
            self._length = length
            self._changed.notify_all()

    def batch(self, model, version, signature, size, padding):
        super().batch(model, version, signature, size, padding)
        self.runs.append((size, padding))

    def wait_for(self, length):
        with self._changed:
            assert self._changed.wait_for(lambda: self._length == length, SOON)


class Bench:
    """One runner with one thread, and clients that come one after the other."""

    def __init__(self, model, **parameters):
        parameters = {
            "num_batch_threads": 1,
            "batch_timeout_micros": LONG,
            **parameters,
        }
        self.model = model
        self.metrics = Queue()
        self.runner = BatchingRunner(
            model, "m", 1, BatchingParameters(**parameters), self.metrics
        )
        self._pool = ThreadPoolExecutor(70)
        self._waiting = 0

    def ask(self, rows, deadline=None, outputs=("y",), signature="serving_default"):
        """Sends a request from a thread of its own; returns its future."""
        inputs = {"x": np.asarray(rows)}
        return self._pool.submit(
            self.runner.run, signature, inputs, list(outputs), deadline
        )

    def ask_and_wait(self, rows, **how):
        """Sends a request and waits until it is in the queue."""
        future = self.ask(rows, **how)
        self._waiting += 1
        self.metrics.wait_for(self._waiting)
        return future

    def plug(self):
        """Keeps the thread busy until the model's gate opens."""
        self.model.gate.clear()
        future = self.ask(np.zeros((0,)))  # no rows: run at once, alone
        assert self.model.begun.acquire(timeout=SOON)
        self.metrics.wait_for(0)
        return future

    def close(self):
        self.model.gate.set()
        self.runner.close()
        self._pool.shutdown()


@pytest.fixture
def bench(request):
    opened = []

    def make(model=None, **parameters):
        opened.append(Bench(model or Doubler(), **parameters))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def answer(future):
    return future.result(SOON)["y"].tolist()


def error(future):
    raised = future.exception(SOON)
    assert isinstance(raised, StatusError), raised
    return raised


def test_requests_run_together_and_each_gets_its_rows(bench):
    one = bench(max_batch_size=6)
    futures = [one.ask_and_wait([1]), one.ask_and_wait([2, 3])]
    futures.append(one.ask([4, 5, 6]))  # fills the batch, which is run at once
    assert [answer(future) for future in futures] == [[2], [4, 6], [8, 10, 12]]
    assert one.model.batches == [[1, 2, 3, 4, 5, 6]]


def test_a_lone_request_waits_for_the_timeout_and_hardly_longer(bench):
    one = bench(batch_timeout_micros=50_000)
    start = time.monotonic()
    assert answer(one.ask([1])) == [2]
    assert 0.05 <= time.monotonic() - start < 2


def test_without_a_timeout_nothing_waits(bench):
    one = bench(batch_timeout_micros=0)
    assert answer(one.ask([1])) == [2]


def test_requests_gather_while_all_threads_are_busy(bench):
    one = bench(batch_timeout_micros=0)
    one.plug()
    futures = [one.ask_and_wait([number]) for number in range(20)]
    one.model.gate.set()
    assert [answer(future) for future in futures] == [[2 * n] for n in range(20)]
    assert one.model.batches == [[], list(range(20))]


def test_a_batch_is_padded_and_the_padding_cut_off(bench):
    one = bench(max_batch_size=8, allowed_batch_sizes=(4, 8), batch_timeout_micros=0)
    one.plug()
    futures = [one.ask_and_wait([1]), one.ask_and_wait([2, 3])]
    one.model.gate.set()
    assert [answer(future) for future in futures] == [[2], [4, 6]]
    assert one.model.batches[-1] == [1, 2, 3, 2]
    assert one.metrics.runs == [(0, 0), (4, 1)]


def test_a_large_request_is_split_and_put_together_again(bench):
    one = bench(
        max_batch_size=8, enable_large_batch_splitting=True, max_execution_batch_size=4
    )
    one.plug()
    first = one.ask([1, 2])
    one.metrics.wait_for(1)
    second = one.ask([3, 4, 5, 6, 7, 8, 9])  # 2 rows, 4 rows, 1 row
    one.metrics.wait_for(4)
    third = one.ask([10, 11, 12])
    one.metrics.wait_for(5)
    one.model.gate.set()
    assert answer(first) == [2, 4]
    assert answer(second) == [6, 8, 10, 12, 14, 16, 18]
    assert answer(third) == [20, 22, 24]
    assert one.model.batches[1:] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]


def test_a_request_above_the_limit_is_refused(bench):
    one = bench(max_batch_size=3)
    failure = error(one.ask([1, 2, 3, 4]))
    assert failure.code == "INVALID_ARGUMENT"
    assert failure.message == "Task size 4 is larger than maximum input batch size 3"


def test_more_than_the_queue_holds_is_refused_and_the_rest_answered(bench):
    one = bench(max_batch_size=2, max_enqueued_batches=2)
    one.plug()
    accepted = [one.ask_and_wait([number]) for number in range(4)]
    refused = error(one.ask([4]))
    one.model.gate.set()
    assert refused.code == "RESOURCE_EXHAUSTED"
    assert [answer(future) for future in accepted] == [[0], [2], [4], [6]]
    assert one.model.batches[1:] == [[0, 1], [2, 3]]


def test_unlike_requests_do_not_share_a_batch(bench):
    one = bench(batch_timeout_micros=0)
    one.plug()
    futures = [
        one.ask_and_wait([[1, 2]]),
        one.ask_and_wait([[3, 4, 5]]),  # wider
        one.ask_and_wait([[6, 7]]),
        one.ask_and_wait([[0.5, 1.5]]),  # another dtype
        one.ask_and_wait([[8, 9]], outputs=("y", "z")),
    ]
    one.model.gate.set()
    assert [answer(future) for future in futures] == [
        [[2, 4]],
        [[6, 8, 10]],
        [[12, 14]],
        [[1.0, 3.0]],
        [[16, 18]],
    ]
    assert futures[-1].result().keys() == {"y", "z"}
    assert one.model.batches[1:] == [
        [[1, 2], [6, 7]],
        [[3, 4, 5]],
        [[0.5, 1.5]],
        [[8, 9]],
    ]


def test_unlike_shapes_share_a_batch_where_the_file_asks_for_it(bench):
    one = bench(batch_timeout_micros=0, pad_variable_length_inputs=True)
    one.plug()
    futures = [one.ask_and_wait([[1, 2]]), one.ask_and_wait([[3, 4, 5]])]
    one.model.gate.set()
    assert [answer(future) for future in futures] == [[[2, 4, 2]], [[6, 8, 10]]]
    assert one.model.batches[1:] == [[[1, 2, 1], [3, 4, 5]]]


def test_signatures_have_queues_of_their_own(bench):
    one = bench(batch_timeout_micros=0)
    one.plug()
    futures = []
    for number in range(4):
        signature = ("serving_default", "other")[number % 2]
        futures.append(one.ask([number], signature=signature))
        one.metrics.wait_for(number // 2 + 1)
    one.model.gate.set()
    assert [answer(future) for future in futures] == [[0], [2], [4], [6]]
    assert sorted(one.model.batches[1:]) == [[0, 2], [1, 3]]


class Picky(Doubler):
    """Rejects negative rows, as a graph does: the whole run."""

    def run(self, signature, inputs, outputs):
        results = super().run(signature, inputs, outputs)
        if (inputs["x"] < 0).any():
            raise tf.errors.InvalidArgumentError(None, None, "negative")
        if (inputs["x"] > 100).any():
            raise tf.errors.ResourceExhaustedError(None, None, "too large")
        return results


def test_a_rejected_request_does_not_fail_its_neighbours(bench):
    one = bench(Picky(), batch_timeout_micros=0)
    one.plug()
    futures = [one.ask_and_wait([number]) for number in (1, -2, 3)]
    one.model.gate.set()
    assert answer(futures[0]) == [2]
    assert answer(futures[2]) == [6]
    assert error(futures[1]).code == "INVALID_ARGUMENT"
    assert error(futures[1]).message == "negative"
    assert one.model.batches[1:] == [[1, -2, 3], [1], [-2, 3], [-2], [3]]


def test_a_rejected_request_is_found_by_halves(bench):
    sizes = (1, 2, 4, 8, 16, 32, 64)
    one = bench(
        Picky(), max_batch_size=64, batch_timeout_micros=0, allowed_batch_sizes=sizes
    )
    one.plug()
    rows = [-1 if number == 37 else number for number in range(64)]
    futures = [one.ask_and_wait([row]) for row in rows]
    one.model.gate.set()
    for row, future in zip(rows, futures, strict=True):
        if row < 0:
            assert error(future).code == "INVALID_ARGUMENT"
        else:
            assert answer(future) == [2 * row]
    runs = one.metrics.runs[1:]
    assert len(runs) == 1 + 2 * 6
    assert all(padding == 0 for _, padding in runs)


def test_another_error_fails_its_batch_and_no_other(bench):
    one = bench(Picky(), max_batch_size=2)
    one.plug()
    futures = [one.ask_and_wait([number]) for number in (1, 101, 2, 3)]
    one.model.gate.set()
    assert {error(future).code for future in futures[:2]} == {"RESOURCE_EXHAUSTED"}
    assert [answer(future) for future in futures[2:]] == [[4], [6]]


def test_a_split_request_fails_with_its_first_bad_part(bench):
    one = bench(
        Picky(),
        max_batch_size=4,
        enable_large_batch_splitting=True,
        max_execution_batch_size=2,
    )
    assert error(one.ask([1, 2, -3, 4])).message == "negative"


def test_parts_whose_answers_are_not_of_one_width_are_refused(bench):
    class Wide(Doubler):
        def run(self, signature, inputs, outputs):
            super().run(signature, inputs, outputs)
            return {"y": np.ones((len(inputs["x"]), inputs["x"].max()))}

    one = bench(
        Wide(),
        max_batch_size=4,
        enable_large_batch_splitting=True,
        max_execution_batch_size=2,
    )
    assert one.ask([1, 3, 2, 3]).result(SOON)["y"].shape == (4, 3)
    failure = error(one.ask([1, 2, 3, 4]))
    assert failure.code == "INVALID_ARGUMENT" and "'y'" in failure.message


def test_a_bug_in_the_model_is_an_internal_error_and_the_thread_goes_on(bench):
    class Broken(Doubler):
        def run(self, signature, inputs, outputs):
            if inputs["x"][0] == 13:
                raise RuntimeError("no such luck")
            return super().run(signature, inputs, outputs)

    one = bench(Broken(), batch_timeout_micros=0)
    failure = error(one.ask([13]))
    assert (failure.code, failure.message) == ("INTERNAL", "no such luck")
    assert answer(one.ask([1])) == [2]


def test_a_request_that_waits_past_its_deadline_is_never_run(bench):
    one = bench(batch_timeout_micros=0)
    one.plug()
    start = time.monotonic()
    late = one.ask_and_wait([1], deadline=start + 0.5)
    other = one.ask_and_wait([2])
    assert error(late).code == "DEADLINE_EXCEEDED"
    assert 0.5 <= time.monotonic() - start < 5
    one.model.gate.set()
    assert answer(other) == [4]
    assert one.model.batches[1:] == [[2]]


def test_the_caller_leaves_at_the_deadline_though_the_batch_still_runs(bench):
    one = bench(batch_timeout_micros=0)
    one.model.gate.clear()
    late = one.ask([1], deadline=time.monotonic() + 0.5)
    assert one.model.begun.acquire(timeout=SOON)
    assert error(late).code == "DEADLINE_EXCEEDED"
    one.model.gate.set()
    assert answer(one.ask([2])) == [4]


def test_a_deadline_that_has_passed_is_not_queued(bench):
    one = bench()
    assert error(one.ask([1], deadline=time.monotonic())).code == "DEADLINE_EXCEEDED"
    assert one.model.batches == []


def test_deadlines_and_timeouts_of_centuries_are_no_trouble(bench):
    one = bench(batch_timeout_micros=2**62, max_batch_size=2)
    futures = [one.ask_and_wait([1], deadline=1e18), one.ask([2])]
    assert [answer(future) for future in futures] == [[2], [4]]


def test_close_finishes_what_was_accepted_and_refuses_the_rest(bench):
    one = bench(max_batch_size=4)
    plug = one.plug()
    futures = [one.ask_and_wait([number]) for number in range(6)]
    closing = threading.Thread(target=one.runner.close)
    closing.start()
    # The gate is still shut, so the runner is closing for as long as it takes.
    while error_or_none(one.ask([9], deadline=time.monotonic() + 0.01)) != (
        "UNAVAILABLE"
    ):
        pass
    one.model.gate.set()
    assert [answer(future) for future in futures] == [[2 * n] for n in range(6)]
    assert answer(plug) == []
    closing.join(SOON)
    assert not closing.is_alive()
    assert not any("batch-m-1" in thread.name for thread in threading.enumerate())
    one.runner.close()  # again


def error_or_none(future):
    raised = future.exception(SOON)
    return raised and raised.code


@pytest.mark.parametrize(
    "inputs, message",
    [
        ({}, "Batching Run() must have at least one input tensor"),
        (
            {"x": np.float32(1).reshape(())},
            "Batching Run() input tensors must have at least one dimension",
        ),
        (
            {"x": np.zeros(1), "z": np.zeros((2, 7))},
            "Batching Run() input tensors must have equal 0th-dimension size",
        ),
    ],
)
def test_inputs_that_cannot_be_batched_are_refused(bench, inputs, message):
    with pytest.raises(StatusError) as raised:
        bench().runner.run("serving_default", inputs, ["y"])
    assert raised.value.code == "INVALID_ARGUMENT"
    assert raised.value.message == message


def test_what_is_measured(bench):
    one = bench(max_batch_size=4, allowed_batch_sizes=(4,), batch_timeout_micros=0)
    futures = [one.plug(), one.ask_and_wait([1]), one.ask_and_wait([2, 3])]
    one.model.gate.set()
    for future in futures:
        future.result(SOON)
    text = one.metrics.text()
    session = ":tensorflow:serving:batching_session:"
    assert f"{session}wrapped_run_count{{}} 2\n" in text
    assert f"{session}input_batch_size_sum{{}} 3\n" in text
    assert f"{session}processed_batch_size_sum{{}} 4\n" in text
    assert f'{session}padding_size_sum{{execution_batch_size="4"}} 1\n' in text
    assert f'{session}queuing_latency_count{{thread_pool_name=""}} 3\n' in text
    labels = '{model="m",version="1",signature="serving_default"}'
    assert f":amalthea:serving:queue_length{labels} 0\n" in text
    assert f":amalthea:serving:runtime_latency_count{labels} 3\n" in text


def test_idle_threads_sleep_until_there_is_work(bench, monkeypatch):
    one = bench(batch_timeout_micros=0, num_batch_threads=4)
    assert answer(one.ask([1])) == [2]
    looks = []
    look = one.runner._pop
    monkeypatch.setattr(one.runner, "_pop", lambda now: looks.append(now) or look(now))
    one.model.gate.clear()
    late = one.ask([2], deadline=time.monotonic() + 0.2)  # time enough to poll in
    assert error(late).code == "DEADLINE_EXCEEDED"
    one.model.gate.set()
    assert len(looks) <= 4


@pytest.fixture(scope="module")
def half_plus_two(tmp_path_factory):
    folder = save_half_plus_two(tmp_path_factory.mktemp("models") / "half" / "7")
    with ServedModel(folder) as model:
        yield model, folder


def test_many_clients_get_what_the_model_alone_gives(half_plus_two):
    model, _ = half_plus_two
    parameters = BatchingParameters(
        max_batch_size=8,
        batch_timeout_micros=500,
        num_batch_threads=2,
        max_enqueued_batches=1000,
        allowed_batch_sizes=(1, 2, 4, 8),
    )
    runner = BatchingRunner(model, "half", 7, parameters)
    generator = np.random.default_rng(0)
    requests = [
        generator.normal(size=(generator.integers(0, 9), generator.integers(1, 3)))
        for _ in range(200)
    ]

    def ask(rows):
        inputs = {"x": rows.astype(np.float32)}
        return inputs["x"], runner.run("serving_default", inputs, ["y"])["y"]

    with ThreadPoolExecutor(16) as pool:
        for x, y in pool.map(ask, requests):
            np.testing.assert_array_equal(y, x / 2 + 2)
    runner.close()


def test_the_direct_runner_runs_at_once(half_plus_two):
    model, _ = half_plus_two
    metrics = Metrics()
    runner = DirectRunner(model, "half", 7, metrics)
    result = runner.run("serving_default", {"x": np.float32(3)}, ["y"])
    assert result["y"] == 3.5
    assert (
        ":tensorflow:serving:runtime_latency_count"
        '{model_name="half",API="Predict",runtime="TF1"} 1\n'
    ) in metrics.text()
    with pytest.raises(StatusError, match="DEADLINE_EXCEEDED"):
        runner.run("serving_default", {"x": np.float32(3)}, ["y"], time.monotonic())
    runner.close()


def test_the_direct_runner_gives_the_sessions_errors(half_plus_two):
    model, _ = half_plus_two
    wrong = {"x": np.array([b"a"], object)}
    with pytest.raises(StatusError, match="INVALID_ARGUMENT"):
        DirectRunner(model).run("serving_default", wrong, ["y"])


def test_a_version_is_batched_by_its_own_file_alone(half_plus_two, tmp_path):
    model, folder = half_plus_two
    make_runner = runner_factory(ServerOptions(), Metrics())
    assert isinstance(make_runner(model, folder, "half", 7), DirectRunner)

    version = tmp_path / "half" / "3"
    version.mkdir(parents=True)
    text = BatchingParameters(max_batch_size=2, num_batch_threads=3).text()
    (version / FILE_NAME).write_text(text)
    before = threading.active_count()
    runner = make_runner(model, version, "half", 3)
    assert isinstance(runner, BatchingRunner)
    assert threading.active_count() == before + 3
    runner.close()
    assert threading.active_count() == before

    off = runner_factory(ServerOptions(batching=False))
    assert isinstance(off(model, version, "half", 3), DirectRunner)


@pytest.mark.parametrize("batching", [True, False])
def test_metrics_know_a_version_until_its_runner_is_closed(
    half_plus_two, tmp_path, batching
):
    model, _ = half_plus_two
    (tmp_path / FILE_NAME).write_text(BatchingParameters(num_batch_threads=1).text())
    metrics = Metrics()
    make_runner = runner_factory(ServerOptions(batching=batching), metrics)
    # Neither name nor version are the folder's.
    runner = make_runner(model, tmp_path, "half", 12)
    metrics.load(tmp_path, True, 0.1)
    runner.run("serving_default", {"x": np.ones(1, np.float32)}, ["y"])
    metrics.request("half", "REST", "Predict", "", "OK", 0.001)
    labels = '{model="half",version="12",signature="serving_default"}'
    assert f"runtime_latency_count{labels} 1\n" in metrics.text()
    assert 'model="half",signature="serving_default",api="REST"' in metrics.text()
    assert str(tmp_path) in metrics.text()
    runner.close()
    assert 'version="12"' not in metrics.text()
    assert str(tmp_path) not in metrics.text()


def test_a_damaged_file_fails_the_load(half_plus_two, tmp_path):
    (tmp_path / FILE_NAME).write_text("max_batch_size: 3")
    with pytest.raises(UserError, match=FILE_NAME):
        runner_factory(ServerOptions())(half_plus_two[0], tmp_path, "half", 1)
