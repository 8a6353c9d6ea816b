"""Image classification from raw images to the exported answer."""

import csv
import json
import re

import keras
import numpy as np
import pytest
from helpers.images import encode
from helpers.one_graph import assert_one_graph, assert_served
from helpers.serving import embedded, urls
from PIL import Image

from amalthea import UserError
from amalthea.data.images import load_images
from amalthea.pipelines import ImageClassification
from amalthea.serving import Client


def test_learns_digits(digits_task):
    metrics = digits_task.evaluate("digits", split="test")
    # scikit-learn's support-vector machine is right for 99 %; a few seconds of
    # training must come near.
    assert metrics["accuracy"] >= 0.97
    assert metrics["macro_f1"] >= 0.97
    assert metrics["top5"] >= 0.99
    assert metrics["examples"] == 270


def test_a_run_folder_holds_what_a_person_wants_to_read(digits_run, digits_task):
    assert (digits_run / "labels.txt").read_text().split() == list("0123456789")
    config = (digits_run / "config.toml").read_text()
    assert "image_size" in config and 'task = "classify"' in config
    with (digits_run / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == [str(n) for n in range(1, 13)]
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"} <= set(
        rows[0]
    )
    assert list((digits_run / "logs").glob("events.*"))
    metrics = json.loads((digits_run / "metrics.json").read_text())
    assert {"val", "test"} <= set(metrics)


def test_the_page_shows_pictures_that_are_there(digits_run):
    page = (digits_run / "report" / "index.html").read_text()
    pictures = re.findall(r'<img src="([^"]+)"', page)
    assert {"curves.png", "test_confusion.png", "test_calibration.png"} <= set(pictures)
    for name in pictures:
        with Image.open(digits_run / "report" / name) as image:
            pixels = np.asarray(image.convert("L"))
        assert pixels.std() > 5, f"{name} is blank"


def test_the_saved_keras_model_is_the_run_s_model(digits_run, digits_task):
    model = keras.saving.load_model(digits_run / "model.keras")
    pixels = load_images("digits").pixels[:8]
    np.testing.assert_allclose(
        model(pixels), digits_task.model(pixels), rtol=1e-5, atol=1e-5
    )


def test_the_training_input_is_what_the_export_sees(digits_task):
    # The cached pixels through the model, and PNG files of them through the graph.
    table = load_images("digits").select("test").take(range(40))
    logits = digits_task.model(table.pixels, training=False) / digits_task.temperature
    shares = np.sort(keras.ops.convert_to_numpy(keras.ops.softmax(logits)))[:, ::-1]
    results = digits_task.predict(list(table.contents()))
    np.testing.assert_allclose(
        [[share for _, share in result.top] for result in results],
        shares[:, :5],
        rtol=1e-4,
        atol=1e-6,
    )


def test_predict_export_and_a_fresh_process_agree(digits_task, tmp_path):
    images = list(load_images("digits").select("test").contents(range(6)))
    images += [
        encode(Image.new("RGB", (40, 30), "white"), "JPEG"),
        b"",
        b"no image",
        images[0][:60],
    ]
    version = digits_task.export(tmp_path, "digits")
    assert version == tmp_path / "digits" / "1"
    endpoint = digits_task.serving_module().endpoints["serving_default"]
    answer = {name: value.numpy() for name, value in endpoint(images).items()}
    assert answer["valid"].tolist() == [True] * 7 + [False] * 3
    assert_one_graph(answer, version, {"image_bytes": images})
    assert_served(answer, version, {"image_bytes": images})

    results = digits_task.predict(images)
    with embedded(tmp_path) as server:
        for url in urls(server):
            with Client(url) as client:
                assert client.classify(images, model="digits") == results
    assert [result.label.encode() for result in results] == answer["label"].tolist()
    assert [result.error for result in results[7:]] == [
        "empty input",
        "not an image: expected JPEG, PNG, GIF, BMP or WebP",
        "damaged PNG",
    ]


def test_pixels_signature_agrees_with_bytes(digits_task, tmp_path):
    table = load_images("digits").select("test").take(range(5))
    endpoints = digits_task.serving_module().endpoints
    by_bytes = endpoints["serving_default"](list(table.contents()))
    by_pixels = endpoints["pixels"](table.pixels)
    for name in by_bytes:
        first, second = by_bytes[name].numpy(), by_pixels[name].numpy()
        if first.dtype == object:
            np.testing.assert_array_equal(first, second)
        else:
            np.testing.assert_allclose(first, second, rtol=1e-5)
    version = digits_task.export(tmp_path, "digits")
    answer = {name: value.numpy() for name, value in by_pixels.items()}
    assert_one_graph(answer, version, {"pixels": table.pixels}, signature="pixels")
    assert_served(answer, version, {"pixels": table.pixels}, signature="pixels")


def test_an_empty_batch_gets_an_empty_answer(digits_task):
    answer = digits_task.serving_module().endpoints["serving_default"](
        np.array([], object)
    )
    assert answer["label"].shape == (0,)
    assert answer["top_probabilities"].shape == (0, 5)


