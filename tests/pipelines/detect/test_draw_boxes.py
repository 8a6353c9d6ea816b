"""Boxes drawn on images."""

import itertools
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from amalthea.pipelines.detect.draw import class_colour, draw_boxes
from amalthea.pipelines.detect.results import DetectedBox

GREY = (90, 90, 90)
needs_fonts = pytest.mark.skipif(
    int(cv2.__version__.split(".")[0]) < 5, reason="needs OpenCV 5's fonts"
)


def blank(height=400, width=400):
    return np.full((height, width, 3), GREY, np.uint8)


def box(x1, y1, x2, y2, label="cat", score=0.5):
    return DetectedBox(label, score, x1, y1, x2, y2)


def changed(drawn, original):
    """The first and last columns and rows that differ."""
    rows, columns = np.nonzero((drawn != original).any(axis=-1))
    return columns.min(), rows.min(), columns.max(), rows.max()


def filled(drawn, label="cat"):
    return np.all(drawn == class_colour(label), axis=-1).sum()


def test_the_outline_runs_on_the_pixels_at_the_boxs_edges():
    image = blank()
    drawn = draw_boxes(image, [box(100.2, 150.7, 300.0, 350.0)])
    assert (image == GREY).all()  # the original is as it was
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    colour = class_colour("cat")
    for x, y in ((100, 250), (299, 250), (250, 150), (250, 349)):
        assert tuple(drawn[y, x]) == colour, (x, y)
    assert (drawn[155:345, 105:295] == GREY).all()  # the inside is free
    left, top, right, bottom = changed(drawn, image)
    assert (left, right, bottom) == (100, 299, 349)
    assert 150 - 40 < top < 150 - 8  # the label stands above


@pytest.mark.parametrize("x", [-30.0, 0.0, 150.0, 380.0])
@pytest.mark.parametrize("y", [-30.0, 0.0, 150.0, 380.0])
def test_the_whole_label_is_inside_wherever_the_box_is(x, y):
    """On a dark image without outline, the label's own pixels are counted."""
    whole = draw_boxes(blank(), [box(150.0, 150.0, 151.0, 151.0)])
    drawn = draw_boxes(blank(), [box(x, y, x + 1.0, y + 1.0)])
    assert abs(int(filled(drawn)) - int(filled(whole))) <= 4


@pytest.mark.parametrize("shape", [(5, 3), (28, 28), (1, 200), (3, 900), (96, 64)])
def test_a_small_image_is_enlarged_by_a_whole_factor(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    drawn = draw_boxes(image, [])
    factor = drawn.shape[0] // shape[0]
    assert 320 <= max(drawn.shape[:2]) < 320 + 2 * max(shape)
    assert (drawn[::factor, ::factor] == image).all()
    draw_boxes(image, [box(0.0, 0.0, 2.0, 1.0)])  # what does not fit is cut off


def test_boxes_are_enlarged_with_the_image():
    drawn = draw_boxes(blank(32, 32), [box(8.0, 16.0, 24.0, 28.0)])
    colour = class_colour("cat")
    assert drawn.shape == (320, 320, 3)
    assert tuple(drawn[220, 80]) == tuple(drawn[220, 239]) == colour
    assert tuple(drawn[279, 160]) == colour


@pytest.mark.parametrize("side", [64, 640, 2560])
def test_letters_grow_with_the_image(side):
    third = side / 3
    drawn = draw_boxes(blank(side, side), [box(third, third, 2 * third, 2 * third)])
    _, top, _, _ = changed(drawn, np.full_like(drawn, 90))
    height = drawn.shape[0] / 3 - top
    assert height >= 12
    assert 0.02 <= height / drawn.shape[0] <= 0.08


def test_no_two_of_twenty_classes_look_alike():
    names = [f"class {number}" for number in range(20)]
    colours = [np.array(class_colour(name, names), float) for name in names]
    for one, other in itertools.combinations(colours, 2):
        assert np.abs(one - other).max() >= 40


def test_a_colour_is_the_classs_own_whatever_else_is_drawn():
    assert class_colour("b", ["a", "b"]) == class_colour("b", ("a", "b", "c"))
    assert class_colour("a", ["a", "b"]) != class_colour("b", ["a", "b"])
    assert class_colour("other") == class_colour("other", ["a", "b"])


def test_the_best_box_lies_on_top():
    boxes = [box(50.0, 50.0, 250.0, 250.0, "a", 0.9), box(50.0, 50.0, 250.0, 250.0)]
    names = ["a", "cat"]
    for some in (boxes, boxes[::-1]):
        drawn = draw_boxes(blank(), some, names)
        assert tuple(drawn[249, 150]) == class_colour("a", names)


def test_a_box_without_score_is_drawn_too():
    known = draw_boxes(blank(), [box(50.0, 50.0, 250.0, 250.0, score=None)])
    found = draw_boxes(blank(), [box(50.0, 50.0, 250.0, 250.0)])
    assert filled(known) < filled(found)  # the shorter label


@pytest.mark.parametrize("label", ["", "a" * 500, "tab\tand\nline", "猫 кошка", "🐈"])
def test_odd_class_names(label):
    image = blank()
    drawn = draw_boxes(image, [box(50.0, 90.0, 250.0, 250.0, label)])
    _, top, _, bottom = changed(drawn, image)
    assert top > 50 and bottom == 249  # one line


@needs_fonts
@pytest.mark.parametrize("label", ["кошка", "γάτα", "Kätzchen", "猫"])
def test_letters_beyond_ascii_are_written(label):
    place = (50.0, 90.0, 250.0, 250.0)
    drawn = draw_boxes(blank(), [box(*place, label)], [label])
    unknown = draw_boxes(blank(), [box(*place, "?" * len(label))], ["?" * len(label)])
    assert (drawn != unknown).any()


def test_an_opencv_of_ascii_alone_gets_the_nearest_letters(monkeypatch):
    monkeypatch.setattr(cv2, "__version__", "4.10.0")
    place = (50.0, 90.0, 250.0, 250.0)
    for name, nearest in (("Kätzchen", "Katzchen"), ("猫", "?")):
        drawn = draw_boxes(blank(), [box(*place, name)], [name])
        plain = draw_boxes(blank(), [box(*place, nearest)], [nearest])
        assert (drawn == plain).all()


def test_the_boxes_of_bccd_lie_on_its_cells(real_data):
    folder = real_data / "detection" / "BCCD"
    file = sorted(Path(folder, "Annotations").glob("*.xml"))[0]
    objects = [
        (item.findtext("name"), [float(part.text) for part in item.find("bndbox")])
        for item in ElementTree.parse(file).findall("object")
    ]
    image = cv2.imread(str(folder / "JPEGImages" / f"{file.stem}.jpg"))[..., ::-1]
    boxes = [box(*corners, label, None) for label, corners in objects]
    drawn = draw_boxes(image, boxes, ["RBC", "WBC", "Platelets"])
    assert drawn.shape == image.shape
    share = (drawn != image).any(axis=-1).mean()
    assert 0.02 < share < 0.25  # outlines and labels, not areas
