"""Linear warm-up in front of any learning rate."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amalthea")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Raise the learning rate linearly from 0, then follow a schedule.

    The schedule starts when the warm-up ends: at step `warmup_steps` it is asked
    for its step 0. A decay over the whole training therefore takes
    `steps - warmup_steps`.

    Args:
        schedule: The learning rate after the warm-up: a number or a Keras schedule.
        warmup_steps: Steps from 0 to the schedule's first value; 0 for none.

    Raises:
        ValueError: If `warmup_steps` is negative.

    Reference:
        Goyal et al., 2017, "Accurate, Large Minibatch SGD", section 2.2.
    """

    def __init__(self, schedule, warmup_steps):
        super().__init__()
        if warmup_steps < 0:
            raise ValueError(
                "Invalid value for `warmup_steps`: expected 0 or more, "
                f"received warmup_steps={warmup_steps}"
            )
        self.schedule = schedule
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rate = self.schedule
        if callable(rate):
            rate = rate(ops.maximum(step - self.warmup_steps, 0.0))
        if not self.warmup_steps:
            return rate
        return rate * ops.minimum(step / self.warmup_steps, 1.0)

    def get_config(self):
        return {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "warmup_steps": self.warmup_steps,
        }

    @classmethod
    def from_config(cls, config):
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(schedule, config["warmup_steps"])
