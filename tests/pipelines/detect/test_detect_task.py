"""Detection from raw images to the exported answer."""

import contextlib
import csv
import dataclasses
import io
import itertools
import json
import re
import shutil

import keras
import numpy as np
import pytest
from helpers.coco_oracle import coco_evaluation
from helpers.images import encode
from helpers.one_graph import assert_one_graph, assert_same_answer
from helpers.serving import embedded, urls
from PIL import Image

from amalthea import UserError
from amalthea.data.boxes import load_boxes
from amalthea.pipelines import ImageClassification, ObjectDetection
from amalthea.pipelines.detect import task as task_module
from amalthea.pipelines.detect.training import LEAST_SCORE, DetectionTraining
from amalthea.pipelines.run_folder import RunFolder
from amalthea.pipelines.training.checkpoint import read_facts
from amalthea.serving import Client


def digit_images(rows=range(6)):
    return list(load_boxes("digits-on-photos").select("test").contents(rows))


def odd_images():
    """Sizes that are letterboxed every way, and rows that cannot be read."""
    tall = Image.open(io.BytesIO(digit_images([0])[0])).resize((50, 400))
    return [
        *digit_images(range(3)),
        encode(tall, "JPEG"),
        encode(Image.new("L", (1, 1)), "PNG"),
        b"",
        b"no image",
        digit_images([1])[0][:90],
    ]


def answer_of(task, signature, **inputs):
    answer = task.serving_module().endpoints[signature](**inputs)
    return {name: value.numpy() for name, value in answer.items()}


@pytest.fixture(scope="module")
def figures(detector, digits_on_photos):
    """What `evaluate` returns of the test split."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task_module, "load_table", lambda *_: digits_on_photos)
        return detector.evaluate(split="test")


def test_learns_digits_on_photographs(figures):
    assert figures["map50"] >= 0.4  # who cannot read has 0.1 at most
    assert figures["examples"] == 120
    # What is lost is mostly the digit's name, not its place.
    assert figures["errors"]["missed"]["dap50"] <= 0.05


def test_figures_on_real_answers_are_those_of_pycocotools(
    detector, digits_on_photos, figures
):
    table = digits_on_photos.select("test")
    number = {name.encode(): index for index, name in enumerate(detector.labels)}
    images, row = [], 0
    answers = detector.answer_batches(
        table.contents(),
        "thresholds",
        confidence=np.float32(LEAST_SCORE),
        iou=np.float32(detector.config.nms_iou),
        max_detections=np.int32(300),
    )
    for batch in answers:
        for boxes, scores, classes, count in zip(
            *(batch[name] for name in ("boxes", "scores", "classes", "count")),
            strict=True,
        ):
            truth = {"boxes": table.boxes[row], "classes": table.classes[row]}
            found = {
                "boxes": boxes[:count],
                "scores": scores[:count],
                "classes": np.array([number[name] for name in classes[:count]], int),
            }
            images.append((truth, found))
            row += 1
    theirs = coco_evaluation(images, len(detector.labels))
    theirs.summarize()
    names = ("map", "map50", "map75", "map_small", "map_medium", "map_large")
    ours = [figures[name] for name in names]
    np.testing.assert_allclose(ours, theirs.stats[:6], atol=1e-6)


def test_a_run_folder_holds_what_a_person_wants_to_read(detector_run, detector):
    assert (detector_run / "labels.txt").read_text().split() == list("0123456789")
    config = (detector_run / "config.toml").read_text()
    assert "anchors" in config and 'task = "detect"' in config
    with (detector_run / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    parts = {"box", "objectness", "class"}
    assert {"loss", "val_loss", "val_map", "val_map50", *parts} <= set(rows[0])
    assert rows[0]["val_map"] == "" and float(rows[-1]["val_map"]) > 0
    assert {"val", "test"} <= set(
        json.loads((detector_run / "metrics.json").read_text())
    )
    page = (detector_run / "report" / "index.html").read_text()
    pictures = set(re.findall(r'<img src="([^"]+)"', page))
    assert {"curves.png", "test_worst.png", "test_precision_recall.png"} <= pictures
    model = keras.saving.load_model(detector_run / "model.keras")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3))
    for ours, again in zip(detector.model(pixels), model(pixels), strict=True):
        np.testing.assert_allclose(ours, again, atol=1e-4)


def test_boxes_are_in_the_pixels_of_images_of_any_size(detector):
    # The same image at three sizes: the same boxes, scaled. The surest ones, as others
    # may be sure enough at one size only.
    (content,) = digit_images([1])
    image = Image.open(io.BytesIO(content))
    found = []
    for factor in (1, 2, 5):
        size = (image.width * factor, image.height * factor)
        larger = encode(image.resize(size, Image.Resampling.NEAREST), "PNG")
        (result,) = detector.predict([larger])
        boxes = [[box.x1, box.y1, box.x2, box.y2] for box in result.boxes]
        found.append(np.array(boxes) / factor)
    assert len(found[0])
    for ours, theirs in itertools.permutations(found, 2):
        for surest in ours[:3]:
            assert np.abs(theirs - surest).max(axis=1).min() <= 2.5


@pytest.fixture(scope="module")
def version(detector, tmp_path_factory):
    """The folder of the export."""
    return detector.export(tmp_path_factory.mktemp("models"), "digits")


@pytest.fixture(scope="module")
def server(version):
    """A model server of the export."""
    with embedded(version.parent.parent) as server:
        yield server


def assert_served(answer, server, inputs, signature="serving_default"):
    """Asserts that by either API the server gives this process's answer."""
    for url in urls(server):
        with Client(url) as client:
            served = client.predict("digits", inputs, signature=signature, version=1)
        assert_same_answer(answer, served, rtol=1e-4)


