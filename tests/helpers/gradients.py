"""Analytic gradients against central differences, on any backend."""

import functools

import keras
import numpy as np
from keras import ops


def assert_gradients(
    function, *inputs, variables=(), entries=24, epsilon=1e-5, rtol=1e-4, atol=1e-6
):
    """Checks autodiff of `function` with respect to inputs and variables.

    On TensorFlow all is computed in float64, so a layer under test needs
    `dtype="float64"`. On JAX Keras promotes float64 to float32 in most operations
    (`keras.backend.result_type`), so steps and tolerances are wider there. A random
    layer sees the same draw at each evaluation, because no change to a variable
    outlives one.

    Args:
        function: Takes one tensor for each of `inputs`; returns tensors.
        *inputs: Arrays, taken as float64.
        variables: Keras variables that `function` reads.
        entries: How many random entries of each array are perturbed.
        epsilon: Size of the perturbation. Larger is better where the function itself
            rounds to float32.
        rtol: Relative tolerance.
        atol: Absolute tolerance.
    """
    assert all(variable.dtype == "float64" for variable in variables)
    if keras.backend.backend() == "jax":
        epsilon, rtol, atol = max(epsilon, 2e-3), max(rtol, 1e-2), max(atol, 5e-3)
    rng = np.random.default_rng(0)
    points = [np.asarray(x, "float64") for x in inputs]
    points += [ops.convert_to_numpy(v).astype("float64") for v in variables]
    directions = []

    def scalar(values):
        """The outputs as one number, each entry with a weight of its own."""
        mapping = list(zip(variables, values[len(inputs) :], strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            outputs = keras.tree.flatten(function(*values[: len(inputs)]))
        if not directions:
            directions.extend(rng.normal(size=output.shape) for output in outputs)
        return sum(
            ops.sum(ops.cast(output, "float64") * direction)
            for output, direction in zip(outputs, directions, strict=True)
        )

    value, gradients = _value_and_gradients(scalar, points)

    def number(values):
        return float(value([ops.convert_to_tensor(value) for value in values]))

    for index, (point, gradient) in enumerate(zip(points, gradients, strict=True)):
        chosen = rng.permutation(point.size)[:entries]
        numeric = []
        for entry in chosen:
            change = np.zeros(point.size)
            change[entry] = epsilon
            change = change.reshape(point.shape)
            sides = [
                number([*points[:index], moved, *points[index + 1 :]])
                for moved in (point + change, point - change)
            ]
            numeric.append((sides[0] - sides[1]) / (2 * epsilon))
        np.testing.assert_allclose(
            gradient.ravel()[chosen],
            numeric,
            rtol=rtol,
            atol=atol,
            err_msg=f"gradient of array {index} (inputs first, then variables)",
        )


def compiled_function(function):
    """JAX takes its time over each operation by itself."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return function


def autodiff(scalar, points):
    """The gradients of `scalar`, a function of a list of tensors, as arrays."""
    if keras.backend.backend() == "jax":
        gradients = _compiled_gradients(scalar)(_tensors(points))
        return [np.asarray(gradient) for gradient in gradients]
    import tensorflow as tf

    tensors = _tensors(points)
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        loss = scalar(tensors)
    gradients = tape.gradient(loss, tensors, unconnected_gradients="zero")
    # An embedding's gradient comes as slices.
    return [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]


@functools.lru_cache(1)  # for one function at several points
def _compiled_gradients(scalar):
    import jax

    return jax.jit(jax.grad(scalar))


def _value_and_gradients(scalar, points):
    """`scalar` compiled, as it is called many times, and its gradients."""
    if keras.backend.backend() == "jax":
        import jax

        # One compilation for both. The weights of the outputs are not to be drawn
        # while it goes on.
        jax.eval_shape(scalar, _tensors(points))
        both = jax.jit(jax.value_and_grad(scalar))
        gradients = [np.asarray(gradient) for gradient in both(_tensors(points))[1]]
        return lambda tensors: both(tensors)[0], gradients
    import tensorflow as tf

    gradients = autodiff(scalar, points)
    return tf.function(scalar, autograph=False), gradients


def _tensors(points):
    return [ops.convert_to_tensor(point) for point in points]
