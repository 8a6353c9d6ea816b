import tarfile

import keras
import librosa
import numpy as np
import pytest
import soundfile
from helpers.gradients import assert_gradients, autodiff, compiled_function
from helpers.layer_check import run_layer_checks
from keras import ops

from amalthea.layers.audio import LogMelSpectrogram

SMALL = {
    "sampling_rate": 8000,
    "fft_length": 128,
    "window_length": 100,
    "hop_length": 40,
    "mel_bins": 10,
}

# JAX computes the transform in float32.
TOLERANCE = 1e-4 if keras.backend.backend() == "tensorflow" else 2e-3


def sounds(*lengths):
    """Tones in noise, one row for each length, zeros after it."""
    rng = np.random.default_rng(0)
    batch = np.zeros((len(lengths), max(lengths)), "float32")
    for row, length in zip(batch, lengths, strict=True):
        time = np.arange(length)
        tone = np.sin(time * rng.uniform(0.1, 1.5)) * np.sin(time * 0.003) ** 2
        row[:length] = 0.5 * tone + rng.normal(0, 0.02, length)
    return batch


def apply(layer, samples, lengths=None):
    return ops.convert_to_numpy(compiled_function(layer)(samples, lengths))


def librosa_mel(samples, layer):
    return librosa.feature.melspectrogram(
        y=samples,
        sr=layer.sampling_rate,
        n_fft=layer.fft_length,
        win_length=layer.window_length,
        hop_length=layer.hop_length,
        n_mels=layer.mel_bins,
        fmin=layer.min_frequency,
        fmax=layer.max_frequency,
        htk=layer.scale == "htk",
        norm=layer.norm,
        power=layer.power,
        center=layer.center,
    ).T


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"power": 1.0, "log": "db", "top_db": 60.0},
        {"center": False, "log": None, "window_length": None},
    ],
)
def test_layer_checks(arguments):
    run_layer_checks(
        LogMelSpectrogram,
        {**SMALL, **arguments},
        (2, 500),
        input_data=sounds(500, 500),
        output_dtype="float32",
        tolerance=1e-4,
    )


@pytest.mark.parametrize(
    "center, scale, norm", [(True, "slaney", "slaney"), (False, "htk", None)]
)
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"fft_length": 400, "mel_bins": 40, "min_frequency": 60, "max_frequency": 7000},
        {"fft_length": 501, "window_length": 301, "hop_length": 97, "mel_bins": 40},
        {"window_length": 64, "hop_length": 100, "mel_bins": 40},
        {"fft_length": 1024, "window_length": None, "hop_length": 256, "power": 1.0},
    ],
)
def test_agrees_with_librosa(center, scale, norm, arguments):
    layer = LogMelSpectrogram(center=center, scale=scale, norm=norm, **arguments)
    samples = sounds(4001, 4001)
    ours = apply(layer, samples)
    for row, features in zip(samples, ours, strict=True):
        theirs = np.log(np.maximum(librosa_mel(row, layer), 1e-10))
        assert features.shape == theirs.shape
        np.testing.assert_allclose(features, theirs, atol=1e-4)


def test_energies_and_decibels():
    samples = sounds(3000)
    plain = LogMelSpectrogram(log=None)
    energies = librosa_mel(samples[0], plain)
    np.testing.assert_allclose(apply(plain, samples)[0], energies, rtol=1e-4, atol=1e-9)
    for top_db in (None, 30.0):
        layer = LogMelSpectrogram(log="db", top_db=top_db)
        theirs = librosa.power_to_db(energies, top_db=top_db)
        np.testing.assert_allclose(apply(layer, samples)[0], theirs, atol=1e-3)
    natural = LogMelSpectrogram(top_db=30.0)
    expected = theirs * np.log(10) / 10
    np.testing.assert_allclose(apply(natural, samples)[0], expected, atol=1e-4)


