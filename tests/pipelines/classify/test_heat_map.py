"""A classifier slid over larger images, from the image file to the exported answer."""

import json
import weakref

import keras
import numpy as np
import pytest
from helpers.images import encode
from helpers.one_graph import assert_one_graph, assert_served
from PIL import Image

from amalthea import UserError
from amalthea.data.boxes.digits_on_photos import PastedDigits
from amalthea.data.images import load_images
from amalthea.pipelines import ImageClassification
from amalthea.pipelines.classify.config import ClassifyConfig
from amalthea.pipelines.classify.heat_map_files import HeatMapFiles
from amalthea.pipelines.classify.model import build_model
from amalthea.pipelines.classify.options import HeatMapArguments, HeatMapSettings
from amalthea.pipelines.verbs import parse

SIDE = 32  # of the windows of the classifier of photographs


def rows_of(pasted, split, count):
    rows = [row for row in range(len(pasted)) if pasted.place(row)[0] == split]
    return rows[:count]


def cut_out(image, centre, side):
    """A square of the image, as large as the classifier sees."""
    left, top = np.array(centre) - side / 2
    box = (left, top, left + side, top + side)
    crop = Image.fromarray(image).resize((SIDE, SIDE), Image.BILINEAR, box)
    return np.asarray(crop)


def crops_of(pasted, count):
    """Cuts digits, not quite centred, and places without one out of photographs.

    Returns `(crops, labels)`, with label 0 for a digit.
    """
    rng = np.random.default_rng(0)
    crops, labels = [], []

    def add(image, spot, side, label):
        size = np.array(image.shape[1::-1])
        if (side / 2 <= spot).all() and (spot <= size - side / 2).all():
            crops.append(cut_out(image, spot, side))
            labels.append(label)

    for row in rows_of(pasted, "train", count):
        image, (boxes, _, _) = pasted.draw(row), pasted.truth(row)
        size = np.array(image.shape[1::-1])
        for x1, y1, x2, y2 in boxes:
            side = max(x2 - x1, y2 - y1) * rng.uniform(1.1, 1.5)
            shift = rng.uniform(-0.1, 0.1, 2) * side
            add(image, np.array([x1 + x2, y1 + y2]) / 2 + shift, side, 0)
        for _ in range(4):
            side = rng.uniform(0.2, 0.4) * size.min()
            spot = rng.uniform(side / 2, size - side / 2)
            if not any(is_on(spot, box) for box in boxes):
                add(image, spot, side, 1)
    return np.array(crops), np.array(labels)


def is_on(spot, box):
    x1, y1, x2, y2 = box
    return x1 < spot[0] < x2 and y1 < spot[1] < y2


@pytest.fixture(scope="module")
def photo_task():
    """LeNet-5 on crops of 32 x 32 pixels, which it does not pad."""
    keras.utils.set_random_seed(0)
    config = ClassifyConfig(model="lenet5", image_size=(SIDE, SIDE), channels=3)
    model = build_model(config, 2)
    crops, labels = crops_of(PastedDigits("digits-on-photos"), 300)
    steps = 8 * len(crops) // 64
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(4e-3, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(crops, labels, batch_size=64, epochs=8, verbose=0)
    return ImageClassification(None, config, model, ("digit", "nothing"))


def test_the_heat_is_where_the_digits_are(photo_task):
    pasted = PastedDigits("digits-on-photos")
    hits, shares = [], []
    for row in rows_of(pasted, "test", 60):
        boxes, _, _ = pasted.truth(row)
        if not 1 <= len(boxes) <= 3:
            continue
        (result,) = photo_task.heat_map(
            pasted.encoded(row), canvas=(128, 128), scales=(1.0, 0.75, 0.55)
        )
        (best,) = (window for window in result.best if window.label == "digit")
        spot = (best.x1 + best.x2) / 2, (best.y1 + best.y2) / 2
        hits.append(any(is_on(spot, box) for box in boxes))
        height, width = pasted.size(row)
        areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes]
        shares.append(sum(areas) / (height * width))
    assert len(hits) >= 15
    assert np.mean(shares) < 0.25  # what a place chosen blindly would hit
    assert np.mean(hits) >= 0.7


def scene(height=32, width=32, seed=0):
    """Digits beside each other, as the classifier of `digits` knows them."""
    rng = np.random.default_rng(seed)
    table = load_images("digits").select("test")
    image = np.zeros((height, width), np.uint8)
    for top in range(0, height, 8):
        for left in range(0, width, 8):
            digit = table.pixels[rng.integers(len(table))][..., 0]
            image[top : top + 8, left : left + 8] = digit
    return image


