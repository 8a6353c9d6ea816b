import pytest

from amalthea.serving.batching_choice import batching_for, worthwhile_rows
from amalthea.serving.batching_parameters import parse_batching_parameters


def test_the_fewest_rows_near_the_best_are_worthwhile():
    assert worthwhile_rows({1: 100, 2: 190, 4: 340, 8: 540, 16: 590, 32: 600}) == 8
    assert worthwhile_rows({1: 100, 2: 103, 4: 98}) == 1


@pytest.mark.parametrize(
    ("largest", "sizes"),
    [
        (1, (1,)),
        (2, (1, 2)),
        (5, (1, 2, 3, 4, 5)),
        (32, (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)),
    ],
)
def test_batches_have_few_sizes_and_larger_requests_are_split(largest, sizes):
    parameters = batching_for(largest, 0.004, threads=3)
    # TensorFlow Serving refuses a file whose last size is not the largest request.
    assert parameters.allowed_batch_sizes == (*sizes, parameters.max_batch_size)
    assert parameters.max_batch_size == 256
    assert parameters.batch_sizes == sizes
    assert parameters.largest_batch == largest
    assert parameters.num_batch_threads == 3
    assert parameters.max_enqueued_batches * largest >= 1024
    assert parse_batching_parameters(parameters.text()) == parameters


@pytest.mark.parametrize(
    ("largest", "seconds_alone", "rows"),
    [(4, 0.1, 32), (64, 0.1, 64), (4, 0.005, 50), (4, 0.0001, 256)],
)
def test_requests_that_run_whole(largest, seconds_alone, rows):
    parameters = batching_for(largest, seconds_alone, 2, splits=False)
    assert not parameters.enable_large_batch_splitting
    assert parameters.max_batch_size == parameters.allowed_batch_sizes[-1] == rows
    assert parameters.largest_batch == rows
    assert parse_batching_parameters(parameters.text()) == parameters


def test_a_request_waits_half_as_long_as_it_runs_and_at_most_10_ms():
    assert batching_for(8, 0.004, 2).batch_timeout_micros == 2000
    assert batching_for(8, 1.0, 2).batch_timeout_micros == 10_000
    assert batching_for(1, 0.004, 2).batch_timeout_micros == 0


def test_batches_as_large_as_the_largest_request():
    parameters = batching_for(512, 0.001, 1)
    assert parameters.max_batch_size == parameters.allowed_batch_sizes[-1] == 512
    assert parameters.batch_sizes == parameters.allowed_batch_sizes
