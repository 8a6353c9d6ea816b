import numpy as np
from helpers.layer_check import run_layer_checks
from keras import ops

from amalthea.layers import YoloHead


def test_stands_what_every_layer_has_to():
    shapes = [(2, 4, 6, 3), (2, 2, 3, 5)]
    outputs = run_layer_checks(
        YoloHead,
        {"strides": (8, 16), "anchors": 2, "classes": 3},
        shapes,
        output_dtype="float32",
    )
    assert [output.shape for output in outputs] == [(2, 4, 6, 16), (2, 2, 3, 16)]


def test_starts_with_few_objects():
    head = YoloHead((8, 32), anchors=3, classes=4)
    maps = [np.zeros((1, 80, 80, 2), "float32"), np.zeros((1, 20, 20, 2), "float32")]
    for raw, cells in zip(head(maps), (6400, 400), strict=True):
        raw = ops.convert_to_numpy(ops.sigmoid(raw)).reshape(-1, 3, 9)
        # Eight objects among the cells of an image of 640 pixels, for each anchor.
        np.testing.assert_allclose(raw[..., 4].sum(0), 8, rtol=1e-4)
        np.testing.assert_allclose(raw[..., 5:], 0.6 / 4, rtol=1e-4)
        np.testing.assert_allclose(raw[..., :4], 0.5)
        assert len(raw) == cells
