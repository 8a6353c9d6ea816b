"""Annotations of another frame than that of their image."""

import math

import numpy as np
import pytest
import tensorflow as tf
from helpers.box_folders import (
    coco_json,
    problems_of,
    rows_by_name,
    voc_xml,
    write_image,
    write_json,
    write_voc,
)
from helpers.images import encode
from PIL import Image

from amalthea.data.boxes import load_boxes
from amalthea.data.boxes.found import Annotation
from amalthea.data.boxes.frames import fit_annotation
from amalthea.data.images.decode import decode_image


def annotated(height, width, **columns):
    columns = {"boxes": [(10, 20, 30, 60)], "labels": ["cell"]} | columns
    return Annotation("a", size=(height, width), **columns)


def test_images_that_were_resized(tmp_path):
    cell = {"category": "cell", "bbox": [100, 50, 200, 30], "area": 5000}
    point = {"name": "cell", "keypoints": ["middle"]}
    cell["keypoints"] = [150.5, 60, 2]
    content = coco_json({"1.jpg": [cell]}, (point,))
    content["images"][0] |= {"width": 600, "height": 400}
    write_image(tmp_path / "1.jpg")
    table = load_boxes(write_json(tmp_path / "set.json", content))
    np.testing.assert_allclose(table.boxes[0], [[10, 5, 30, 8]], atol=1e-5)
    np.testing.assert_allclose(table.areas[0], [50])
    np.testing.assert_allclose(table.points[0], [[[15.05, 6, 2]]], atol=1e-5)
    assert "says 600 x 400 pixels" in problems_of(table, "1.jpg")
    assert "60 x 40; its boxes are scaled" in problems_of(table, "1.jpg")


@pytest.mark.parametrize("rounded", [math.floor, round, math.ceil])
def test_sides_are_rounded_when_images_are_resized(rounded):
    rng = np.random.default_rng(0)
    for height, width in rng.integers(100, 3000, (50, 2)).tolist():
        factor = rng.uniform(0.2, 1)
        small = rounded(height * factor), rounded(width * factor)
        for stated, size in (((height, width), small), (small, (height, width))):
            fitted, _ = fit_annotation(annotated(*stated), size, 1)
            y, x = np.divide(size, stated)
            np.testing.assert_allclose(fitted.boxes, [[10 * x, 20 * y, 30 * x, 60 * y]])


@pytest.mark.parametrize(
    ("stated", "orientation"),
    [((60, 40), 1), ((60, 40), 3), ((40, 50), 1), ((400, 640), 1), ((30, 20), 6)],
)
def test_no_telling_where_the_boxes_are(stated, orientation):
    fitted, problem = fit_annotation(annotated(*stated), (40, 60), orientation)
    assert fitted is None
    assert f"{stated[1]} x {stated[0]}" in problem and "60 x 40" in problem
    assert "left out" in problem and "mend the annotation" in problem


def test_images_that_do_not_fit_are_left_out(tmp_path):
    images = {name: [(name, 1, 1, 30, 40)] for name in "abc"}
    root = write_voc(tmp_path / "set", images)
    (root / "Annotations" / "b.xml").write_text(voc_xml(images["b"], 40, 50))
    table = load_boxes(root)
    assert set(rows_by_name(table)) == {"a", "c"}
    assert len(table.keys) == len(table.sizes) == len(table.files) == 2
    assert table.class_names == ("a", "c")
    assert "left out" in problems_of(table, "b.jpg")


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_images_that_were_annotated_as_they_are_stored(tmp_path, orientation):
    stored = np.zeros((40, 64, 3), np.uint8)
    stored[8:16, 24:48] = 255
    stored[8:16, 24:32] = 128  # the first part is around a point
    exif = Image.Exif()
    exif[0x0112] = orientation
    contents = encode(stored, "JPEG", exif=exif, quality=100)
    upright = decode_image(tf.constant(contents), 1).numpy()[..., 0]
    y, x = np.nonzero(upright > 64)
    expected = [x.min(), y.min(), x.max() + 1, y.max() + 1]
    y, x = np.nonzero((upright > 64) & (upright < 192))
    point = [x.mean() + 0.5, y.mean() + 0.5, 2]

    annotation = annotated(
        40, 64, boxes=[(24, 8, 48, 16)], points=[[[28, 12, 2]]], areas=[99.0]
    )
    fitted, _ = fit_annotation(annotation, (64, 40), orientation)
    np.testing.assert_array_equal(fitted.boxes, [expected])
    np.testing.assert_array_equal(fitted.points, [[point]])
    assert fitted.areas == [99]

    root = write_voc(tmp_path, {"a": [("cell", 1, 1, 9, 9)]})
    (root / "JPEGImages" / "a.jpg").write_bytes(contents)
    text = voc_xml([("cell", 25, 9, 48, 16), ("cell", 48, 16, 25, 9)], 40, 64)
    (root / "Annotations" / "a.xml").write_text(text)
    table = load_boxes(root)
    np.testing.assert_array_equal(table.boxes[0], [expected])
    problems = problems_of(table, "a.jpg")
    assert "its boxes are turned" in problems and "box 2 (cell) is inverted" in problems
