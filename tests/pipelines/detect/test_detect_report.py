"""The pictures and the page of a detection run."""

import csv
import re
import warnings
from html import escape

import numpy as np
import pytest
from helpers.images import encode
from matplotlib.colors import to_hex
from PIL import Image

from amalthea.data.boxes import BoxTable
from amalthea.layers.metrics import DetectionEvaluator
from amalthea.pipelines.detect import report, worst_images
from amalthea.pipelines.detect.config import DetectConfig
from amalthea.pipelines.detect.metrics import detection_metrics
from amalthea.pipelines.detect.report import write_pictures, write_report
from amalthea.pipelines.run_folder import RunFolder

HEIGHT, WIDTH = 60, 80
ANCHORS = (10.0, 10.0, 20.0, 20.0, 40.0, 40.0)
CONFIG = DetectConfig(image_size=(96, 96), anchors=ANCHORS, strides=(8, 16, 32))
ODD_NAMES = ("$x$ & $y", "_hidden", "赤血球", "a <b>bold</b> class with a long name")


def boxes_table(truths, labels):
    """A table of grey images with the given boxes: `(x1, y1, x2, y2, class)` rows."""
    truths = [np.reshape(np.array(rows, float), (-1, 5)) for rows in truths]
    count = len(truths)
    grey = encode(np.full((HEIGHT, WIDTH, 3), 120, np.uint8))
    return BoxTable(
        source="drawn",
        description="drawn",
        splits=np.array(["val"] * count),
        keys=np.array([f"{row:02}" for row in range(count)]),
        names=[f"{row}.png" for row in range(count)],
        encoded=[grey] * count,
        class_names=tuple(labels),
        boxes=[rows[:, :4].astype(np.float32) for rows in truths],
        classes=[rows[:, 4].astype(np.int32) for rows in truths],
        crowd=[np.zeros(len(rows), bool) for rows in truths],
        difficult=[np.zeros(len(rows), bool) for rows in truths],
        sizes=np.array([[HEIGHT, WIDTH]] * count, np.int32).reshape(-1, 2),
    )


def evaluate(table, predictions, rows=None):
    """Evaluates `(x1, y1, x2, y2, class, score)` rows; one array for each of `rows`."""
    evaluator = DetectionEvaluator(len(table.class_names))
    rows = range(len(table)) if rows is None else rows
    for row, found in zip(rows, predictions, strict=True):
        found = np.reshape(np.array(found, float), (-1, 6))
        truth = {
            name: getattr(table, name)[row]
            for name in ("boxes", "classes", "crowd", "difficult")
        }
        evaluator.add(
            truth,
            {"boxes": found[:, :4], "classes": found[:, 4], "scores": found[:, 5]},
        )
    return evaluator


def make_run(path):
    run = RunFolder(path)
    run.create("detect")
    run.write_config(CONFIG, "detect", "drawn")
    history = [
        {"epoch": 1, "seconds": 2, "loss": 3.0, "val_loss": "", "val_map50": ""},
        {"epoch": 2, "seconds": 2, "loss": 2.0, "val_loss": 2.5, "val_map50": 0.5},
    ]
    run.write_rows(run.history, history)
    return run


def write_all(run, table, evaluator, rows=None, split="val"):
    """Writes a report as the task does; no warning is let pass."""
    rows = list(range(len(table))) if rows is None else rows
    figures = detection_metrics(evaluator, table.class_names)
    metrics = {"data": table.source, "unreadable": len(table) - len(rows), **figures}
    run.write_metrics(split, metrics)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_pictures(run, split, metrics, evaluator, table, rows, table.class_names)
        write_report(run, CONFIG)


def check_page(run):
    """Checks that each picture in the folder is on the page, and not blank."""
    page = (run.report / "index.html").read_text(encoding="utf-8")
    pictures = set(re.findall(r'<img src="([^"]+)"', page))
    assert pictures == {file.name for file in run.report.glob("*.png")}
    for name in pictures:
        with Image.open(run.report / name) as image:
            assert np.asarray(image.convert("L")).std() > 5, f"{name} is blank"
    return page, pictures


def has_colour(path, kind):
    """Whether a picture has the very colour of a kind of box."""
    colour = worst_images.STYLES[kind].colour
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    with Image.open(path) as image:
        return bool((np.asarray(image.convert("RGB")) == wanted).all(axis=-1).any())


@pytest.fixture
def drawn(monkeypatch):
    """The figures by file name, in place of the files."""
    figures = {}
    for module in (report, worst_images):
        monkeypatch.setattr(
            module, "save_figure", lambda figure, path: figures.update({path: figure})
        )
    return figures