def test_predict_export_and_a_fresh_process_agree(detector, version, server):
    images = odd_images()
    answer = answer_of(detector, "serving_default", image_bytes=images)
    assert answer["valid"].tolist() == [True] * 5 + [False] * 3
    assert answer["count"][:3].sum() > 3 and answer["count"][5:].sum() == 0
    assert answer["boxes"].shape == (8, 300, 4)
    assert_one_graph(answer, version, {"image_bytes": images}, rtol=1e-4)
    assert_served(answer, server, {"image_bytes": images})

    results = detector.predict(images)
    for url in urls(server):
        with Client(url) as client:
            served = client.detect(images, model="digits")
        assert [len(r.boxes) for r in served] == [len(r.boxes) for r in results]
        assert [r.error for r in served] == [r.error for r in results]
    assert [result.error for result in results[5:]] == [
        "empty input",
        "not an image: expected JPEG, PNG, GIF, BMP or WebP",
        "damaged PNG",
    ]


def test_each_image_may_have_thresholds_of_its_own(detector, server):
    images = digit_images([1]) * 5
    inputs = {
        "image_bytes": images,
        "confidence": np.array([0.25, 0.001, 0.001, 0.001, -1], np.float32),
        "iou": np.array([0.6, 0.6, 0.6, 0.0, -1], np.float32),
        "max_detections": np.array([300, 300, 7, 1000, -1], np.int32),
    }
    answer = answer_of(detector, "thresholds", **inputs)
    counts = answer["count"].tolist()
    default = answer_of(detector, "serving_default", image_bytes=images[:1])
    for row in (0, 4):
        np.testing.assert_allclose(answer["boxes"][row], default["boxes"][0], atol=1e-4)
    assert counts[0] == default["count"][0] < counts[1] and counts[2] == 7
    assert counts[3] < counts[1]
    np.testing.assert_allclose(answer["scores"][2, :7], answer["scores"][1, :7])
    assert_served(answer, server, inputs, signature="thresholds")


def test_pixels_signature_agrees_with_bytes(detector):
    image = np.asarray(Image.open(io.BytesIO(digit_images([2])[0])).convert("RGB"))
    thresholds = {
        "confidence": np.array([0.25], np.float32),
        "iou": np.array([0.6], np.float32),
        "max_detections": np.array([300], np.int32),
    }
    by_pixels = answer_of(detector, "pixels", pixels=image[None], **thresholds)
    by_bytes = answer_of(detector, "serving_default", image_bytes=digit_images([2]))
    assert by_bytes["count"][0] > 0
    np.testing.assert_array_equal(by_pixels["classes"], by_bytes["classes"])
    np.testing.assert_allclose(by_pixels["boxes"], by_bytes["boxes"], atol=1e-3)
    empty = answer_of(
        detector, "pixels", pixels=np.zeros((1, 0, 5, 3), np.uint8), **thresholds
    )
    assert empty["error"].tolist() == [b"empty image"] and empty["count"][0] == 0


def test_an_empty_batch_gets_an_empty_answer(detector):
    answer = answer_of(detector, "serving_default", image_bytes=np.array([], object))
    assert answer["boxes"].shape == (0, 300, 4)
    assert answer["classes"].shape == (0, 300)


def test_evaluate_names_the_splits_there_are(detector):
    with pytest.raises(UserError, match="no split 'holdout'.*train, val, test and all"):
        detector.evaluate(split="holdout")


def assert_answers(task, photos):
    """Asserts that a task answers for photographs; returns question and answer."""
    images = [path.read_bytes() for path in sorted((photos / "images").iterdir())][:4]
    inputs = {
        "image_bytes": images,
        "confidence": np.full(4, 0.01, np.float32),
        "iou": np.full(4, 0.5, np.float32),
        "max_detections": np.full(4, 10, np.int32),
    }
    answer = answer_of(task, "thresholds", **inputs)
    assert answer["valid"].all() and answer["boxes"].dtype == np.float32
    assert answer["boxes"].shape == (4, task.config.max_detections, 4)
    assert set(answer["classes"].ravel()) <= {"röt".encode(), b"blau", b""}
    for row, content in enumerate(images):
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
        assert (answer["boxes"][row] <= [width, height, width, height]).all()
    return inputs, answer


def test_the_settings_of_the_command_line_answer(photos, photos_run, photos_version):
    task = ObjectDetection.load(photos_run[0])
    inputs, answer = assert_answers(task, photos)
    # With soft-NMS the exported graph is another.
    assert task.config.soft_nms
    assert_one_graph(
        answer, photos_version[0], inputs, signature="thresholds", rtol=1e-3
    )


