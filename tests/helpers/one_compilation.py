"""Layers' answers on JAX, which takes its time over each operation by itself."""

import keras
from helpers.gradients import compiled_function
from keras import ops


def answers_of(function, **arguments):
    """A layer, a model or a method, answering as arrays and compiled whole on JAX.

    Args:
        function: What has weights must be built. On JAX no call changes them, nor
            the state of random draws.
        **arguments: Of each call, such as `training=True`.
    """

    def call(*inputs):
        if keras.backend.backend() != "jax":
            return function(*inputs, **arguments)
        with keras.StatelessScope():
            return function(*inputs, **arguments)

    compiled = compiled_function(call)

    def answer(*inputs):
        return keras.tree.map_structure(ops.convert_to_numpy, compiled(*inputs))

    return answer