def random_case(labels, images=4, boxes=5, seed=0):
    """A table, and predictions near its boxes: some off, some gone, some too many."""
    rng = np.random.default_rng(seed)
    truths, predictions = [], []
    for _ in range(images):
        corner = rng.uniform(0, 40, (boxes, 2))
        classes = rng.integers(0, len(labels), (boxes, 1))
        truth = np.hstack([corner, corner + rng.uniform(8, 20, (boxes, 2)), classes])
        found = truth.copy()
        found[:, :4] += rng.normal(0, 1.5, (boxes, 4))
        scores = rng.uniform(0.1, 1, (boxes, 1))
        truths.append(truth)
        predictions.append(np.hstack([found, scores])[rng.random(boxes) < 0.8])
    return boxes_table(truths, labels), predictions


def test_the_page_shows_pictures_that_are_there(tmp_path):
    run = make_run(tmp_path / "run")
    table, predictions = random_case(ODD_NAMES)
    write_all(run, table, evaluate(table, predictions))
    page, pictures = check_page(run)
    assert pictures == {"curves.png"} | {
        f"val_{kind}.png"
        for kind in (
            "precision_recall",
            "f1",
            "confusion",
            "errors",
            "worst",
            "anchors",
        )
    }
    for name in ODD_NAMES:
        assert f"<td>{escape(name)}</td>" in page
    assert '<a href="val_errors.csv">' in page
    assert "best confidence" in page and "grid" not in page.split("Settings")[0]


def test_the_errors_of_each_image_are_listed_the_worst_first(tmp_path):
    run = make_run(tmp_path / "run")
    table = boxes_table(
        [
            [(10, 10, 30, 30, 0)],
            [],  # cannot be read
            [(10, 10, 30, 30, 0), (50, 10, 70, 30, 0), (10, 35, 30, 55, 0)],
            [(10, 10, 30, 30, 0)],
        ],
        ["cat"],
    )
    predictions = [
        [(10, 10, 30, 30, 0, 0.9)],
        [(10, 10, 30, 30, 0, 0.9)],
        [(50, 40, 60, 50, 0, 0.95), (10, 10, 30, 30, 0, 0.9)],
    ]
    rows = [0, 2, 3]
    write_all(run, table, evaluate(table, predictions, rows), rows)
    with (run.report / "val_errors.csv").open() as file:
        lines = list(csv.reader(file))
    assert lines == [
        ["image", "true_positives", "false_positives", "false_negatives"],
        ["2.png", "1", "0", "2"],
        ["3.png", "1", "1", "0"],
        ["0.png", "1", "0", "0"],
    ]


def drawn_boxes(axes):
    """The boxes `[x1, y1, width, height]` that are drawn, by their kind."""
    kinds = {
        (style.colour, style.line): kind for kind, style in worst_images.STYLES.items()
    }
    boxes = {}
    for patch in axes.patches:
        kind = kinds[to_hex(patch.get_edgecolor()), patch.get_linestyle()]
        box = (*patch.get_xy(), patch.get_width(), patch.get_height())
        boxes.setdefault(kind, []).append(box)
    return boxes


def test_what_is_wrong_is_drawn_by_its_kind(drawn):
    table = boxes_table(
        [
            [(5, 5, 25, 25, 0), (50, 5, 70, 25, 0)],
            [(5, 5, 25, 25, 0), (50, 5, 70, 25, 0), (5, 35, 25, 55, 1)],
        ],
        ["$cat", "dog"],
    )
    table.difficult[0][1] = True
    evaluator = evaluate(
        table,
        [
            [(5, 5, 25, 25, 0, 0.9), (50, 5, 70, 25, 0, 0.9), (0, 40, 9, 49, 1, 0.9)],
            [
                (5, 5, 25, 25, 0, 0.9),
                (6, 5, 26, 25, 0, 0.9),
                (60, 5, 80, 25, 0, 0.9),
                (5, 35, 25, 55, 0, 0.9),
                (40, 35, 60, 55, 0, 0.0),  # below the best confidence
            ],
        ],
    )
    names, rows = table.class_names, range(2)
    worst_images.draw_worst_images(evaluator, [1, 0], table, rows, names, "worst")
    first, second = drawn["worst"].axes
    assert first.get_title() == "1.png\n3 wrong, 2 not found"
    assert second.get_title() == "0.png\n1 wrong, 0 not found"
    assert drawn_boxes(first) == {
        "true positive": [(5, 5, 20, 20)],
        "found truth": [(5, 5, 20, 20)],
        "duplicate": [(6, 5, 20, 20)],
        "localisation": [(60, 5, 20, 20)],
        "class": [(5, 35, 20, 20)],
        "missed": [(50, 5, 20, 20), (5, 35, 20, 20)],
    }
    assert drawn_boxes(second) == {
        "true positive": [(5, 5, 20, 20)],
        "found truth": [(5, 5, 20, 20)],
        "ignored": [(50, 5, 20, 20)],
        "ignored truth": [(50, 5, 20, 20)],
        "background": [(0, 40, 9, 9)],
    }
    assert sorted(text.get_text() for text in first.texts) == [
        *(r"\$cat", r"\$cat 0.90", r"\$cat 0.90", r"\$cat 0.90", "dog"),
    ]
    assert [text.get_text() for text in second.texts] == ["dog 0.90"]
    assert len(drawn["worst"].legends[0].get_texts()) == 9  # kinds, of 10