def test_silence_is_at_the_floor():
    silence = np.zeros((1, 1000), "float32")
    layer = LogMelSpectrogram(floor=1e-6, top_db=20.0)
    np.testing.assert_allclose(apply(layer, silence), np.log(1e-6), rtol=1e-6)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("scale, norm", [("slaney", "slaney"), ("htk", None)])
def test_real_speech(real_data, scale, norm, center):
    layer = LogMelSpectrogram(scale=scale, norm=norm, center=center)
    with tarfile.open(real_data / "speech/sentences/matthes-lj.tar.gz") as archive:
        files = [member for member in archive if member.name.endswith(".wav")][:3]
        for file in files:
            samples, rate = soundfile.read(archive.extractfile(file), dtype="float32")
            assert rate == 16000
            theirs = np.log(np.maximum(librosa_mel(samples, layer), 1e-10))
            ours = apply(layer, samples[None])[0]
            np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("scale, norm", [("slaney", "slaney"), ("htk", None)])
def test_quiet_bands_beside_a_loud_tone(scale, norm, center):
    layer = LogMelSpectrogram(scale=scale, norm=norm, center=center)
    tone = np.sin(np.arange(8000) * 0.3).astype("float32")
    theirs = np.log(np.maximum(librosa_mel(tone, layer), 1e-10))
    assert np.ptp(theirs[10]) > np.log(1e9)
    if TOLERANCE > 1e-4:
        pytest.skip("float32 has no room for both")
    np.testing.assert_allclose(apply(layer, tone[None])[0], theirs, atol=TOLERANCE)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"center": False, "hop_length": 500}, {"hop_length": 600, "power": 1.0}],
)
def test_more_frames_than_a_block(arguments):
    layer = LogMelSpectrogram(log=None, **arguments)
    seconds = 8 * layer.hop_length // 160
    samples = sounds(*[16000 * seconds] * 2)
    together = apply(layer, samples)
    assert together.shape[1] > 700
    weights = np.random.default_rng(1).normal(size=together.shape).astype("float32")

    def weighted(x):
        return ops.sum(layer(x[0]) * x[1])

    def gradient(rows):
        return autodiff(weighted, [samples[rows], weights[rows]])[0]

    gradients = gradient(slice(0, 2))
    for row in range(2):
        energies = librosa_mel(samples[row], layer)
        np.testing.assert_allclose(together[row], energies, rtol=1e-4, atol=1e-9)
        alone = gradient(slice(row, row + 1))[0]
        np.testing.assert_allclose(gradients[row], alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("center, top_db", [(True, 20.0), (False, None)])
def test_an_utterance_is_the_same_in_any_batch(center, top_db):
    layer = LogMelSpectrogram(**SMALL, center=center, top_db=top_db)
    lengths = [700, 333, 100, 0]
    samples = sounds(*lengths)
    for row, length in zip(samples, lengths, strict=True):
        row[length:] = np.nan
    together = apply(layer, samples, np.array(lengths))
    for row, length, features in zip(samples, lengths, together, strict=True):
        alone = apply(layer, row[None, :length])[0]
        assert len(alone) == layer.output_lengths(length)
        np.testing.assert_allclose(features[: len(alone)], alone, atol=1e-5)
        np.testing.assert_array_equal(features[len(alone) :], 0)


def test_output_lengths_are_librosas():
    counts = np.arange(0, 700, 7)
    for arguments in ({}, {"center": False}, {"fft_length": 131}):
        layer = LogMelSpectrogram(**{**SMALL, **arguments})
        told = layer.output_lengths(counts)
        assert isinstance(told, np.ndarray)
        tensor = layer.output_lengths(ops.convert_to_tensor(counts, "int32"))
        np.testing.assert_array_equal(ops.convert_to_numpy(tensor), told)
        for count, frames in zip(counts, told, strict=True):
            assert layer.output_lengths(int(count)) == frames
            if count >= layer.fft_length:
                samples = np.ones(count, "float32")
                assert len(librosa_mel(samples, layer)) == frames
    assert layer.output_lengths(0) == 0 or layer.center


def test_too_short_for_a_frame():
    layer = LogMelSpectrogram(**SMALL, center=False, top_db=80.0)
    assert apply(layer, np.ones((2, 127), "float32")).shape == (2, 0, 10)
    assert apply(layer, np.ones((2, 3), "float32")).shape == (2, 0, 10)
    assert apply(layer, np.ones((2, 128), "float32")).shape == (2, 1, 10)


def test_lengths_in_a_model(tmp_path):
    samples, lengths = keras.Input((None,)), keras.Input((), dtype="int32")
    layer = LogMelSpectrogram(**SMALL)
    features = layer(samples, lengths)
    assert features.shape == (None, None, 10)
    model = keras.Model([samples, lengths], [features, layer.output_lengths(lengths)])
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    for size in (500, 700):
        data = sounds(size, 300)
        features, frames = model([data, np.array([size, 300])])
        expected = apply(layer, data, np.array([size, 300]))
        np.testing.assert_allclose(ops.convert_to_numpy(features), expected, atol=1e-5)
        np.testing.assert_array_equal(ops.convert_to_numpy(frames), [1 + size // 40, 8])


def test_graph_of_unknown_shape():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("shapes are known when other backends trace")
    import tensorflow as tf

    for arguments in ({"top_db": 80.0}, {"center": False}):
        layer = LogMelSpectrogram(**SMALL, **arguments)
        signature = [tf.TensorSpec([None, None]), tf.TensorSpec([None], tf.int32)]
        graph = tf.function(layer, input_signature=signature)
        assert graph.get_concrete_function().output_shapes[-1] == 10
        for lengths in ([500, 300], [50], [90000, 85000], []):
            samples = sounds(*lengths) if lengths else np.zeros((0, 500), "float32")
            outputs = graph(samples, np.array(lengths, "int32")).numpy()
            expected = apply(layer, samples, np.array(lengths, "int32"))
            assert outputs.shape == expected.shape
            np.testing.assert_allclose(outputs, expected, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_changes_the_samples_only(policy):
    samples = sounds(2000).astype("float16").astype("float32")
    expected = apply(LogMelSpectrogram(), samples)
    layer = LogMelSpectrogram(dtype=policy)
    np.testing.assert_array_equal(apply(layer, samples), expected)


@pytest.mark.parametrize("power", [2.0, 1.0])
def test_gradients(power):
    layer = LogMelSpectrogram(
        8000, 16, 12, 8, 3, power=power, center=False, dtype="float64"
    )
    samples = np.random.default_rng(1).uniform(1, 3, (2, 40))
    # Two frames of the second row, none of them beyond its length.
    lengths = np.array([40, 24], "int32")
    assert_gradients(lambda x: layer(x, lengths), samples)


def test_gradients_of_silence_are_finite():
    layer = LogMelSpectrogram(**SMALL, power=1.0, dtype="float64")
    (gradient,) = autodiff(lambda x: ops.sum(layer(x[0])), [np.zeros((1, 200))])
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"window_length": 513},
            "`window_length`: expected 1 to the fft_length",
        ),
        ({"hop_length": 0}, "`hop_length`: expected at least 1"),
        ({"power": 0}, "`power`: expected a number above 0"),
        ({"log": "log2"}, "`log`: expected one of"),
        ({"floor": 0.0}, "`floor`: expected a number above 0"),
        ({"log": None, "top_db": 80.0}, "`top_db`: expected `None`, or"),
        ({"max_frequency": 9000.0}, "max_frequency <= 8000"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        LogMelSpectrogram(**arguments)


def test_wrong_rank():
    with pytest.raises(ValueError, match=r"expected \[batch, samples\]"):
        LogMelSpectrogram()(np.zeros((1, 1000, 1), "float32"))