def test_each_window_is_what_predict_says_of_it(digits_task):
    image = scene()
    (result,) = digits_task.heat_map(encode(image), canvas=(32, 32), scales=(1.0,))
    (shares,), (boxes,) = result.probabilities, result.boxes
    assert shares.shape == (7, 7, 10) and boxes.shape == (7, 7, 4)
    assert result.labels == digits_task.labels
    crops = [
        encode(image[y1:y2, x1:x2])
        for x1, y1, x2, y2 in boxes.reshape(-1, 4).round().astype(int)
    ]
    for answer, share in zip(
        digits_task.predict(crops), shares.reshape(-1, 10), strict=True
    ):
        expected = [share[result.labels.index(label)] for label, _ in answer.top]
        np.testing.assert_allclose(
            [probability for _, probability in answer.top], expected, atol=1e-5
        )


def test_the_best_windows_are_those_of_the_maps(digits_task):
    (result,) = digits_task.heat_map(encode(scene(40, 64)), scales=(1.0, 0.6, 0.25))
    shapes = [maps.shape for maps in result.probabilities]
    # Canvases of 32, 19 and 8 pixels, windows of 8, 4 apart.
    assert shapes == [(7, 7, 10), (3, 3, 10), (1, 1, 10)]
    assert [window.label for window in result.best] == sorted(
        result.labels,
        key=lambda label: (
            -max(
                maps[..., result.labels.index(label)].max()
                for maps in result.probabilities
            )
        ),
    )
    for window in result.best:
        label = result.labels.index(window.label)
        flat = np.concatenate(
            [maps[..., label].ravel() for maps in result.probabilities]
        )
        boxes = np.concatenate([maps.reshape(-1, 4) for maps in result.boxes])
        assert window.probability == flat.max()
        box = boxes[flat.argmax()].clip(0, [64, 40, 64, 40])
        np.testing.assert_allclose([window.x1, window.y1, window.x2, window.y2], box)


def test_boxes_are_in_pixels_of_the_image(digits_task):
    # 128 x 64 pixels in a canvas of 32: scaled by a quarter, 8 rows free above.
    image = np.kron(scene(16, 32), np.ones((4, 4), np.uint8))
    (result,) = digits_task.heat_map(encode(image), canvas=(32, 32), scales=(1.0,))
    boxes, shares = result.boxes[0], result.probabilities[0]
    np.testing.assert_allclose(boxes[2, 0], [0, 0, 32, 32], atol=1e-4)
    np.testing.assert_allclose(boxes[4, 6], [96, 32, 128, 64], atol=1e-4)
    # Windows whose middle is above or below the image do not count.
    middles = boxes[:, 0, 1::2].mean(axis=-1)
    assert middles.tolist() == [-16, 0, 16, 32, 48, 64, 80]
    assert (shares.sum(axis=-1) > 0.99).all(axis=1).tolist() == [
        False, True, True, True, True, True, False
    ]  # fmt: skip
    assert not shares[[0, 6]].any()
    for window in result.best:
        assert 0 <= window.x1 < window.x2 <= 128 and 0 <= window.y1 < window.y2 <= 64


def test_context_takes_one_pass_and_says_nearly_the_same(digits_task):
    content = encode(scene())
    (alone,) = digits_task.heat_map(content, scales=(1.0, 0.25))
    (within,) = digits_task.heat_map(content, scales=(1.0, 0.25), context=True)
    difference = np.abs(alone.probabilities[0] - within.probabilities[0])
    assert difference.max() > 1e-3
    # One window over the whole canvas has nothing round it.
    np.testing.assert_allclose(
        alone.probabilities[1], within.probabilities[1], atol=1e-5
    )


def test_an_export_has_the_signature_if_asked_for(digits_task, tmp_path):
    images = [
        encode(scene(), "PNG"),
        encode(scene(24, 48), "JPEG"),
        b"no image",
        encode(scene(56, 16), "BMP"),
    ]
    module = digits_task.serving_module()
    version = digits_task.export(tmp_path, "digits", heat_map=(32, 32))
    assert set(module.endpoints) == {"serving_default", "pixels"}
    results = digits_task.heat_map(images, canvas=(32, 32))
    assert [result.valid for result in results] == [True, True, False, True]
    assert results[2].best == () and "not an image" in results[2].error
    endpoint = digits_task._heat_map_endpoint(HeatMapSettings(canvas=(32, 32)))
    answer = {name: value.numpy() for name, value in endpoint(images).items()}
    for row, result in enumerate(results):
        flat = [maps.reshape(-1, 10) for maps in result.probabilities]
        np.testing.assert_allclose(
            answer["probabilities"][row], np.concatenate(flat), atol=1e-5
        )
    assert_one_graph(answer, version, {"image_bytes": images}, signature="heat_map")
    assert_served(answer, version, {"image_bytes": images}, signature="heat_map")
    assert endpoint(np.array([], object))["probabilities"].shape == (0, 58, 10)


