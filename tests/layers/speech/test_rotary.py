import numpy as np
from keras import ops

from amalthea.layers.speech.rotary import rotate_by_position


def vectors(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def rotate(values, heads):
    return ops.convert_to_numpy(rotate_by_position(values, heads))


def test_pairs_are_complex_numbers_that_turn():
    values = vectors(2, 5, 12)
    # Two heads of three pairs each.
    numbers = (values[..., :6] + 1j * values[..., 6:]).reshape(2, 5, 2, 3)
    speeds = 10000.0 ** (-np.arange(3) / 3)
    numbers = numbers * np.exp(1j * np.arange(5)[:, None, None] * speeds)
    numbers = numbers.transpose(0, 2, 1, 3)
    expected = np.concatenate([numbers.real, numbers.imag], axis=-1)
    np.testing.assert_allclose(rotate(values, 2), expected, atol=1e-5)


def test_products_go_by_the_distance():
    query, key = vectors(2, 8)
    rows = np.stack([np.tile(query, (6, 1)), np.tile(key, (6, 1))])
    queries, keys = rotate(rows, 1)[:, 0]
    products = queries @ keys.T
    for distance in range(-5, 6):
        diagonal = np.diagonal(products, distance)
        np.testing.assert_allclose(diagonal, diagonal[0], atol=1e-5)
    assert np.ptp(products[0]) > 0.1
