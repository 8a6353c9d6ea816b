"""Decay with the square root of time."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amalthea")
class InverseSqrtDecay(keras.optimizers.schedules.LearningRateSchedule):
    """`initial_learning_rate / sqrt(1 + step / decay_steps)`.

    With the steps of an epoch as `decay_steps` and `staircase=True` this is
    `k / sqrt(epoch)`, epochs counted from 1 and k the initial rate. Behind
    `WarmUp` of `decay_steps` steps it is the Transformer's schedule, whose peak is
    `1 / sqrt(model_width * warmup_steps)`.

    Args:
        initial_learning_rate: The rate at step 0.
        decay_steps: Steps after which the rate is divided by the square root of 2.
        staircase: Whether the rate changes only every `decay_steps`.

    Raises:
        ValueError: If `decay_steps` is not positive.

    Reference:
        Vaswani et al., 2017, "Attention Is All You Need", section 5.3.
    """

    def __init__(self, initial_learning_rate, decay_steps, staircase=False):
        super().__init__()
        if decay_steps <= 0:
            raise ValueError(
                "Invalid value for `decay_steps`: expected a positive number, "
                f"received decay_steps={decay_steps}"
            )
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.staircase = staircase

    def __call__(self, step):
        periods = ops.cast(step, "float32") / self.decay_steps
        if self.staircase:
            periods = ops.floor(periods)
        return self.initial_learning_rate * ops.rsqrt(1.0 + periods)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "staircase": self.staircase,
        }
