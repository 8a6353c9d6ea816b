import numpy as np
import pytest

from amalthea.layers import lenet5


@pytest.mark.parametrize("side", [28, 32])
def test_parameters_of_the_published_sizes(side):
    model = lenet5((side, side, 1))
    # C1, C3, C5, F6: inputs * outputs * kernel + one bias an output.
    counts = [6 * (25 + 1), 16 * (6 * 25 + 1), 120 * (16 * 25 + 1), 84 * (120 + 1)]
    names = ["c1", "c3", "c5", "f6"]
    assert [model.get_layer(name).count_params() for name in names] == counts
    assert model.count_params() == 60_856
    assert model.get_layer("s4").output.shape == (None, 5, 5, 16)


@pytest.mark.parametrize("height, width", [(8, 8), (8, 40), (17, 20), (64, 64)])
@pytest.mark.parametrize("activation, pooling", [("tanh", "average"), ("relu", "max")])
def test_other_sizes(height, width, activation, pooling):
    model = lenet5((height, width, 3), activation=activation, pooling=pooling)
    images = np.random.default_rng(0).normal(size=(2, height, width, 3))
    features = np.asarray(model(images.astype("float32")))
    assert features.shape == (2, 84)
    assert np.abs(features[0] - features[1]).max() > 1e-3
    assert (features.min() < 0) == (activation == "tanh")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"input_shape": (7, 28, 1)}, "sides of at least 8 pixels"),
        ({"input_shape": (None, None, 1)}, "sides of at least 8 pixels"),
        ({"activation": "gelu"}, "expected 'tanh' or 'relu'"),
        ({"pooling": "mean"}, "expected 'average' or 'max'"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        lenet5(**{"input_shape": (28, 28, 1), **arguments})