def test_predict_takes_files_folders_and_patterns(digits_task, tmp_path):
    contents = list(load_images("digits").select("test").contents(range(4)))
    (tmp_path / "a b").mkdir()
    for name, content in zip(
        ["0.png", "a b/1.png", "a b/ü.PNG", ".hidden.png"], contents, strict=True
    ):
        (tmp_path / name).write_bytes(content)
    by_bytes = [result.label for result in digits_task.predict(contents[:3])]
    by_folder = digits_task.predict(tmp_path)
    assert [result.source for result in by_folder] == [
        str(tmp_path / name) for name in ("0.png", "a b/1.png", "a b/ü.PNG")
    ]
    assert [result.label for result in by_folder] == by_bytes
    by_pattern = digits_task.predict(str(tmp_path / "**" / "*.png"))
    assert [result.label for result in by_pattern] == by_bytes[:2]
    with pytest.raises(UserError, match="matches no file"):
        digits_task.predict(str(tmp_path / "*.webp"))
    with pytest.raises(UserError, match="no such file"):
        digits_task.predict([str(tmp_path / "gone.png")])


def test_evaluate_writes_the_named_keys(digits_task, tmp_path):
    digits_task.evaluate(split="val", json=tmp_path / "m.json")
    metrics = json.loads((tmp_path / "m.json").read_text())
    assert {"accuracy", "top5", "macro_f1"} <= set(metrics)


def test_evaluate_names_the_splits_there_are(digits_task):
    with pytest.raises(UserError, match="no split 'holdout'.*train, val, test and all"):
        digits_task.evaluate("digits", split="holdout")


def test_what_was_trained_on_is_never_tested_on(digits_run, tmp_path):
    # The run's own images as loose files in class folders, with more beside
    # them: each keeps the split it had.
    table = load_images("digits")
    for row in range(0, len(table), 9):
        folder = tmp_path / "data" / table.class_names[table.labels[row]]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{row}.png").write_bytes(next(table.contents([row])))
    out = tmp_path / "run"
    task = ImageClassification.train(
        tmp_path / "data", out, epochs=1, depth=8, width=2, quiet=True
    )
    with (out / "splits.csv").open() as file:
        before = {row["key"]: row["split"] for row in csv.DictReader(file)}
    for row in range(1, len(table), 9):
        folder = tmp_path / "data" / table.class_names[table.labels[row]]
        (folder / f"{row}.png").write_bytes(next(table.contents([row])))
    from amalthea.pipelines.classify.setup import load_table

    after = load_table(tmp_path / "data", None, task.config, task.run)
    now = dict(zip(after.keys, after.splits, strict=True))
    assert len(now) > len(before)
    assert {key: now[key] for key in before} == before


@pytest.mark.parametrize(
    "settings",
    [
        {
            "model": "lenet5",
            "augment": "none",
            "optimizer": "adam",
            "ema": 0.0,
            "cache": "none",
        },
        {
            "augment": "strong",
            "image_size": (40, 24),
            "resize": "letterbox",
            "precision": "mixed_float16",
            "depth": 10,
        },
        {
            "augment": "photo",
            "channels": 1,
            "resize": "crop",
            "class_weights": "balanced",
            "xla": True,
        },
        {
            "channels": 4,
            "resize": "crop",
            "precision": "mixed_bfloat16",
            "width": 8,
        },
    ],
    ids=lambda settings: "-".join(str(value) for value in settings.values()),
)
def test_every_setting_trains_exports_and_answers(tmp_path, settings):
    # Colour photographs of odd sizes and formats: red and blue ones.
    rng = np.random.default_rng(0)
    for number in range(24):
        colour = np.array([[200, 30, 30], [30, 30, 200]][number % 2])
        height, width = rng.integers(30, 90, 2)
        noise = rng.integers(-30, 30, (height, width, 3))
        image = Image.fromarray((colour + noise).clip(0, 255).astype("uint8"))
        form = ["JPEG", "PNG", "BMP", "WEBP", "GIF"][number % 5]
        folder = tmp_path / "data" / ["röt und rosa", "blau"][number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.{form.lower()}").write_bytes(encode(image, form))
    settings = {"width": 4, "depth": 8, "image_size": (32, 32), **settings}
    task = ImageClassification.train(
        tmp_path / "data",
        tmp_path / "run",
        epochs=2,
        batch_size=8,
        quiet=True,
        **settings,
    )
    keras.config.set_dtype_policy("float32")
    images = [path.read_bytes() for path in sorted((tmp_path / "data").rglob("*.*"))]
    version = task.export(tmp_path / "models", "colours")
    answer = task.serving_module().endpoints["serving_default"](images)
    answer = {name: value.numpy() for name, value in answer.items()}
    assert answer["valid"].all()
    assert answer["probability"].dtype == np.float32
    assert set(answer["label"]) <= {"röt und rosa".encode(), b"blau"}
    # Half precision rounds differently from one run to the next.
    rough = settings.get("precision", "float32") != "float32"
    assert_one_graph(
        answer, version, {"image_bytes": images}, rtol=2e-2 if rough else 1e-4
    )
