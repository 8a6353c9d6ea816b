"""What every layer has to stand, whatever it computes."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import ops

_IS_JAX = keras.backend.backend() == "jax"
# Keras treats both alike; one of them is enough where compiling takes the time.
_POLICIES = ("mixed_float16",) if _IS_JAX else ("mixed_float16", "mixed_bfloat16")


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
    for policy in _POLICIES:
        layer = make(dtype=policy)
        if _IS_JAX:  # which compiles what follows, so the weights come first
            layer(_inputs(dtypes, shapes), **call_kwargs)
        _check_policy(layer, input_data, call_kwargs, output_dtype)
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


def _tensors(data):
    return keras.tree.map_structure(ops.convert_to_tensor, data)


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
    larger = keras.tree.flatten(_doubled_shapes(layer, doubled, call_kwargs))
    told = layer.compute_output_shape(shapes)
    told = [told] if len(symbolic) == 1 and isinstance(told[0], int) else told
    told = list(told.values()) if isinstance(told, dict) else told
    for real, shape, big, tensor in zip(
        keras.tree.flatten(outputs), told, larger, symbolic, strict=True
    ):
        assert real.shape == tuple(shape)
        assert tuple(big.shape) == (2 * real.shape[0], *real.shape[1:])
        assert keras.backend.standardize_dtype(real.dtype) == tensor.dtype
        for size, known in zip(real.shape, tensor.shape, strict=True):
            assert known in (None, size)
    return outputs


def _doubled_shapes(layer, data, call_kwargs):
    """What the layer gives for a larger batch, as far as shapes go."""
    if not _IS_JAX:
        return layer(data, **call_kwargs)
    import jax

    # JAX says the shapes of a call without compiling each of its operations.
    return jax.eval_shape(_stateless(layer, call_kwargs), _tensors(data))


def _stateless(layer, call_kwargs):
    """The call as a function that can be compiled: it changes no variable."""

    def call(inputs):
        with keras.StatelessScope():
            return layer(inputs, **call_kwargs)

    return call


def _compiled(function):
    if _IS_JAX:
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=True)


def _check_compiled(layer, data, call_kwargs, tolerance):
    call, tensors = _stateless(layer, call_kwargs), _tensors(data)
    outputs, eager = _arrays(_compiled(call)(tensors)), _arrays(call(tensors))
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
    if _IS_JAX:
        outputs = _compiled(_stateless(layer, call_kwargs))(_tensors(data))
    else:
        outputs = layer(data, **call_kwargs)
    for output in keras.tree.flatten(outputs):
        dtype = keras.backend.standardize_dtype(output.dtype)
        assert dtype == (output_dtype or layer.compute_dtype)
        values = ops.convert_to_numpy(ops.cast(output, "float32"))
        assert np.isfinite(values).all()
    assert all(weight.dtype == "float32" for weight in layer.trainable_weights)