@contextlib.contextmanager
def stopped_in(epoch):
    """Trainings are stopped, as by a Ctrl-C, when this epoch begins."""
    train = DetectionTraining.train

    def stop(self, number, on_step):
        if number == epoch:
            raise KeyboardInterrupt
        return train(self, number, on_step)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(DetectionTraining, "train", stop)
        yield


def test_a_classification_run_as_the_backbone(
    tmp_path, monkeypatch, photos, stopped_before_the_figures
):
    table = load_boxes(photos).select("train")  # the figures of others do not matter
    monkeypatch.setattr(task_module, "load_table", lambda *_: table)
    for number in range(12):
        folder = tmp_path / "crops" / ["a", "b"][number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        colour = ["red", "blue"][number % 2]
        content = encode(Image.new("RGB", (32, 32 + number), colour), "PNG")
        (folder / f"{number}.png").write_bytes(content)
    with stopped_before_the_figures():  # of which nothing is needed here
        ImageClassification.train(
            tmp_path / "crops",
            tmp_path / "classifier",
            epochs=1,
            depth=8,
            width=16,
            channels=3,
            quiet=True,
        )
    file = RunFolder(tmp_path / "classifier").model
    classifier = keras.saving.load_model(file, compile=False)
    settings = {
        "data": photos,
        "out": tmp_path / "run",
        "backbone": str(tmp_path / "classifier"),
        "epochs": 1,
        "image_size": (64, 64),
        "batch_size": 4,
        "learning_rate": 1e-9,
        "ema": 0.0,
        "quiet": True,
    }
    with stopped_in(0):
        ObjectDetection.train(**settings)
    with stopped_before_the_figures():
        ObjectDetection.train(out=tmp_path / "run", resume=True, quiet=True)
    file.unlink()  # the detector needs it no more
    task = ObjectDetection.load(tmp_path / "run")
    trained = {w.shape for w in classifier.weights if len(w.shape) == 4}
    assert trained <= {w.shape for w in task.model.weights}
    kernel = classifier.get_layer("resnet").get_weights()[0]
    copies = [w for w in task.model.get_weights() if w.shape == kernel.shape]
    assert any(np.allclose(copy, kernel, atol=1e-5) for copy in copies)


def test_resuming_gives_the_same_weights(
    tmp_path, photos, monkeypatch, stopped_before_the_figures
):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train = DetectionTraining.train

    def copied(self, number, on_step):
        if number == 2 and not parts.exists():
            shutil.copytree(whole, parts)  # what a kill would leave
        return train(self, number, on_step)

    monkeypatch.setattr(DetectionTraining, "train", copied)
    settings = {"image_size": (64, 64), "batch_size": 4, "model": "grid", "epochs": 3}
    with stopped_before_the_figures():
        ObjectDetection.train(photos, whole, quiet=True, **settings)
    assert read_facts(RunFolder(parts).last)["epoch"] == 2
    with stopped_before_the_figures():
        ObjectDetection.train(out=parts, resume=True, quiet=True)
    for name in ("last", "best"):
        files = [getattr(RunFolder(out), name) for out in (whole, parts)]
        ours, theirs = (dict(np.load(file)) for file in files)
        weights = [key for key in ours if key.startswith(("model/", "average/"))]
        assert weights and ours.keys() == theirs.keys()
        for key in weights:
            # TensorFlow adds three and more gradients in whatever order they come.
            np.testing.assert_allclose(ours[key], theirs[key], atol=1e-6)


@pytest.mark.parametrize(
    "there, settings",
    [
        (
            True,
            {
                **{"model": "grid", "image_size": (64, 96), "cache": "none"},
                **{"precision": "mixed_bfloat16", "class_agnostic": True},
                **{"mixup": 0.5, "rotation": 20.0},
            },
        ),
        (False, {"backbone": "resnet8", "strides": (16,), "image_size": (64, 64)}),
    ],
    ids=["difficult", "absent"],
)
def test_without_objects_to_validate_on_the_last_epoch_is_kept(
    tmp_path, monkeypatch, photos, there, settings
):
    """The settings matter not to that; here they are trained with."""
    table = load_boxes(photos)
    flags = [
        np.full(len(classes), split == "val")
        for classes, split in zip(table.classes, table.splits, strict=True)
    ]
    table = dataclasses.replace(table, difficult=flags)
    wanted = ("train", "val") if there else ("train",)
    table = table.take(np.flatnonzero(np.isin(table.splits, wanted)))
    monkeypatch.setattr(task_module, "load_table", lambda *_: table)
    task = ObjectDetection.train(
        photos,
        tmp_path / "run",
        epochs=2,
        batch_size=4,
        quiet=True,
        **settings,
    )
    keras.config.set_dtype_policy("float32")
    assert read_facts(task.run.best)["epoch"] == 2
    (last,) = task.run.read_rows(task.run.history, ("epoch",))[-1:]
    assert "val_map" not in last
    assert_answers(task, photos)
