"""Typed results of detection, and the same as COCO has them."""

import subprocess
import sys

import numpy as np
import pytest

from amalthea.pipelines.detect.results import (
    DetectedBox,
    DetectedImage,
    coco_results,
    detected_images,
    result_lines,
)

CAT = DetectedBox("cat", 0.5, 1.0, 2.0, 4.0, 8.0)
DOG = DetectedBox("Dög", 0.25, 0.0, 0.0, 2.0, 2.0)


def image(source, *boxes):
    return DetectedImage(source, boxes, True, "")


def test_padding_is_left_out_and_a_bad_image_is_told():
    answers = {
        "boxes": np.array([[[1, 2, 4, 8], [0, 0, 2, 2]], np.zeros((2, 4))], np.float32),
        "scores": np.array([[0.5, 0.25], [0, 0]], np.float32),
        "classes": np.array([[b"cat", "Dög".encode()], [b"", b""]], object),
        "count": np.array([2, 0], np.int32),
        "valid": np.array([True, False]),
        "error": np.array([b"", b"not an image"], object),
    }
    good, bad = detected_images(["a.png", "b.png"], answers)
    assert good == DetectedImage("a.png", (CAT, DOG), True, "")
    assert bad == DetectedImage("b.png", (), False, "not an image")
    answers["count"][0] = 1
    assert detected_images(["a.png", "b.png"], answers)[0].boxes == (CAT,)


def test_lines_for_a_person():
    results = [
        image("a.png", DOG, CAT, CAT),
        image("b.png"),
        DetectedImage("c.png", (), False, "not an image"),
    ]
    assert result_lines(results) == [
        "a.png  2 cat, 1 Dög",
        "b.png  nothing",
        "c.png  error: not an image",
    ]


def test_coco_results_by_hand():
    row = {
        "image_id": 139,
        "category_id": 2,
        "bbox": [1.0, 2.0, 3.0, 6.0],
        "score": 0.5,
    }
    results = [image("val/000000000139.jpg", CAT), image("empty.jpg")]
    assert coco_results(results, ["Dög", "cat"]) == [row]
    assert coco_results(
        results,
        ["Dög", "cat"],
        image_ids={"val/000000000139.jpg": 7},
        category_ids={"cat": 17},
    ) == [{**row, "image_id": 7, "category_id": 17}]


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("12.png", 12),
        ("a/b/0012.JPG", 12),
        ("a12.png", "a12.png"),
        ("12.mp4#3", "12.mp4#3"),
        ("camera:0#3", "camera:0#3"),
        ("input 0", "input 0"),
        ("²³.png", "²³.png"),
    ],
)
def test_the_ids_of_images(source, number):
    (row,) = coco_results([image(source, CAT)], ["cat"])
    assert row["image_id"] == number


def test_pycocotools_reads_the_results():
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    truth = coco.COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": 1, "width": 20, "height": 20}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 1,
                "bbox": [1, 2, 3, 6],
                "area": 18,
                "iscrowd": 0,
            }
        ],
    }
    truth.createIndex()
    found = truth.loadRes(coco_results([image("1.png", CAT)], ["cat"]))
    evaluated = evaluation.COCOeval(truth, found, "bbox")
    evaluated.evaluate()
    evaluated.accumulate()
    evaluated.summarize()
    assert evaluated.stats[0] == pytest.approx(1.0)


def test_results_options_and_client_load_no_tensorflow():
    code = (
        "import sys; from amalthea.pipelines.detect import client, options, results; "
        "from amalthea.pipelines.detect.inputs import gather_inputs; "
        "gather_inputs('0'); sys.exit(bool({'tensorflow', 'cv2'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
