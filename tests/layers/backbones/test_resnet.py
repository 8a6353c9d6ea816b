import keras
import numpy as np
import pytest

from amalthea.layers import resnet


@pytest.mark.usefixtures("no_values")
def test_depth_50_has_the_parameters_of_keras_applications():
    ours = resnet((None, None, 3), 50, stem="imagenet")
    theirs = keras.applications.ResNet50(include_top=False, weights=None)
    # Theirs has a bias in each convolution: 64 in the stem; in a stage of width w,
    # w + w + 4w for each block and 4w for the shortcut.
    biases = 64 + sum(
        blocks * 6 * width + 4 * width
        for blocks, width in zip([3, 4, 6, 3], [64, 128, 256, 512], strict=True)
    )
    assert biases == 26_560
    assert theirs.count_params() - ours.count_params() == biases


@pytest.mark.usefixtures("no_values")
@pytest.mark.parametrize("depth", [14, 44, 10, 26])
def test_depth_counts_the_convolutions_of_the_longest_path(depth):
    model = resnet((32, 32, 3), depth, width=2)
    blocks = [layer for layer in model.layers if hasattr(layer, "branch")]
    # The stem, the branches, and the classifier that is still to come.
    assert 1 + sum(len(block.branch) for block in blocks) + 1 == depth


@pytest.mark.usefixtures("no_values")
def test_stages_are_tapped_by_name():
    model = resnet((64, 48, 3), 18, width=4, stem="imagenet")
    shapes = [model.get_layer(f"stage{n}").output.shape[1:] for n in (1, 2, 3, 4)]
    assert shapes == [(16, 12, 4), (8, 6, 8), (4, 3, 16), (2, 2, 32)]
    assert model.get_layer("stage4").output is model.output


@pytest.mark.usefixtures("no_values")
def test_strides_and_one_channel():
    model = resnet((28, 28, 1), 8, strides=(2, 1, 2))
    assert model.output_shape == (None, 7, 7, 64)
    assert model.get_layer("stage2").output.shape == (None, 14, 14, 32)


def test_saved_and_loaded(tmp_path):
    model = resnet((None, None, 3), 8, width=2)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).normal(size=(2, 12, 9, 3)).astype("float32")
    np.testing.assert_allclose(again(images), model(images), atol=1e-6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"depth": 15}, "one of 8, 10, 14, 18, 20, 26, 32, 34, 44, 50, received"),
        ({"stem": "resnet"}, "expected 'cifar' or 'imagenet', received stem='resnet'"),
        ({"strides": (1, 2)}, "expected 3 of them for depth 14"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        resnet((32, 32, 3), **arguments)
