"""The rules of batches, without threads; most tables are TensorFlow's own tests'."""

import numpy as np
import pytest

from amalthea.serving.batching_parameters import BatchingParameters
from amalthea.serving.server.batch_queue import BatchQueue, Limits, Task
from amalthea.serving.server.batch_tensors import merge, padding_rows, split
from amalthea.serving.server.errors import StatusError


def make_queue(**limits):
    return BatchQueue("serving_default", Limits(**limits))


def make_task(rows, now=0.0, key="x", deadline=None):
    return Task({"x": np.zeros((rows, 2))}, ("y",), rows, key, now, deadline)


def sizes(batch):
    return batch and [part.rows for part in batch.parts]


def batches(queue, now):
    found = []
    while (batch := queue.pop(now)) is not None:
        found.append(sizes(batch))
    return found


def test_limits_are_the_servers_where_nothing_is_set():
    limits = Limits.of(BatchingParameters())
    assert limits == Limits(1000, 1000, 0.0, 10, False)


def test_limits_come_from_the_parameters():
    parameters = BatchingParameters(
        max_batch_size=16,
        batch_timeout_micros=2500,
        max_enqueued_batches=3,
        enable_large_batch_splitting=True,
        max_execution_batch_size=4,
    )
    assert Limits.of(parameters) == Limits(16, 4, 0.0025, 3, True)


@pytest.mark.parametrize(
    "split_tasks, tasks, expected",
    [
        (False, (3, 5, 3, 1, 6), [[3, 5], [3, 1, 6]]),
        (True, (3, 5, 3, 1, 6, 1), [[3, 5, 2], [1, 1, 6, 1]]),
    ],
)
def test_a_batch_holds_no_more_rows_than_it_may(split_tasks, tasks, expected):
    queue = make_queue(
        task_rows=10, batch_rows=10, timeout=0.01, batches=2, split=split_tasks
    )
    for rows in tasks:
        queue.add(make_task(rows))
    assert batches(queue, now=0.02) == expected
    assert len(queue) == 0


def test_a_batch_waits_for_its_timeout_or_until_another_replaces_it():
    queue = make_queue(task_rows=4, batch_rows=4, timeout=10, batches=2)
    queue.add(make_task(1, now=0))
    assert queue.expires() == 10
    assert queue.pop(9) is None
    assert sizes(queue.pop(10)) == [1]

    queue.add(make_task(2, now=10))
    assert not queue.has_ready(11)
    queue.add(make_task(3, now=11))  # does not fit
    assert queue.has_ready(11)
    assert sizes(queue.pop(11)) == [2]
    assert queue.pop(20) is None
    assert sizes(queue.pop(21)) == [3]
    assert queue.expires() is None


def test_a_full_batch_is_ready_at_once():
    queue = make_queue(task_rows=4, batch_rows=4, timeout=10)
    queue.add(make_task(1))
    queue.add(make_task(3))
    assert sizes(queue.pop(0)) == [1, 3]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_as_many_batches_wait_as_may(most):
    queue = make_queue(task_rows=2, batch_rows=2, timeout=10, batches=most)
    for waiting in range(2 * most):
        assert len(queue) == waiting
        queue.add(make_task(1))
    with pytest.raises(StatusError) as raised:
        queue.add(make_task(1))
    assert raised.value.code == "RESOURCE_EXHAUSTED"
    assert raised.value.message == (
        "The batch scheduling queue to which this task was submitted is full; "
        f"currently {most} batches enqueued and max_enqueued_batches is {most}"
    )
    assert len(queue) == 2 * most
    queue.pop(0)
    queue.add(make_task(1))


def test_odd_shapes_do_not_get_round_the_limit():
    queue = make_queue(task_rows=4, batch_rows=4, timeout=10, batches=2)
    queue.add(make_task(1, key="a"))
    queue.add(make_task(1, key="b"))
    queue.add(make_task(1, key="a"))
    with pytest.raises(StatusError, match="RESOURCE_EXHAUSTED"):
        queue.add(make_task(1, key="c"))
    assert batches(queue, now=10) == [[1, 1], [1]]


def test_a_split_task_needs_room_for_all_of_its_rows():
    queue = make_queue(task_rows=10, batch_rows=2, timeout=10, batches=3, split=True)
    queue.add(make_task(1))
    with pytest.raises(StatusError, match="task size is 6 .* capacity is only 5"):
        queue.add(make_task(6))
    queue.add(make_task(5))
    assert batches(queue, now=0) == [[1, 1], [2], [2]]


