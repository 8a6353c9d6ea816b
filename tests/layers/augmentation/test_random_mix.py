import numpy as np
import pytest
from helpers.gradients import assert_gradients
from helpers.layer_check import run_layer_checks
from keras import ops
from scipy import stats

from amalthea.layers import RandomMix


def batch(size=64, side=9):
    """Image n is full of n, and its label is class n."""
    images = np.zeros((size, side, side, 1), "uint8")
    images += np.arange(size, dtype="uint8")[:, None, None, None]
    return images, np.eye(size, dtype="float32")


def mix(**arguments):
    layer = RandomMix(seed=1, **arguments)
    outputs = layer(batch(), training=True)
    return [ops.convert_to_numpy(output) for output in outputs]


@pytest.mark.parametrize("training", [True, False])
def test_layer_checks(training):
    run_layer_checks(
        RandomMix,
        {"seed": 1},
        ((4, 6, 5, 3), (4, 10)),
        input_dtype=("uint8", "float32"),
        call_kwargs={"training": training},
    )


@pytest.mark.parametrize(
    "arguments",
    [{"cutmix_alpha": 0}, {"mixup_alpha": 0}, {}, {"probability": 0.5}],
)
def test_labels_follow_the_pixels(arguments):
    images, labels = mix(**arguments)
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)
    # The mean pixel of a mix of n and n - 1 names the shares of both.
    np.testing.assert_allclose(
        images.mean(axis=(1, 2, 3)), labels @ np.arange(64), atol=1e-4
    )
    own, partner = np.arange(64), np.arange(64) - 1
    np.testing.assert_allclose(labels[own, own] + labels[own, partner], 1, atol=1e-6)
    assert (labels[own, own] < 0.999).mean() > 0.05


def test_mixup_is_even_and_cutmix_is_a_rectangle():
    images, _ = mix(cutmix_alpha=0)
    assert np.ptp(images, axis=(1, 2)).max() < 1e-5
    images, _ = mix(mixup_alpha=0)
    pasted = images[..., 0] != np.arange(64)[:, None, None]
    assert pasted.any(axis=(1, 2)).mean() > 0.3
    for part in pasted:
        rows, columns = part.any(axis=1), part.any(axis=0)
        np.testing.assert_array_equal(part, np.outer(rows, columns))
        assert np.abs(np.diff(rows.astype(int))).sum() <= 2


def test_switch_and_probability():
    _, labels = mix(probability=0)
    np.testing.assert_array_equal(labels, np.eye(64))
    images, _ = mix(switch=0.5, mixup_alpha=2.0)
    blended = (images % 1 > 1e-3).any(axis=(1, 2, 3))
    assert 0.25 < blended.mean() < 0.75


@pytest.mark.parametrize("alpha", [0.4, 1.0, 3.0])
def test_weights_have_the_beta_distribution(alpha):
    weights = ops.convert_to_numpy(RandomMix(seed=4)._beta(2000, alpha)).ravel()
    assert stats.kstest(weights, stats.beta(alpha, alpha).cdf).pvalue > 0.01


@pytest.mark.parametrize("alpha", [0.01, 0.1])
def test_weights_of_a_small_concentration_are_finite(alpha):
    weights = ops.convert_to_numpy(RandomMix(seed=4)._beta(2000, alpha))
    assert np.isfinite(weights).all() and 0 <= weights.min() <= weights.max() <= 1
    # Half of all weights on either side.
    assert abs(weights.mean() - 0.5) < 0.05


def test_inference_changes_nothing():
    images, labels = RandomMix()(batch())
    np.testing.assert_array_equal(images, batch()[0])
    np.testing.assert_array_equal(labels, batch()[1])


def test_gradients():
    layer = RandomMix(mixup_alpha=1.0, seed=3, dtype="float64")
    rng = np.random.default_rng(0)
    images, labels = rng.uniform(size=(4, 3, 3, 1)), rng.uniform(size=(4, 2))
    # Linear in both, and computed in float32 throughout.
    assert_gradients(
        lambda x, y: layer((x, y), training=True),
        images,
        labels,
        epsilon=0.1,
        atol=1e-4,
    )


def test_wrong_arguments():
    with pytest.raises(ValueError, match="none negative and not both 0"):
        RandomMix(mixup_alpha=0, cutmix_alpha=0)
    with pytest.raises(ValueError, match="labels \\[batch, classes\\]"):
        RandomMix().build(((None, 4, 4, 3), (None,)))
