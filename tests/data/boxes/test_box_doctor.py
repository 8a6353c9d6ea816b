"""The examination of images with boxes, and the sheet that shows them."""

import dataclasses
import shutil

import numpy as np
import pytest
from helpers.box_folders import voc_xml, write_image, write_voc
from helpers.images import encode, noise, pixels
from matplotlib.figure import Figure

from amalthea.data.boxes import examine_boxes, load_boxes
from amalthea.data.boxes.contact_sheet import _decode, _draw, contact_sheet
from amalthea.errors import UserError

BOXES = [("ant", 1, 1, 20, 20), ("bee", 21, 11, 50, 40)]


def finding(report, words):
    found = [each for each in report.findings if words in each.what]
    assert len(found) == 1, [each.what for each in report.findings]
    return found[0]


@pytest.fixture
def healthy(tmp_path):
    """24 images for training, 3 each for validation and test."""
    names = [f"{number:02}" for number in range(30)]
    lists = {"train": names[:24], "val": names[24:27], "test": names[27:]}
    return write_voc(tmp_path / "set", dict.fromkeys(names, BOXES), lists)


def test_healthy_data_has_no_findings(healthy):
    report = examine_boxes(load_boxes(healthy))
    assert report.findings == ()
    assert report.lines()[-1] == "ready for training (nothing found)"
    assert "anchors: 9 fitted ones cover 100.0% of the boxes" in str(report.summary)


def test_problems_and_unreadable_images(healthy):
    for name, contents in (
        ("03", encode(noise(), "JPEG")[:-900]),
        ("04", b"no image"),
    ):
        (healthy / "JPEGImages" / f"{name}.jpg").write_bytes(contents)
    flat = [*BOXES, ("ant", 5, 5, 5, 9)]
    (healthy / "Annotations" / "05.xml").write_text(voc_xml(flat))
    report = examine_boxes(load_boxes(healthy))
    unreadable = finding(report, "cannot be read")
    assert "1 of 29" in unreadable.what and "damaged JPEG" in unreadable.where[0]
    problems = finding(report, "2 problems in the annotations of 2 images")
    assert "04: is no image" in problems.where[0].replace(".jpg", "").replace(
        "JPEGImages/", ""
    )
    assert "has no area" in problems.where[1]
    assert not report.fatal


def test_classes_and_splits(healthy):
    rare = [*BOXES, ("cat", 30, 1, 40, 9)]
    (healthy / "Annotations" / "24.xml").write_text(voc_xml(rare))
    for number in range(5, 24):
        (healthy / "Annotations" / f"{number:02}.xml").write_text(
            voc_xml([("ant", x, 1, x + 9, 30) for x in range(1, 41, 4)])
        )
    for number in (27, 28, 29):
        (healthy / "Annotations" / f"{number}.xml").write_text(voc_xml([]))
    report = examine_boxes(load_boxes(healthy))
    assert finding(report, "in the split 'train', which will never").where == ("cat",)
    assert finding(report, "the split 'test' has no boxes").severity == "warning"
    assert finding(report, "fewer than 20 boxes").where == ("bee: 5",)
    # 19 images of 10 ants and 5 of 1, against 5 bees
    assert "39 times" in finding(report, "the largest class").what
    assert "3 of 30 images have no boxes" in finding(report, "no boxes; they").what
    report = examine_boxes(load_boxes(healthy).select("val"))
    assert finding(report, "the split 'train'").severity == "error"
    assert report.fatal


def test_training_without_boxes_is_fatal(healthy):
    for number in range(24):
        (healthy / "Annotations" / f"{number:02}.xml").write_text(voc_xml([]))
    report = examine_boxes(load_boxes(healthy))
    assert finding(report, "the split 'train' has no boxes").severity == "error"


def test_copies(healthy):
    images = healthy / "JPEGImages"
    shutil.copy(images / "00.jpg", images / "29.jpg")
    shutil.copy(images / "01.jpg", images / "02.jpg")
    (healthy / "Annotations" / "02.xml").write_text(voc_xml(BOXES[:1]))
    report = examine_boxes(load_boxes(healthy))
    (line,) = finding(report, "more than one split").where
    assert "00.jpg" in line and "29.jpg" in line
    (line,) = finding(report, "with different boxes").where
    assert "01.jpg" in line and "02.jpg" in line