@pytest.mark.parametrize(
    "rows, free, limit, expected",
    [
        (5, 1, 1, [1, 1, 1, 1, 1]),
        (10, 3, 4, [3, 4, 3]),
        (20, 5, 6, [5, 6, 6, 3]),
        (30, 0, 11, [11, 11, 8]),
        (5, 6, 8, [5]),
    ],
)
def test_a_task_is_split_as_tensorflow_splits_it(rows, free, limit, expected):
    queue = make_queue(
        task_rows=100, batch_rows=limit, timeout=10, batches=100, split=True
    )
    if free < limit:
        queue.add(make_task(limit - free))
    task = make_task(rows)
    queue.add(task)
    parts = []
    while (batch := queue.pop(10)) is not None:
        parts += [part for part in batch.parts if part.task is task]
    assert [part.rows for part in parts] == expected
    task.inputs["x"] = np.arange(rows)
    joined = np.concatenate([part.array("x") for part in parts])
    assert joined.tolist() == list(range(rows))


@pytest.mark.parametrize("split_tasks", [False, True])
def test_a_request_may_not_be_larger_than_allowed(split_tasks):
    queue = make_queue(task_rows=3, batch_rows=2 + split_tasks, split=split_tasks)
    with pytest.raises(StatusError) as raised:
        queue.add(make_task(4))
    assert raised.value.code == "INVALID_ARGUMENT"
    assert raised.value.message == (
        "Task size 4 is larger than maximum input batch size 3"
    )


@pytest.mark.parametrize("split_tasks", [False, True])
def test_no_rows_are_ready_at_once_and_stay_alone(split_tasks):
    queue = make_queue(
        task_rows=4, batch_rows=4, timeout=10, batches=2, split=split_tasks
    )
    queue.add(make_task(1))
    queue.add(make_task(0))
    with pytest.raises(StatusError, match="RESOURCE_EXHAUSTED"):
        queue.add(make_task(0))
    assert sizes(queue.pop(0)) == [0]
    assert queue.pop(0) is None
    assert sizes(queue.pop(10)) == [1]


def test_closing_makes_every_batch_ready():
    queue = make_queue(task_rows=4, batch_rows=4, timeout=10)
    queue.add(make_task(1, key="a"))
    queue.add(make_task(2, key="b"))
    assert sizes(queue.pop(0, closing=True)) == [1]
    assert sizes(queue.pop(0, closing=True)) == [2]
    assert queue.pop(0, closing=True) is None


@pytest.mark.parametrize(
    "rows, allowed, expected",
    [(1, (), 0), (1, (2, 4), 1), (2, (2, 4), 0), (3, (2, 4), 1), (5, (2, 4), 0)],
)
def test_padding_reaches_the_next_allowed_size(rows, allowed, expected):
    assert padding_rows(rows, allowed) == expected
    assert padding_rows(0, allowed) == 0


def test_padding_repeats_the_first_row_of_the_last_request():
    first, last = np.array([[b"a"]], object), np.array([[b"b"], [b"c"]], object)
    merged = merge([first, last], padding=2)
    assert merged.tolist() == [[b"a"], [b"b"], [b"c"], [b"b"], [b"b"]]


def test_one_request_is_not_copied():
    array = np.ones((2, 3))
    assert merge([array], padding=0) is array


def test_shapes_are_filled_up_with_the_first_value():
    small = np.array([[[1, 2], [3, 4]]], np.float32)
    large = np.arange(5, 14, dtype=np.float32).reshape(1, 3, 3)
    merged = merge([small, large], padding=0, pad_shapes=True)
    assert merged[0].tolist() == [[1, 2, 1], [3, 4, 1], [1, 1, 1]]
    assert merged[1].tolist() == large[0].tolist()
    assert merged.dtype == np.float32


def test_a_request_without_a_value_cannot_be_filled_up():
    with pytest.raises(StatusError, match="Got empty tensor in batch of non-empty"):
        merge([np.zeros((1, 0)), np.zeros((1, 2))], padding=0, pad_shapes=True)


def test_outputs_are_cut_at_the_requests_and_padding_is_dropped():
    outputs = {"y": np.arange(6), "z": np.arange(12).reshape(6, 2)}
    first, second = split(outputs, [2, 3], padding=1)
    assert first["y"].tolist() == [0, 1]
    assert second["y"].tolist() == [2, 3, 4]
    assert second["z"].tolist() == [[4, 5], [6, 7], [8, 9]]


@pytest.mark.parametrize(
    "output, message",
    [
        (np.float32(1), "Batched output tensor has 0 dimensions"),
        (
            np.zeros(3),
            "Batched output tensor's 0th dimension does not equal the sum of the 0th "
            "dimension sizes of the input tensors",
        ),
    ],
)
def test_an_output_must_have_a_row_for_each_row(output, message):
    with pytest.raises(StatusError) as raised:
        split({"y": np.asarray(output)}, [1, 1], padding=0)
    assert raised.value.code == "FAILED_PRECONDITION"
    assert raised.value.message == message