def test_pictures_arrays_and_lines(digits_task, tmp_path):
    (tmp_path / "a $ b.png").write_bytes(encode(scene(32, 48)))
    (tmp_path / "broken.png").write_bytes(b"")
    out = tmp_path / "out"
    first, second = digits_task.heat_map_lines([str(tmp_path)], save_dir=out)
    assert "a $ b.png  " in first and first.count(" at ") == 3
    assert second.endswith("broken.png  error: empty input")
    patterns = [str(tmp_path / "*.png")]
    lines = list(digits_task.heat_map_lines(patterns, json=True))
    rows = json.loads("\n".join(lines))
    assert rows == json.loads((out / "heat_maps.json").read_text())
    assert len(lines) == 3 and len(rows[0]["best"]) == 10
    assert sorted(path.name for path in out.iterdir()) == [
        "0000_a_b.npz",
        "0000_a_b.png",
        "heat_maps.json",
    ]
    with np.load(out / "0000_a_b.npz") as arrays:
        assert arrays["probabilities_0"].shape == (7, 7, 10)
        assert arrays["boxes_1"].shape == (3, 3, 4)
        assert arrays["labels"].tolist() == list(digits_task.labels)
    with Image.open(out / "0000_a_b.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert np.ptp(pixels, axis=2).max() > 100  # the image is grey, the heat is not


def test_lines_come_image_by_image_and_a_lost_file_stops_none(digits_task, tmp_path):
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path in paths:
        path.write_bytes(encode(scene()))
    out = tmp_path / "out"
    lines = digits_task.heat_map_lines(paths, save_dir=out)
    assert "a.png  " in next(lines)
    assert (out / "0000_a.png").exists() and not (out / "heat_maps.json").exists()
    paths[1].unlink()
    unread = "cannot be read (No such file or directory)"
    assert next(lines) == f"{paths[1]}  error: {unread}"
    lines.close()  # the caller wants no more, as after Ctrl-C
    rows = json.loads((out / "heat_maps.json").read_text())
    assert [(row["valid"], row["error"]) for row in rows] == [
        (True, ""),
        (False, unread),
    ]


@pytest.mark.parametrize("as_json", [False, True])
def test_maps_are_dropped_once_they_are_written(
    digits_task, tmp_path, monkeypatch, as_json
):
    seen, alive = [], []

    def add(self, result, content):
        seen.append(weakref.ref(result))
        alive.append(sum(each() is not None for each in seen))

    monkeypatch.setattr(HeatMapFiles, "add", add)
    images = [encode(scene(seed=seed)) for seed in range(5)]
    lines = digits_task.heat_map_lines(images, save_dir=tmp_path, json=as_json)
    assert len(list(lines)) == 5 + as_json
    assert len(alive) == 5 and max(alive) <= 2


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [
        (KeyboardInterrupt(), True),
        (UserError("the disk is full"), True),
        (ZeroDivisionError(), False),
    ],
    ids=repr,
)
def test_what_is_kept_after_an_error(digits_task, tmp_path, error, is_kept):
    name = "\U00020000" * 62  # four bytes each; a file's name can have 255
    (tmp_path / f"{name}.png").write_bytes(encode(scene()))
    (result,) = digits_task.heat_map(tmp_path)
    out = tmp_path / "out"
    with pytest.raises(type(error)), HeatMapFiles(out) as files:
        files.add(result, encode(scene()))
        raise error
    names = {f"0000_{name[:40]}.png", f"0000_{name[:40]}.npz"}
    assert {path.name for path in out.iterdir()} == names | (
        {"heat_maps.json"} if is_kept else set()
    )


def test_the_flags_of_the_verb():
    words = ["run", "a.png", "b", "--canvas", "96", "128", "--scales", "1", ".5", ".4"]
    arguments = parse(HeatMapArguments, [*words, "--context"], "heatmap")
    assert arguments.inputs == ("a.png", "b") and str(arguments.run) == "run"
    assert arguments.canvas == (96, 128) and arguments.scales == (1.0, 0.5, 0.4)
    assert arguments.context and not arguments.json and arguments.stride is None
    with pytest.raises(UserError, match="--canvas"):
        parse(HeatMapArguments, [*words, "--canvas", "x"], "heatmap")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"canvas": (32, 6)}, "32 x 6 pixels, less than the window of 8 x 8"),
        ({"scales": (1.0, 0.2)}, "scale 0.2 the canvas has 6 x 6"),
        ({"scales": ()}, "at least one"),
        ({"canvas": (5000, 32)}, "at most 4096"),
        ({"stride": 3, "context": True}, "multiple of the network's own, 4 x 4"),
        ({"stride": 0}, "positive"),
    ],
)
def test_settings_that_do_not_suit(digits_task, settings, message):
    with pytest.raises(UserError, match=message):
        digits_task.heat_map(encode(scene()), **settings)
