import keras
import numpy as np
import pytest

from amalthea import UserError
from amalthea.layers import resnet
from amalthea.pipelines.detect.backbone import classifier_backbone
from amalthea.pipelines.detect.config import DetectConfig
from amalthea.pipelines.detect.heads import make_head
from amalthea.pipelines.detect.model import build_model
from amalthea.pipelines.run_folder import RunFolder


def config_of(**settings):
    grids = len(DetectConfig(**settings).grid_strides)
    return DetectConfig(
        image_size=(64, 96), anchors=(10.0, 12.0) * 2 * grids, **settings
    )


@pytest.mark.parametrize(
    "settings, cells",
    [
        ({}, [(8, 12), (4, 6), (2, 3)]),
        ({"strides": (4, 8)}, [(16, 24), (8, 12)]),
        ({"strides": (32,)}, [(2, 3)]),
        ({"model": "grid"}, [(4, 6)]),
        ({"backbone": "resnet18"}, [(8, 12), (4, 6), (2, 3)]),
        # Its stages end at stride 4; the network goes on from there.
        ({"backbone": "resnet8"}, [(8, 12), (4, 6), (2, 3)]),
    ],
    ids=str,
)
def test_maps_have_the_cells_of_their_strides(settings, cells):
    model = build_model(config_of(**settings), classes=3)
    shapes = [(None, *sides, 2 * (5 + 3)) for sides in cells]
    assert [output.shape for output in model.outputs] == shapes
    head = make_head(config_of(**settings), 3)
    maps = head.unpacked(model(np.zeros((2, 64, 96, 3), "uint8")))
    assert [tuple(raw.shape[1:]) for raw in maps] == [shape[1:] for shape in shapes]


@pytest.mark.parametrize("head", ["box", "landmarks"])
@pytest.mark.parametrize(
    "settings", [{}, {"model": "grid"}, {"strides": (32,)}, {"backbone": "resnet8"}]
)
def test_heads_of_one_object_give_one_vector(head, settings):
    names = ("eye", "nose") if head == "landmarks" else ()
    config = DetectConfig(head=head, image_size=(64, 96), points=names, **settings)
    model = build_model(config, classes=3)
    assert model.output.shape == (None, 5 + 3 + 3 * len(names))


def test_stages_beyond_the_coarsest_grid_are_left_out():
    names = {
        layer.name
        for layer in build_model(config_of(strides=(8, 16)), 3)
        .get_layer("backbone")
        .layers
    }
    assert "stage3" in names and not any(name.startswith("stage4") for name in names)


def test_sizes_rise():
    counts = [
        build_model(config_of(model=size), 80).count_params()
        for size in ("grid", "n", "s", "m")
    ]
    assert counts == sorted(counts)
    assert counts[1] < 2e6


@pytest.mark.parametrize(
    "settings, part",
    [
        ({"backbone": "vgg"}, "unknown backbone `vgg`.*csp, resnet8"),
        ({"backbone": "resnet15"}, "unknown backbone"),
        # The first map of this network has stride 4 already.
        ({"backbone": "resnet18", "strides": (4, 8)}, None),
    ],
)
def test_backbones_are_named(settings, part):
    if part is None:
        assert build_model(config_of(**settings), 1).outputs[0].shape[1] == 16
    else:
        with pytest.raises(UserError, match=part):
            build_model(config_of(**settings), 1)


def save_classifier(path, shape, make):
    inputs = keras.Input(shape, name="pixels")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(make(x))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    path.mkdir()
    model.save(path / "model.keras")
    return model


def test_a_classification_run_gives_its_trained_weights(tmp_path):
    trained = resnet((32, 32, 3), 8, width=4)
    save_classifier(tmp_path / "run", (32, 32, 3), trained)
    backbone = classifier_backbone(RunFolder(tmp_path / "run"))
    images = np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(backbone(images), trained(images), atol=1e-5)

    model = build_model(config_of(backbone=str(tmp_path / "run")), 3, backbone)
    assert [output.shape[1:3] for output in model.outputs] == [(8, 12), (4, 6), (2, 3)]
    again = keras.models.model_from_json(backbone.to_json())
    same = build_model(config_of(), 3, again)
    assert [w.shape for w in same.weights] == [w.shape for w in model.weights]


def test_classifiers_that_are_no_backbone(tmp_path):
    save_classifier(tmp_path / "grey", (16, 16, 1), resnet((16, 16, 1), 8, width=2))
    with pytest.raises(UserError, match="sees 1 channels.*--channels 3"):
        classifier_backbone(RunFolder(tmp_path / "grey"))
    plain = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(2, 3)])
    save_classifier(tmp_path / "plain", (16, 16, 3), plain)
    with pytest.raises(UserError, match="has no stages"):
        classifier_backbone(RunFolder(tmp_path / "plain"))
    with pytest.raises(UserError, match="no finished classification run"):
        classifier_backbone(RunFolder(tmp_path / "gone"))
