import keras
import numpy as np
import pytest
from helpers.gradients import assert_gradients
from helpers.layer_check import run_layer_checks
from keras import ops

from amalthea.layers.boxes import AnchorDecoder

HEAD = {
    "anchors": [[(10, 12), (30, 8)], [(50, 60)]],
    "strides": (8, 16),
    "num_classes": 3,
}
SHAPES = [(2, 4, 6, 16), (2, 2, 3, 8)]


def random_maps(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype("float32") for shape in SHAPES]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def one_cell(coordinates, raw, anchor=(10, 20), stride=8, row=1, column=2):
    """The candidate of one cell of a map of 2 x 3 cells."""
    maps = np.zeros((1, 2, 3, len(raw)), "float32")
    maps[0, row, column] = raw
    decoder = AnchorDecoder([[anchor]], [stride], len(raw) - 5, coordinates)
    found = keras.tree.map_structure(ops.convert_to_numpy, decoder([maps]))
    place = row * 3 + column
    return found["boxes"][0, place], found["scores"][0, place]


@pytest.mark.parametrize("coordinates", ["scaled", "exponential"])
def test_layer(coordinates):
    found = run_layer_checks(
        AnchorDecoder,
        {**HEAD, "coordinates": coordinates},
        SHAPES,
        input_dtype=["float32", "float32"],
    )
    assert found["boxes"].shape == (2, 54, 4)
    assert found["scores"].shape == (2, 54, 3)


def test_zeros_are_the_anchor_in_the_middle_of_the_cell():
    for coordinates in ("scaled", "exponential"):
        box, scores = one_cell(coordinates, [0] * 7)
        # The centre of column 2, row 1: (20, 12); sides 10 and 20.
        np.testing.assert_allclose(box, [15, 2, 25, 22])
        np.testing.assert_allclose(scores, [0.25, 0.25])


def test_by_hand():
    # The logistic function of log 3 is 3/4, of -log 3 is 1/4.
    raw = [np.log(3), -np.log(3), np.log(3), -np.log(3), np.log(3), -np.log(3)]
    box, scores = one_cell("scaled", raw)
    # Centre (2 * 3/4 - 1/2 + 2, 2 * 1/4 - 1/2 + 1) cells, sides 9/4 and 1/4 anchors.
    np.testing.assert_allclose(box, [24 - 11.25, 8 - 2.5, 24 + 11.25, 8 + 2.5], 1e-6)
    np.testing.assert_allclose(scores, [3 / 16], 1e-6)
    box, _ = one_cell("exponential", raw)
    # Centre (3/4 + 2, 1/4 + 1) cells, sides 3 and 1/3 anchors.
    np.testing.assert_allclose(box, [22 - 15, 10 - 10 / 3, 22 + 15, 10 + 10 / 3], 1e-6)


def test_candidates_come_by_level_row_column_and_anchor():
    maps = random_maps()
    found = AnchorDecoder(**HEAD)(maps)
    boxes, scores = (ops.convert_to_numpy(found[key]) for key in ("boxes", "scores"))
    # Image 1, level 0, row 2, column 5, anchor 1; then level 1, row 1, column 2.
    for place, cell, stride, row, column, anchor in (
        ((2 * 6 + 5) * 2 + 1, maps[0][1, 2, 5, 8:], 8, 2, 5, (30, 8)),
        (48 + 1 * 3 + 2, maps[1][1, 1, 2], 16, 1, 2, (50, 60)),
    ):
        shares = sigmoid(cell)
        centre = (2 * shares[:2] - 0.5 + [column, row]) * stride
        half = (2 * shares[2:4]) ** 2 * anchor / 2
        expected = np.concatenate([centre - half, centre + half])
        np.testing.assert_allclose(boxes[1, place], expected, 1e-4)
        np.testing.assert_allclose(scores[1, place], shares[4] * shares[5:], 1e-5)


@pytest.mark.parametrize("coordinates", ["scaled", "exponential"])
def test_gradients(coordinates):
    # Small numbers, as differences are taken in float32 on JAX.
    decoder = AnchorDecoder(
        [[(0.5, 1)], [(1, 0.7)]], (0.5, 1), 2, coordinates, dtype="float64"
    )
    maps = [0.5 * random_maps()[0][:1, :size, :2, :7] for size in (2, 1)]
    assert_gradients(lambda *maps: decoder(list(maps)), *maps)


@pytest.mark.parametrize("coordinates", ["scaled", "exponential"])
def test_extreme_logits_stay_finite(coordinates):
    for value in (-1e4, 1e4):
        box, scores = one_cell(coordinates, [value] * 7)
        assert np.isfinite(box).all() and np.isfinite(scores).all()
        assert (box[2:] >= box[:2]).all()


def test_half_precision_maps_give_precise_boxes():
    decoder = AnchorDecoder([[(10, 20)]], [8], 1, dtype="mixed_float16")
    maps = np.zeros((1, 200, 200, 6), "float16")
    boxes = ops.convert_to_numpy(decoder([maps])["boxes"])
    assert boxes.dtype == "float32"
    # 1591 and 1601 are not both numbers of a float16.
    np.testing.assert_array_equal(boxes[0, -1], [1591, 1586, 1601, 1606])


def test_sizes_may_be_unknown_while_tracing():
    inputs = [keras.Input((None, None, 16)), keras.Input((None, None, 8))]
    decoder = AnchorDecoder(**HEAD)
    symbolic = decoder(inputs)
    assert symbolic["boxes"].shape == (None, None, 4)
    model = keras.Model(inputs, symbolic)
    maps = random_maps()
    np.testing.assert_allclose(
        model.predict(maps, verbose=0)["boxes"],
        ops.convert_to_numpy(decoder(maps)["boxes"]),
        rtol=1e-5,
        atol=1e-4,
    )


@pytest.mark.parametrize(
    "change, name",
    [
        ({"anchors": []}, "anchors"),
        ({"anchors": [[(10, 12), (30, 0)], [(50, 60)]]}, "anchors"),
        ({"anchors": [[10, 12], [50, 60]]}, "anchors"),
        ({"strides": (8,)}, "strides"),
        ({"strides": (8, 0)}, "strides"),
        ({"num_classes": 0}, "num_classes"),
        ({"coordinates": "linear"}, "coordinates"),
    ],
)
def test_wrong_arguments(change, name):
    with pytest.raises(ValueError, match=f"Invalid value for `{name}`: expected"):
        AnchorDecoder(**{**HEAD, **change})


def test_wrong_maps():
    maps = random_maps()
    for wrong in (maps[:1], maps[::-1], [maps[0][0], maps[1][0]]):
        with pytest.raises(ValueError, match="Invalid value for `inputs`: expected"):
            AnchorDecoder(**HEAD)(wrong)
