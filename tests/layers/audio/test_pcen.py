import keras
import librosa
import numpy as np
import pytest
from helpers.gradients import assert_gradients, compiled_function
from helpers.layer_check import run_layer_checks
from keras import ops

from amalthea.layers.audio import PCEN


def energies(frames, batch=2, bins=3):
    """Random, over eight orders of magnitude, loud before quiet."""
    rng = np.random.default_rng(0)
    exponents = rng.uniform(-2, 0, (batch, frames, bins))
    exponents[:, frames // 3 :] -= 5
    return (10.0**exponents).astype("float32")


def test_layer_checks():
    run_layer_checks(
        PCEN,
        {},
        (2, 20, 3),
        input_data=energies(20),
        output_dtype="float32",
        tolerance=1e-4,
    )


@pytest.mark.parametrize(
    "arguments, theirs",
    [
        ({}, {}),
        (
            {"gain": 0.8, "bias": 10.0, "power": 0.25, "epsilon": 1e-3},
            {"gain": 0.8, "bias": 10.0, "power": 0.25, "eps": 1e-3},
        ),
        ({"bias": 1e-3, "power": 0.5}, {"bias": 1e-3, "power": 0.5}),
        ({"smoothing": 0.025}, {"b": 0.025}),
        ({"smoothing": 1.0}, {"b": 1.0}),
        ({"time_constant": 0.02}, {"time_constant": 0.02}),
        ({"time_constant": 30.0}, {"time_constant": 30.0}),
        ({"sampling_rate": 8000, "hop_length": 64}, {"sr": 8000, "hop_length": 64}),
    ],
)
@pytest.mark.parametrize("scale, frames", [(1.0, 1000), (2.0**31, 6)])
def test_agrees_with_librosa(arguments, theirs, scale, frames):
    values = energies(frames)
    layer = PCEN(scale=scale, **arguments)
    ours = ops.convert_to_numpy(compiled_function(layer)(values))
    expected = librosa.pcen(
        values.astype("float64") * scale,
        axis=1,
        **{"sr": 16000, "hop_length": 160, **theirs},
    )
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)


def test_graph_of_unknown_shape():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("shapes are known when other backends trace")
    import tensorflow as tf

    layer = PCEN()
    graph = tf.function(layer, input_signature=[tf.TensorSpec([None, None, 3])])
    for frames in (0, 1, 64, 300):
        values = energies(frames)
        expected = ops.convert_to_numpy(layer(values))
        np.testing.assert_allclose(graph(values).numpy(), expected, rtol=1e-5)


def test_padding():
    layer, values = PCEN(), energies(30)
    values[1, 12:] = np.nan
    outputs = ops.convert_to_numpy(layer(values, np.array([30, 12])))
    alone = ops.convert_to_numpy(layer(values[1:, :12]))[0]
    np.testing.assert_allclose(outputs[1, :12], alone, rtol=1e-5)
    np.testing.assert_array_equal(outputs[1, 12:], 0)
    assert np.isfinite(outputs).all()


def test_loudness_is_taken_out():
    layer = PCEN(gain=1.0)
    values = np.tile(energies(1, bins=4), (1, 4000, 1))
    quiet, loud = (ops.convert_to_numpy(layer(x))[:, -1] for x in (values, 8 * values))
    np.testing.assert_allclose(loud, quiet, rtol=1e-4)
    # The quotient has come to 1: sqrt(1 + 2) - sqrt(2).
    np.testing.assert_allclose(loud, 3**0.5 - 2**0.5, rtol=1e-4)


def test_gradients():
    layer = PCEN(scale=1.0, smoothing=0.3, gain=0.5, dtype="float64")
    values = np.random.default_rng(0).uniform(1, 2, (2, 7, 2))
    assert_gradients(lambda x: layer(x, np.array([7, 4], "int32")), values)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"power": 0}, "`power`: expected a number above 0"),
        ({"gain": -1}, "`gain`: expected at least 0"),
        ({"smoothing": 0}, "`smoothing`: expected `None`, or above 0 and at most 1"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        PCEN(**arguments)
    with pytest.raises(ValueError, match=r"expected \[batch, frames, bins\]"):
        PCEN()(np.ones((2, 3), "float32"))