def test_an_image_that_is_gone_is_not_drawn(tmp_path):
    table = boxes_table([[(5, 5, 25, 25, 0)]] * 2, ["cat"])
    table.encoded[0] = b""
    evaluator = evaluate(table, [[(50, 5, 70, 25, 0, 0.9)]] * 2)
    path = tmp_path / "worst.png"
    worst_images.draw_worst_images(evaluator, [0], table, [0, 1], ("cat",), path)
    assert not path.exists()
    worst_images.draw_worst_images(evaluator, [0, 1], table, [0, 1], ("cat",), path)
    assert has_colour(path, "missed") and has_colour(path, "background")
    assert not has_colour(path, "true positive")


def test_a_split_without_objects_has_no_stale_pictures(tmp_path):
    run = make_run(tmp_path / "run")
    for kind in report.CAPTIONS:
        run.report.mkdir(exist_ok=True)
        (run.report / f"val_{kind}.png").write_bytes(b"of an earlier evaluation")
    empty = boxes_table([[], []], ["cat"])
    write_all(run, empty, evaluate(empty, [[], []]))
    page, pictures = check_page(run)
    drawn_always = {"curves.png", "val_confusion.png", "val_errors.png"}
    assert pictures == drawn_always | {"val_anchors.png"}
    assert "–" in page and "-1" not in page.split("Settings")[0]
    write_all(run, empty, evaluate(empty, [[], [(5, 5, 25, 25, 0, 0.9)]]))
    assert check_page(run)[1] == pictures | {"val_worst.png"}


@pytest.mark.parametrize("count, curves", [(1, 1), (2, 3), (10, 11), (80, 9)])
def test_many_classes_have_the_mean_and_the_extremes(tmp_path, drawn, count, curves):
    run = make_run(tmp_path / "run")
    labels = [f"_{number}" for number in range(count)]
    # One box of each class; the more rarely found, the higher its number.
    truths = [[(5, 5, 25, 25, number) for number in range(count)]] * 2
    right = [(5, 5, 25, 25, number, 0.9) for number in range(count)]
    table = boxes_table(truths, labels)
    evaluator = evaluate(table, [right, right[: count // 2]])
    metrics = detection_metrics(evaluator, labels)
    write_pictures(run, "val", metrics, evaluator, table, [0, 1], labels)
    for name in ("precision_recall", "f1"):
        figure = drawn[run.report / f"val_{name}.png"]
        texts = [text.get_text() for text in figure.legends[0].get_texts()]
        assert len(texts) == curves
    if count == 80:
        assert texts[0] == f"{metrics['best_f1']:.3f} mean of 80"
        assert [text.split()[1] for text in texts[1:]] == [
            *("_0", "_1", "_2", "_3", "_76", "_77", "_78", "_79"),
        ]
        assert texts[1].startswith("1.000") and texts[-1].startswith("0.667")
    figure = drawn[run.report / "val_precision_recall.png"]
    line = figure.axes[0].lines[0]
    assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(
        metrics["map50"], abs=0.01
    )


def test_the_best_confidence_is_marked(tmp_path, drawn):
    run = make_run(tmp_path / "run")
    table, predictions = random_case(["cat", "dog"])
    evaluator = evaluate(table, predictions)
    metrics = detection_metrics(evaluator, table.class_names)
    write_pictures(run, "val", metrics, evaluator, table, range(4), table.class_names)
    (axes,) = drawn[run.report / "val_f1.png"].axes
    marked = [line for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(
        marked[0].get_xydata(), [[metrics["best_confidence"], metrics["best_f1"]]]
    )
    mean = axes.lines[0].get_ydata()
    assert mean.max() == pytest.approx(metrics["best_f1"])


def test_the_anchors_are_drawn_with_their_recall(tmp_path, drawn):
    # Letterboxed from 80 x 60 to 96 x 96, sides grow by 1.2: to 12, 24 and 6 pixels.
    # The last box covers .36 of the smallest anchor.
    table = boxes_table(
        [[(5, 5, 15, 15, 0), (5, 5, 25, 25, 0), (5, 5, 15, 15, 0), (5, 5, 10, 10, 0)]],
        ["cat"],
    )
    report._draw_anchors(CONFIG, table, "anchors")
    left, right = drawn["anchors"].axes
    sides = [np.ptp(line.get_xydata(), axis=0).tolist() for line in left.lines]
    assert sides == [[10, 10], [20, 20], [40, 40]]
    assert right.get_title() == "75.0% of 4 boxes have an anchor at IoU .5"
    assert [text.get_text() for text in drawn["anchors"].legends[0].get_texts()] == [
        *("stride 8: 10 x 10", "stride 16: 20 x 20", "stride 32: 40 x 40"),
    ]
