import numpy as np
import pytest
from helpers.layer_check import run_layer_checks
from helpers.one_compilation import answers_of

from amalthea.layers import PathAggregation


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_stands_what_every_layer_has_to(levels):
    shapes = [(2, 16 // 2**n, 8 // 2**n, 3 + n) for n in range(levels)]
    filters = (4, 6, 8)[:levels]
    outputs = run_layer_checks(
        PathAggregation, {"filters": filters}, shapes, tolerance=1e-4
    )
    assert [output.shape for output in outputs] == [
        (*shape[:-1], width) for shape, width in zip(shapes, filters, strict=True)
    ]


def test_each_output_sees_every_input():
    layer = PathAggregation((4, 4, 4))
    rng = np.random.default_rng(0)
    maps = [
        rng.normal(size=(1, 8 // n, 8 // n, 2)).astype("float32") for n in (1, 2, 4)
    ]
    layer.build([x.shape for x in maps])
    answer = answers_of(layer)
    before = answer(maps)
    for level in range(3):
        changed = [x + np.float32(index == level) for index, x in enumerate(maps)]
        for old, new in zip(before, answer(changed), strict=True):
            assert np.abs(new - old).max() > 1e-4


def test_the_number_of_maps_is_checked():
    with pytest.raises(ValueError, match="expected 2 feature maps, received 1"):
        PathAggregation((4, 4)).build([(None, 4, 4, 2)])
