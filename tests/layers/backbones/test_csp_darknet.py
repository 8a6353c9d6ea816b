import keras
import numpy as np
import pytest

from amalthea.layers import csp_darknet


@pytest.mark.usefixtures("no_values")
def test_stages_have_the_strides_and_channels_of_the_n_size():
    model = csp_darknet((64, 96, 3))
    shapes = [model.get_layer(f"stage{n}").output.shape[1:] for n in (1, 2, 3, 4)]
    assert shapes == [(16, 24, 32), (8, 12, 64), (4, 6, 128), (2, 3, 256)]
    assert model.get_layer("stage4").output is model.output


@pytest.mark.usefixtures("no_values")
@pytest.mark.parametrize(
    "width, depth, published",
    [(0.25, 0.33, 1.04), (0.5, 0.33, 4.17), (0.75, 0.67, 12.0)],
)
def test_parameters_are_about_those_of_yolov5(width, depth, published):
    # The backbones of YOLOv5 6.0 n, s and m, in millions; m's stem has 48 filters.
    model = csp_darknet((None, None, 3), width=width, depth=depth)
    trained = sum(np.prod(weight.shape) for weight in model.trainable_weights) / 1e6
    assert trained == pytest.approx(published, rel=0.02)


def test_saved_and_loaded(tmp_path):
    model = csp_darknet((None, None, 3), width=0.1)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).normal(size=(2, 64, 32, 3)).astype("float32")
    np.testing.assert_allclose(again(images), model(images), atol=1e-5)
