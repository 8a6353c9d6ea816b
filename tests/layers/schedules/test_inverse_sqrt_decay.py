import pytest

from amalthea.layers import InverseSqrtDecay


def test_continuous():
    schedule = InverseSqrtDecay(0.6, 10)
    rates = [float(schedule(step)) for step in (0, 10, 30, 80)]
    # Divided by the roots of 1, 2, 4 and 9.
    assert rates == pytest.approx([0.6, 0.6 / 2**0.5, 0.3, 0.2])


def test_staircase_is_k_over_the_root_of_the_epoch():
    schedule = InverseSqrtDecay(0.6, 10, staircase=True)
    for step in range(0, 100, 7):
        epoch = step // 10 + 1
        assert float(schedule(step)) == pytest.approx(0.6 / epoch**0.5)


def test_config():
    schedule = InverseSqrtDecay(0.6, 10, staircase=True)
    again = InverseSqrtDecay.from_config(schedule.get_config())
    assert float(again(35)) == float(schedule(35)) == pytest.approx(0.3)


def test_wrong_steps():
    with pytest.raises(ValueError, match="`decay_steps`: expected a positive number"):
        InverseSqrtDecay(0.1, 0)
