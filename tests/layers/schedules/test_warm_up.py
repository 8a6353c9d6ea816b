import keras
import pytest

from amalthea.layers import InverseSqrtDecay, WarmUp


def test_number():
    schedule = WarmUp(0.2, 4)
    rates = [float(schedule(step)) for step in (0, 1, 2, 4, 100)]
    assert rates == pytest.approx([0, 0.05, 0.1, 0.2, 0.2])


def test_schedule_starts_after_the_warm_up():
    schedule = WarmUp(keras.optimizers.schedules.ExponentialDecay(1.0, 10, 0.5), 5)
    rates = [float(schedule(step)) for step in (0, 2, 5, 15, 25)]
    assert rates == pytest.approx([0, 0.4, 1, 0.5, 0.25])


def test_no_warm_up():
    assert float(WarmUp(0.2, 0)(0)) == pytest.approx(0.2)


def test_the_transformers_schedule():
    width, steps = 512, 4000
    schedule = WarmUp(InverseSqrtDecay((width * steps) ** -0.5, steps), steps)
    for step in (1, 100, 4000, 16_000, 100_000):
        published = width**-0.5 * min(step**-0.5, step * steps**-1.5)
        assert float(schedule(step)) == pytest.approx(published, rel=1e-5)


@pytest.mark.parametrize("inner", [0.1, InverseSqrtDecay(0.1, 10)])
def test_saved_with_an_optimizer(inner):
    optimizer = keras.optimizers.SGD(WarmUp(inner, 3))
    config = keras.saving.serialize_keras_object(optimizer)
    again = keras.saving.deserialize_keras_object(config)
    optimizer.build([])
    again.build([])
    for step in (1, 3, 30):
        for each in (optimizer, again):
            each.iterations.assign(step)
        assert float(again.learning_rate) == float(optimizer.learning_rate)
        assert float(again.learning_rate) == pytest.approx(
            float(WarmUp(inner, 3)(step))
        )


def test_negative_steps():
    with pytest.raises(ValueError, match="expected 0 or more"):
        WarmUp(0.1, -1)