def test_tiny_boxes_and_crowds(healthy):
    crowd = [
        ("ant", x, y, x + 2, y + 4) for x in range(1, 58, 4) for y in range(1, 36, 4)
    ]
    (healthy / "Annotations" / "07.xml").write_text(voc_xml(crowd))
    table = load_boxes(healthy)
    report = examine_boxes(table)
    assert f"{len(crowd)} of" in finding(report, "a side below 4 pixels").what
    crowded = finding(report, "more than 100 boxes")
    assert crowded.where == (f"JPEGImages/07.jpg: {len(crowd)}",)
    # At twice the size they are not tiny.
    report = examine_boxes(table, height=80, width=120)
    assert not [each for each in report.findings if "a side below" in each.what]
    report = examine_boxes(table, height=8, width=12)
    tiny = finding(report, "at the input of 12 x 8")
    assert tiny.severity == "warning"


def test_anchors_that_do_not_fit(healthy):
    table = load_boxes(healthy)
    report = examine_boxes(table, height=80, width=120, anchors=[[40, 40], [60, 60]])
    assert report.findings == ()
    assert "the 2 given ones cover 100.0%" in report.summary[-1]
    report = examine_boxes(table, height=40, width=60, anchors=[[200, 200]])
    poor = finding(report, "the anchors cover 0.0%")
    assert poor.severity == "warning" and "20 x 20" in poor.where[0]


def test_how_many_anchors_are_fitted(healthy):
    table = load_boxes(healthy)
    report = examine_boxes(table, anchor_count=1)
    assert "anchors: 1 fitted ones cover" in report.summary[-1]
    report = examine_boxes(table, anchors=[[20, 20], [30, 30], [9, 9]])
    assert "anchors: 3 fitted ones cover" in report.summary[-2]
    assert "the 3 given ones cover" in report.summary[-1]
    report = examine_boxes(table, anchor_count=0)
    assert not [line for line in report.summary if "anchors:" in line]


def test_no_image_at_all(healthy):
    for path in (healthy / "JPEGImages").iterdir():
        path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(UserError, match="none of its 30 images can be decoded"):
        examine_boxes(load_boxes(healthy))


def test_the_sheet_shows_boxes(tmp_path):
    root = write_voc(tmp_path / "set", {n: [] for n in "abc"} | {"d": BOXES})
    for name in "ab":
        write_image(root / "JPEGImages" / f"{name}.jpg", 10, 10)
        (root / "Annotations" / f"{name}.xml").write_text(voc_xml([], 10, 10))
    (root / "JPEGImages" / "c.jpg").write_bytes(encode(noise(), "JPEG")[:-900])
    table = load_boxes(root)
    contents = contact_sheet(table, tmp_path / "out" / "sheet.png", count=4)
    assert (tmp_path / "out" / "sheet.png").read_bytes() == contents
    sheet = pixels(contents).astype(int)
    # The one image with both classes is drawn, so their colours are there.
    for colour in ((31, 119, 180), (255, 127, 14)):
        assert (np.abs(sheet - colour).max(axis=2) < 4).sum() > 20
    assert sheet.shape[1] > 700
    assert contact_sheet(table, count=4) == contents
    assert len(pixels(contact_sheet(table.take([0])))) > 100
    with pytest.raises(UserError, match="none of its images"):
        contact_sheet(table.take([2]))


def test_images_of_the_sheet_are_thinned_out(tmp_path):
    root = write_voc(tmp_path / "set", {"a": []} | {"b": BOXES})
    write_image(root / "JPEGImages" / "a.jpg", 700, 1000)
    (root / "Annotations" / "a.xml").write_text(voc_xml([], 700, 1000))
    table = load_boxes(root)
    (_, large), (_, small) = _decode(table, [0, 1])
    assert large.shape == (234, 334, 3) and large.base is None
    assert small.shape == (40, 60, 3)
    axes = Figure().add_subplot()
    _draw(axes, table, 0, large)
    # Boxes are drawn in pixels of the image as it was.
    assert list(axes.images[0].get_extent()) == [0, 1000, 700, 0]


def test_the_sheet_shows_names_and_points_of_any_kind():
    table = load_boxes("digit-on-photo").take(range(12))
    names = tuple("$été_^\\" + name for name in table.class_names)
    contact_sheet(dataclasses.replace(table, class_names=names), count=3)


def test_bccd(real_data):
    table = load_boxes(real_data / "detection" / "BCCD")
    report = examine_boxes(table.take(range(0, 292, 6)), height=416, width=416)
    assert "anchors: 9 fitted ones cover" in report.summary[-1]
    assert "test" in finding(report, "has no readable images").what
