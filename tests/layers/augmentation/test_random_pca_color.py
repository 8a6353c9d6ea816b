import numpy as np
import pytest
from helpers.gradients import assert_gradients
from helpers.layer_check import run_layer_checks
from keras import ops
from sklearn.decomposition import PCA

from amalthea.layers import RandomPCAColor


def grey(batch):
    return np.full((batch, 2, 3, 3), 128, "uint8")


@pytest.mark.parametrize("training", [True, False])
def test_layer_checks(training):
    run_layer_checks(
        RandomPCAColor,
        {"seed": 1},
        (2, 4, 4, 3),
        call_kwargs={"training": training},
        tolerance=1e-4,
    )


def test_shifts_follow_the_published_components():
    layer = RandomPCAColor(sigma=0.1, seed=2)
    shifts = ops.convert_to_numpy(layer(grey(3000), training=True)) - 128
    # One shift an image.
    assert np.ptp(shifts, axis=(1, 2)).max() < 1e-4
    shifts = shifts[:, 0, 0]
    # 0..255 times ImageNet's variances: 55.46, 4.794 and 1.148.
    alphas = shifts @ np.array(layer.eigenvectors) / [55.46, 4.794, 1.148]
    np.testing.assert_allclose(alphas.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(alphas.std(axis=0), 0.1, atol=0.01)
    assert np.abs(np.corrcoef(alphas.T) - np.eye(3)).max() < 0.1


def test_by_hand():
    # The one component with any variance is green.
    layer = RandomPCAColor(0.1, [0.5, 0, 0], [[0, 1, 0], [1, 0, 0], [0, 0, 1]], seed=0)
    outputs = ops.convert_to_numpy(layer(grey(50), training=True))
    np.testing.assert_array_equal(outputs[..., [0, 2]], 128)
    assert 8 < outputs[:, 0, 0, 1].std() < 18  # 255 * .5 * .1 = 12.75


def test_adapt_finds_the_components():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(3, 3)) * 12
    images = (128 + rng.normal(size=(20, 5, 5, 3)) @ mixing).astype("float32")
    layer = RandomPCAColor()
    layer.adapt(images)
    oracle = PCA().fit(images.reshape(-1, 3) / 255)
    np.testing.assert_allclose(layer.eigenvalues, oracle.explained_variance_, rtol=0.01)
    cosines = np.sum(np.array(layer.eigenvectors).T * oracle.components_, axis=1)
    np.testing.assert_allclose(np.abs(cosines), 1, atol=1e-4)

    batched = RandomPCAColor()
    batched.adapt(images[start : start + 7] for start in range(0, 20, 7))
    np.testing.assert_allclose(batched.eigenvalues, layer.eigenvalues, rtol=1e-4)
    again = RandomPCAColor.from_config(layer.get_config())
    np.testing.assert_allclose(again.eigenvectors, layer.eigenvectors, rtol=1e-6)


def test_clipped():
    white = np.full((100, 1, 1, 3), 255, "uint8")
    outputs = ops.convert_to_numpy(RandomPCAColor(1.0, seed=0)(white, training=True))
    assert outputs.max() == 255 and outputs.min() < 200


def test_gradients():
    layer = RandomPCAColor(seed=1, dtype="float64")
    images = np.random.default_rng(0).uniform(110, 130, size=(2, 2, 2, 3))
    # A shift, computed in float32 throughout.
    assert_gradients(
        lambda x: layer(x, training=True), images, epsilon=1.0, rtol=1e-3, atol=1e-3
    )


def test_wrong_arguments():
    with pytest.raises(ValueError, match="expected both or neither"):
        RandomPCAColor(eigenvalues=[1, 2, 3])
    with pytest.raises(ValueError, match="expected 3 channels"):
        RandomPCAColor().build((None, 4, 4, 1))
    with pytest.raises(ValueError, match="expected at least one image"):
        RandomPCAColor().adapt([])
