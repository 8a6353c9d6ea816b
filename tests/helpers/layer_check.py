"""What every layer has to stand, whatever it computes."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import ops


def run_layer_checks(
    layer_class,
    init_kwargs,
    input_shape,
    *,
    input_dtype="float32",
    input_data=None,
    call_kwargs=None,
    compiled=True,
    output_dtype=None,
    tolerance=1e-5,
):
    """Checks config, shapes, policies, saving and compilation of a layer.

    Args:
        layer_class: The class.
        init_kwargs: Its arguments. A random layer needs a seed.
        input_shape: Shape with the batch, or a list, tuple or dict of them.
        input_dtype: Type of the inputs, or a structure of them.
        input_data: Arrays of those shapes; `None` for uniform draws, in 0..1 for
            floats and 0..9 for integers.
        call_kwargs: Further arguments of the call, e.g. `{"training": True}`.
        compiled: Whether the layer must compile under XLA.
        output_dtype: Type of the outputs under every policy; the policy's own
            compute type if not given.
        tolerance: Absolute and relative, where outputs are compared.

    Returns:
        The outputs for the inputs, as arrays.
    """
    call_kwargs = call_kwargs or {}
    shapes = _map_shapes(tuple, input_shape)
    dtypes = (
        _map_shapes(lambda _: input_dtype, input_shape)
        if isinstance(input_dtype, str)
        else input_dtype
    )
    if input_data is None:
        input_data = keras.tree.map_structure_up_to(dtypes, _draw, dtypes, shapes)

    def make(**more):
        return layer_class(**init_kwargs, **more)

    _check_config(make())
    layer = make()
    outputs = _check_shapes(layer, input_data, dtypes, shapes, call_kwargs)
    if compiled:
        _check_compiled(layer, input_data, call_kwargs, tolerance)
    _check_saving(make(), input_data, dtypes, shapes, tolerance)
    for policy in ("mixed_float16", "mixed_bfloat16"):
        _check_policy(make(dtype=policy), input_data, call_kwargs, output_dtype)
    return outputs


def _map_shapes(function, structure):
    if isinstance(structure, dict):
        return {key: _map_shapes(function, s) for key, s in structure.items()}
    if all(size is None or isinstance(size, int) for size in structure):
        return function(structure)
    return type(structure)(_map_shapes(function, s) for s in structure)


def _draw(dtype, shape):
    rng = np.random.default_rng(0)
    if "int" in dtype:
        return rng.integers(0, 10, shape).astype(dtype)
    return rng.uniform(size=shape).astype(dtype)


def _arrays(outputs):
    return keras.tree.map_structure(ops.convert_to_numpy, outputs)


def _assert_close(ours, theirs, tolerance):
    for a, b in zip(keras.tree.flatten(ours), keras.tree.flatten(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def _check_config(layer):
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer)
    assert keras.saving.serialize_keras_object(again) == config


def _inputs(dtypes, shapes):
    return keras.tree.map_structure_up_to(
        dtypes, lambda dtype, shape: keras.Input(shape[1:], dtype=dtype), dtypes, shapes
    )


def _check_shapes(layer, data, dtypes, shapes, call_kwargs):
    inputs = _inputs(dtypes, shapes)
    symbolic = keras.tree.flatten(layer(inputs, **call_kwargs))
    assert all(tensor.shape[0] is None for tensor in symbolic)
    outputs = _arrays(layer(data, **call_kwargs))
    doubled = keras.tree.map_structure(lambda x: np.concatenate([x, x]), data)
    larger = keras.tree.flatten(_arrays(layer(doubled, **call_kwargs)))
    told = layer.compute_output_shape(shapes)
    told = [told] if len(symbolic) == 1 and isinstance(told[0], int) else told
    told = list(told.values()) if isinstance(told, dict) else told
    for real, shape, big, tensor in zip(
        keras.tree.flatten(outputs), told, larger, symbolic, strict=True
    ):
        assert real.shape == tuple(shape)
        assert big.shape == (2 * real.shape[0], *real.shape[1:])
        assert keras.backend.standardize_dtype(real.dtype) == tensor.dtype
        for size, known in zip(real.shape, tensor.shape, strict=True):
            assert known in (None, size)
    return outputs


def _check_compiled(layer, data, call_kwargs, tolerance):
    def call(inputs):
        state = layer.trainable_variables, layer.non_trainable_variables
        values = ([variable.value for variable in variables] for variables in state)
        return layer.stateless_call(*values, inputs, **call_kwargs)[0]

    if keras.backend.backend() == "jax":
        import jax

        compiled = jax.jit(call)
    else:
        import tensorflow as tf

        compiled = tf.function(call, jit_compile=True)
    tensors = keras.tree.map_structure(ops.convert_to_tensor, data)
    outputs, eager = _arrays(compiled(tensors)), _arrays(call(tensors))
    if any("seed_generator" in variable.path for variable in layer.variables):
        # XLA draws other numbers from the same state.
        for output, expected in zip(
            keras.tree.flatten(outputs), keras.tree.flatten(eager), strict=True
        ):
            assert output.shape == expected.shape
            assert np.isfinite(output.astype("float32")).all()
    else:
        _assert_close(outputs, eager, tolerance)


def _check_saving(layer, data, dtypes, shapes, tolerance):
    inputs = _inputs(dtypes, shapes)
    model = keras.Model(inputs, layer(inputs))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        again = keras.saving.load_model(path)
    ours = _arrays(model(data, training=False))
    _assert_close(ours, _arrays(again(data, training=False)), tolerance)


def _check_policy(layer, data, call_kwargs, output_dtype):
    for output in keras.tree.flatten(layer(data, **call_kwargs)):
        dtype = keras.backend.standardize_dtype(output.dtype)
        assert dtype == (output_dtype or layer.compute_dtype)
        values = ops.convert_to_numpy(ops.cast(output, "float32"))
        assert np.isfinite(values).all()
    assert all(weight.dtype == "float32" for weight in layer.trainable_weights)
