import numpy as np
import pytest

from amalthea.serving.batching_parameters import parse_batching_parameters
from amalthea.serving.bundle import measure as module
from amalthea.serving.bundle.measure import (
    Timing,
    batching_file,
    choose,
    measure,
)


class Machine:
    """A model on a clock of its own: a call takes `fixed + rows * each` seconds."""

    def __init__(self, fixed, each, noise=None):
        self.now, self.fixed, self.each = 0.0, fixed, each
        self.noise = noise or (lambda call: 0.0)
        self.calls = []

    def run(self, signature, inputs):
        rows = len(inputs["x"])
        self.now += self.fixed + rows * self.each + self.noise(len(self.calls))
        self.calls.append((signature, rows))

    def measure(self, *signatures, width=1):
        examples = {name: {"x": np.zeros((3, width))} for name in signatures or ["s"]}
        return measure(self.run, examples, clock=lambda: self.now)


def timings(**rates):
    """Timings of signatures, from lists of rows per second at 1, 2, 4, ... rows."""
    return [
        Timing(name, 2**power, 2**power / rate)
        for name, values in rates.items()
        for power, rate in enumerate(values)
    ]


def test_a_quick_model_is_timed_up_to_64_rows_a_slower_one_up_to_32():
    assert [t.rows for t in Machine(0.001, 0.0001).measure()][-1] == 64
    assert [t.rows for t in Machine(0.001, 0.002).measure()][-1] == 32


def test_the_timings_are_those_of_the_clock():
    machine = Machine(0.001, 0.0001)
    for timing in machine.measure("a", "b"):
        assert timing.seconds == pytest.approx(0.001 + timing.rows * 0.0001)
    assert machine.now < 5


def test_each_size_is_timed_at_least_three_times_after_a_first_run():
    machine = Machine(1.0, 0.0)
    rows = [timing.rows for timing in machine.measure()]
    assert all(machine.calls.count(("s", size)) >= 4 for size in rows)


def test_a_slow_model_is_timed_alone_and_no_longer_than_needed():
    machine = Machine(0.0, 10.0)
    assert [timing.rows for timing in machine.measure()] == [1]
    assert len(machine.calls) == 5  # one sets up, one warms up, three count


@pytest.mark.parametrize("each", [0.003, 0.03, 0.3])
def test_the_time_is_bounded(each):
    machine = Machine(0.01, each)
    machine.measure("a", "b", "c")
    assert machine.now <= 5 + 4 * 3 * (0.01 + each)


def test_large_inputs_stop_the_growth():
    rows = [t.rows for t in Machine(0.0, 1e-4).measure(width=2_000_000)]
    assert rows == [1, 2, 4]  # 16 MB a row, at most 64 MB


def test_outliers_do_not_count():
    machine = Machine(0.004, 0.001, noise=lambda call: 0.1 * (call % 5 == 0))
    for timing in machine.measure():
        assert timing.seconds == pytest.approx(0.004 + timing.rows * 0.001)


def test_the_smallest_size_near_the_best_is_chosen():
    chosen = choose(timings(s=[100, 190, 340, 540, 590, 600]), cores=3)
    assert chosen.largest_batch == 8  # 540 is 90 % of 600
    assert chosen.batch_timeout_micros == 5000  # half of 10 ms
    assert chosen.num_batch_threads == 3
    assert chosen.enable_large_batch_splitting
    assert chosen.max_batch_size == 256
    assert chosen.max_enqueued_batches == 128


def test_a_model_that_gains_nothing_is_not_batched_and_nobody_waits():
    chosen = choose(timings(s=[100, 103, 98, 105]), cores=2)
    assert chosen.largest_batch == 1
    assert chosen.batch_timeout_micros == 0
    assert chosen.max_enqueued_batches == 1024  # room for the largest request


def test_the_wait_is_bounded():
    chosen = choose(timings(s=[1, 2, 4]), cores=2)
    assert chosen.batch_timeout_micros == 10_000


def test_signatures_agree_on_a_size_that_all_were_timed_at():
    # b was not timed above 4 rows, and reaches 90 % of its best at 2.
    chosen = choose(timings(a=[100, 200, 380, 800, 1600], b=[10, 19, 20]), cores=2)
    assert chosen.largest_batch == 4
    # The quickest call sets the wait.
    assert chosen.batch_timeout_micros == 5000


def test_signatures_with_opposite_wishes_get_the_best_for_both():
    # Shares of each one's best: a .25 .5 1, b 1 .8 .5; the lower of both .25 .5 .5.
    chosen = choose(timings(a=[25, 50, 100], b=[100, 80, 50]), cores=2)
    assert chosen.largest_batch == 2


def test_the_file_can_be_read_and_tells_what_was_measured():
    measured = timings(serving_default=[100, 400])
    chosen = choose(measured, cores=2)
    text = batching_file(chosen, measured, "2 CPU cores", "MODELS/pets/3")
    assert parse_batching_parameters(text) == chosen
    assert "Measured on 2 CPU cores" in text
    assert "# amalthea serve MODELS --no-batching\n# amalthea bench" in text
    assert "--write MODELS/pets/3" in text
    assert "# serving_default     2          5.00       400.0\n" in text


def test_this_machine_has_cores():
    assert module.cpu_cores() >= 1
    assert "CPU core" in module.measured_on()
