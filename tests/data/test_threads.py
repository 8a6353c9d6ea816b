"""Threads that work ahead, and yet give their results in order."""

import threading

import pytest

from amalthea.data.threads import ordered_map

both = pytest.mark.parametrize("workers", [1, 2, 5])


@both
@pytest.mark.parametrize("count", [0, 1, 50])
def test_results_come_in_order(workers, count):
    found = ordered_map(lambda x: x * x, iter(range(count)), workers)
    assert list(found) == [x * x for x in range(count)]


def test_threads_work_side_by_side_and_a_late_result_stays_first():
    second_has_run = threading.Event()

    def run(item):
        if item == 0:
            assert second_has_run.wait(60)
        if item == 1:
            second_has_run.set()
        return item

    assert list(ordered_map(run, range(4), workers=2)) == [0, 1, 2, 3]


@both
def test_only_so_far_ahead_of_the_caller(workers):
    taken = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    results = ordered_map(lambda item: item, items(), workers)
    assert not taken
    for done, result in enumerate(results):
        assert result == done
        assert len(taken) <= done + 2 * workers
    assert len(taken) == 100


def test_one_worker_is_the_callers_own_thread():
    found = ordered_map(lambda _: threading.get_ident(), range(3), workers=1)
    assert set(found) == {threading.get_ident()}
    found = ordered_map(lambda _: threading.get_ident(), range(3), workers=2)
    assert threading.get_ident() not in set(found)


@both
def test_an_error_comes_in_its_turn_and_ends_all(workers):
    def run(item):
        if item == 3:
            raise ArithmeticError(item)
        return item

    taken = iter(range(100))
    seen = []
    with pytest.raises(ArithmeticError, match="3"):
        for result in ordered_map(run, taken, workers):
            seen.append(result)
    assert seen == [0, 1, 2]
    assert next(taken) <= 3 + 2 * workers


@both
def test_an_error_of_the_items(workers):
    def items():
        yield 1
        raise ArithmeticError("no more")

    with pytest.raises(ArithmeticError, match="no more"):
        list(ordered_map(lambda item: item, items(), workers))


def test_threads_end_when_the_caller_stops_early():
    before = threading.active_count()
    results = ordered_map(lambda item: item, range(100), workers=3)
    assert next(results) == 0
    results.close()
    assert threading.active_count() == before
