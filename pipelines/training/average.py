"""A moving average of a model's weights."""

import contextlib

import keras
import numpy as np
from keras import ops


class WeightAverage:
    """An exponential moving average of weights and normalisation statistics.

    Keras' optimisers average the trainable weights only; batch normalisation
    then meets statistics of other weights than its own, and the averaged model
    validates worse than the plain one. So the statistics are averaged too.

    The decay ramps up as min(decay, (1 + t) / (10 + t)).

    Args:
        model: A built Keras model.
        decay: The decay once ramped up, below 1.

    Reference:
        Tarvainen and Valpola 2017, "Mean teachers are better role models";
        the ramp is `tf.train.ExponentialMovingAverage`'s `num_updates`.
    """

    def __init__(self, model, decay):
        self.decay = decay
        self.weights = [
            weight for weight in model.weights if "float" in str(weight.dtype)
        ]
        # A copy: Keras would share the memory of a variable it is given.
        self.averages = [
            keras.Variable(
                np.asarray(weight).copy(), trainable=False, dtype=weight.dtype
            )
            for weight in self.weights
        ]
        self.updates = keras.Variable(0, trainable=False, dtype="int64")

    @property
    def variables(self):
        """All that resuming needs."""
        return [self.updates, *self.averages]

    def update(self):
        """Moves the averages towards the weights; part of a training step."""
        count = ops.cast(self.updates, "float32")
        decay = ops.minimum(self.decay, (1.0 + count) / (10.0 + count))
        for average, weight in zip(self.averages, self.weights, strict=True):
            step = ops.cast(1.0 - decay, average.dtype)
            average.assign_add(step * (weight.value - average.value))
        self.updates.assign_add(1)

    @contextlib.contextmanager
    def applied(self):
        """Puts the averages in the weights' place for the length of a block."""
        kept = [ops.copy(weight.value) for weight in self.weights]
        for weight, average in zip(self.weights, self.averages, strict=True):
            weight.assign(average.value)
        try:
            yield
        finally:
            for weight, value in zip(self.weights, kept, strict=True):
                weight.assign(value)
