"""What every exported module has in common."""

import tensorflow as tf


class ServingModule(tf.Module):
    """A module that can be exported: named endpoints over Keras models.

    It tracks the models' variables, not the models: TensorFlow would save a
    tracked Keras variable as a copy and restore that copy, so that a session
    (which is how TensorFlow Serving loads) finds the variable itself without a
    value. A subclass keeps its models in closures, not in attributes.

    Args:
        models: The Keras models that the endpoints call.
        name: The module's name.

    Attributes:
        endpoints: Dict from signature name to a `tf.function` with a fixed
            `input_signature` that returns a dict of tensors. A subclass fills it.
    """

    def __init__(self, models, name):
        super().__init__(name=name)
        self.weights = [
            variable.value for model in models for variable in model.variables
        ]
        self.endpoints = {}
