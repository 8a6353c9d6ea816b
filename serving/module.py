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


def ask(module, signature, **inputs):
    """Asks a module as a client would: numpy arrays in, numpy arrays out.

    Args:
        module: A `ServingModule`.
        signature: Name of one of its endpoints.
        **inputs: What it takes.

    Returns:
        A dict from the name of an output to its array.
    """
    inputs = {name: tf.constant(value) for name, value in inputs.items()}
    outputs = module.endpoints[signature](**inputs)
    return {name: output.numpy() for name, output in outputs.items()}


def apply_model(model, inputs):
    """Calls a Keras model for inference on a batch that may be empty.

    Convolutions of oneDNN refuse an empty batch: they are given one row.

    Args:
        model: The Keras model.
        inputs: A tensor `[N, ...]`, or a structure of them; N may be 0.

    Returns:
        What the model returns, a tensor or a structure of them, `[N, ...]`.
    """
    rows = tf.shape(tf.nest.flatten(inputs)[0])[0]
    spare = tf.cast(rows == 0, tf.int32)
    padded = tf.nest.map_structure(
        lambda part: tf.pad(part, [[0, spare], *[[0, 0]] * (part.shape.rank - 1)]),
        inputs,
    )
    outputs = model(padded, training=False)
    return tf.nest.map_structure(lambda output: output[:rows], outputs)
