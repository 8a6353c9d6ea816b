"""Schedules and optimisers against formulas worked by hand."""

import math

import keras
import numpy as np
import pytest

from amalthea.pipelines.config import TrainingConfig
from amalthea.pipelines.training.optimizers import make_optimizer, make_schedule

STEPS = 10  # an epoch


def rate_at(step, **settings):
    config = TrainingConfig(learning_rate=0.5, epochs=8, **settings)
    schedule = make_schedule(config, STEPS)
    return float(schedule(step)) if callable(schedule) else schedule


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"schedule": "constant"}, lambda epoch: 0.5),
        (
            {"schedule": "cosine"},
            lambda epoch: 0.25 * (1 + math.cos(math.pi * epoch / 8)),
        ),
        (
            {"schedule": "inverse_time", "decay_rate": 0.3},
            lambda epoch: 0.5 / (1 + 0.3 * epoch),
        ),
        ({"schedule": "exponential"}, lambda epoch: 0.5 * 0.95**epoch),
        # k / sqrt(epoch), epochs counted from 1.
        (
            {"schedule": "inverse_sqrt", "decay_rate": 0.8},
            lambda epoch: 0.5 * 0.8 / math.sqrt(epoch + 1),
        ),
    ],
)
@pytest.mark.parametrize("epoch", [0, 1, 3, 7])
def test_schedule_follows_its_formula(settings, expected, epoch):
    assert rate_at(epoch * STEPS, **settings) == pytest.approx(expected(epoch), 1e-5)


def test_step_schedule_falls_after_the_named_epochs():
    settings = {"schedule": "step", "decay_epochs": (2, 5)}
    rates = [rate_at(epoch * STEPS + 5, **settings) for epoch in range(8)]
    assert rates == pytest.approx([0.5] * 2 + [0.05] * 3 + [0.005] * 3)


def test_step_schedule_falls_at_a_half_and_three_quarters_by_default():
    rates = [rate_at(epoch * STEPS + 5, schedule="step") for epoch in range(8)]
    assert rates == pytest.approx([0.5] * 4 + [0.05] * 2 + [0.005] * 2)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step", "exponential"])
def test_warm_up_rises_linearly_to_the_peak(schedule):
    rates = [rate_at(step, schedule=schedule, warmup_epochs=2) for step in (0, 5, 20)]
    assert rates == pytest.approx([0.0, 0.125, 0.5], abs=2e-2)


def test_warm_up_leaves_the_end_of_the_schedules_where_it_was():
    assert rate_at(8 * STEPS, warmup_epochs=2) == pytest.approx(0, abs=1e-6)
    late = [rate_at(s, schedule="step", warmup_epochs=2) for s in (39, 41)]
    assert late == pytest.approx([0.5, 0.05])


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adam", "adamw"])
def test_biases_and_scales_are_not_decayed(name):
    config = TrainingConfig(optimizer=name, weight_decay=0.1, learning_rate=0.1)
    optimizer = make_optimizer(config, STEPS)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()]
    )
    for weight in model.trainable_variables:
        weight.assign(np.ones(weight.shape))
    variables = model.trainable_variables
    optimizer.apply([np.zeros(v.shape, "float32") for v in variables], variables)
    values = {v.path.split("/")[-1]: float(np.mean(v)) for v in variables}
    # Cosine without warm-up starts at the peak: 1 - 0.1 * 0.1.
    assert values == pytest.approx({"kernel": 0.99, "bias": 1, "gamma": 1, "beta": 1})


def test_gradients_are_clipped_by_their_common_norm():
    config = TrainingConfig(
        optimizer="sgd", momentum=0, learning_rate=1, clip_norm=1, weight_decay=0
    )
    optimizer = make_optimizer(config, STEPS)
    variables = [keras.Variable([0.0]), keras.Variable([0.0])]
    optimizer.apply([np.array([3.0], "float32"), np.array([4.0], "float32")], variables)
    assert [float(v[0]) for v in variables] == pytest.approx([-0.6, -0.8])


def test_mixed_float16_scales_its_loss():
    optimizer = make_optimizer(TrainingConfig(precision="mixed_float16"), STEPS)
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
