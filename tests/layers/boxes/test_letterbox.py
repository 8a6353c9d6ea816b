import keras
import numpy as np
import pytest
from helpers.layer_check import run_layer_checks
from keras import ops

from amalthea.layers.boxes import Letterbox, letterbox_boxes, unletterbox_boxes


def array(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("shape", [(2, 5, 11, 3), (2, 50, 11, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_layer(shape, dtype):
    run_layer_checks(
        Letterbox,
        {"height": 7, "width": 9, "fill_value": 3},
        shape,
        input_dtype=dtype,
        # TensorFlow's antialiased filter has no kernel for XLA.
        compiled=keras.backend.backend() != "tensorflow",
    )


def test_image_between_its_filling():
    images = np.full((1, 4, 8, 1), 200, "uint8")
    result = array(Letterbox(8, 8)(images))[0, ..., 0]
    np.testing.assert_allclose(result[2:6], 200, rtol=1e-6)
    np.testing.assert_array_equal(result[[0, 1, 6, 7]], 114)
    # 3 rows are over: one above, two below.
    result = array(Letterbox(7, 8, fill_value=0)(images))[0, ..., 0]
    np.testing.assert_array_equal(result[:, 0] > 0, [0, 1, 1, 1, 1, 0, 0])


@pytest.mark.parametrize(
    "size, frame, expected",
    [
        # Half the size: 2 x 4 pixels, two rows above.
        ((4, 8), (6, 4), [0.5, 2 + 0.5, 2, 2 + 1.5]),
        # A third less: 6 x 4 pixels, three columns to the left.
        ((9, 6), (6, 10), [3 + 2 / 3, 2 / 3, 3 + 8 / 3, 2]),
        # Enlarged: 6 x 6 pixels, two columns to the left.
        ((5, 5), (6, 10), [2 + 6 / 5, 6 / 5, 2 + 24 / 5, 18 / 5]),
        # 3 x 100 becomes 0.3 x 10 pixels, and so a whole row; two above, three below.
        ((3, 100), (6, 10), [0.1, 2 + 1 / 3, 0.4, 2 + 1]),
    ],
)
def test_boxes_by_hand(size, frame, expected):
    box = np.array([[1, 1, 4, 3]], "float32")
    ours = array(letterbox_boxes(box, size, *frame))
    np.testing.assert_allclose(ours, [expected], rtol=1e-6)
    back = array(unletterbox_boxes(ours, size, *frame))
    np.testing.assert_allclose(back, box, rtol=1e-5)


def test_each_image_has_its_size():
    boxes = np.tile(np.array([1, 1, 4, 3], "float32"), (2, 5, 1))
    sizes = np.array([[9, 6], [5, 5]], "int32")
    together = array(letterbox_boxes(boxes, sizes, 6, 10))
    assert together.shape == (2, 5, 4) and together.dtype == "float32"
    for image in range(2):
        alone = array(letterbox_boxes(boxes[image], sizes[image], 6, 10))
        np.testing.assert_array_equal(together[image], alone)
    back = array(unletterbox_boxes(together, sizes, 6, 10))
    np.testing.assert_allclose(back, boxes, rtol=1e-5)


def test_inverse_on_random_sizes():
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 3000, (50, 2))
    boxes = rng.uniform(0, 1, (50, 7, 4)).astype("float32")
    boxes *= sizes[:, None, [1, 0, 1, 0]]
    framed = array(letterbox_boxes(boxes, sizes, 320, 416))
    assert framed.min() >= 0
    assert (framed <= np.array([416, 320, 416, 320]) + 1e-3).all()
    back = array(unletterbox_boxes(framed, sizes, 320, 416))
    np.testing.assert_allclose(back, boxes, rtol=1e-4, atol=1e-2)


def test_a_missing_image_gives_finite_boxes():
    boxes = array(unletterbox_boxes(np.zeros((1, 3, 4)), np.zeros((1, 2)), 6, 10))
    assert np.isfinite(boxes).all()


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX has static shapes")
def test_sizes_may_be_unknown_while_tracing():
    images = np.random.default_rng(0).uniform(size=(2, 5, 11, 3)).astype("float32")
    layer = Letterbox(12, 16)
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, 12, 16, 3)
    np.testing.assert_allclose(
        model.predict(images, verbose=0), array(layer(images)), rtol=1e-5
    )


def test_wrong_arguments():
    with pytest.raises(ValueError, match="Invalid value for `height` and `width`"):
        Letterbox(0, 10)
