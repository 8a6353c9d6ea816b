"""Temperature scaling against a known temperature and a plain search."""

import numpy as np
import pytest

from amalthea.pipelines.classify.calibration import fit_temperature


def softmax(logits):
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_finds_the_temperature_that_the_labels_were_drawn_with(temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20000, 4)) * 2
    shares = softmax(logits)
    labels = (shares.cumsum(-1) > rng.random((20000, 1))).argmax(-1)
    assert fit_temperature(logits * temperature, labels) == pytest.approx(
        temperature, rel=0.05
    )


def test_no_other_temperature_has_a_lower_cross_entropy():
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(size=(50, 3)), rng.integers(0, 3, 50)

    def cross_entropy(temperature):
        return -np.log(softmax(logits / temperature)[range(50), labels]).mean()

    best = cross_entropy(fit_temperature(logits, labels))
    assert all(best <= cross_entropy(t) + 1e-6 for t in np.geomspace(0.06, 19, 200))


def test_a_network_that_is_never_wrong_stays_finite():
    assert 0.05 <= fit_temperature(np.eye(3) * 9, np.arange(3)) <= 20
