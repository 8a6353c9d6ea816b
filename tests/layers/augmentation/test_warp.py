import numpy as np
import pytest
from keras import ops
from scipy.ndimage import map_coordinates

from amalthea.layers.augmentation.warp import bilinear_sample


@pytest.mark.parametrize(
    "fill, mode",
    [("reflect", "reflect"), ("nearest", "nearest"), ("constant", "grid-constant")],
)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_agrees_with_scipy(fill, mode, dtype):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 7, 9, 3)).astype(dtype)
    rows, columns = rng.uniform(-15, 25, (2, 2, 6, 5)).astype("float32")
    # Pixel centres, the places halfway, and the edges.
    rows[0, 0] = [0, 3, 6, -0.5, 6.5]
    columns[0, 0] = [8, 2.5, 0, 8.5, -1]
    ours = bilinear_sample(images, rows, columns, fill, fill_value=100)
    theirs = [
        [
            map_coordinates(
                images[image, ..., channel].astype("float64"),
                [rows[image], columns[image]],
                order=1,
                mode=mode,
                cval=100,
            )
            for channel in range(3)
        ]
        for image in range(2)
    ]
    theirs = np.moveaxis(theirs, 1, -1)
    np.testing.assert_allclose(ops.convert_to_numpy(ours), theirs, atol=1e-3)
