"""Pascal VOC folders."""

import numpy as np
import pytest
from helpers.box_folders import (
    check_table,
    problems_of,
    rows_by_name,
    voc_xml,
    write_image,
    write_voc,
)
from PIL import Image

from amalthea.data.boxes import load_boxes
from amalthea.errors import UserError


def test_a_folder_with_its_own_splits(tmp_path):
    images = {
        "a": [("red cell", 1, 1, 60, 40), ("dot", 11, 6, 20, 10, True)],
        "b": [],
        "c": [("dot", 5, 5, 9, 9)],
        "d": [("dot", 5, 5, 9, 9)],
        "e": [("dot", 2, 2, 9, 9)],
    }
    lists = {
        "train": ["a", "b"],
        "val": ["c.jpg"],
        "trainval": ["a", "b", "c"],
        "test": ["JPEGImages/d.jpg"],
        "dot_train": ["a  1", "b -1"],
    }
    table = load_boxes(write_voc(tmp_path / "set", images, lists))
    check_table(table)
    assert table.class_names == ("dot", "red cell")
    rows = rows_by_name(table)
    assert set(rows) == {"a", "b", "c", "d"}
    assert "1 images in no list" in table.description
    assert [table.splits[rows[name]] for name in "abcd"] == [
        *("train", "train", "val", "test")
    ]
    # Pixels are counted from 1 and the last is included.
    np.testing.assert_array_equal(
        table.boxes[rows["a"]], [[0, 0, 60, 40], [10, 5, 20, 10]]
    )
    assert table.classes[rows["a"]].tolist() == [1, 0]
    assert table.difficult[rows["a"]].tolist() == [False, True]
    assert table.boxes[rows["b"]].shape == (0, 4)
    assert table.problems == ()
    assert table.class_counts().tolist() == [3, 1]
    assert table.class_counts("train").tolist() == [1, 1]
    assert "4 images with 4 boxes of 2 classes: 2 train, 1 val, 1 test" in str(
        table.summary()
    )


def test_without_lists_the_content_splits(tmp_path):
    images = {f"{n}": [("cell", 1, 1, 9, 9)] * (n % 3 > 0) for n in range(12)}
    images["x"] = images["y"] = images["z"] = [("rare", 1, 1, 9, 9)] + images["1"]
    table = load_boxes(write_voc(tmp_path / "VOCdevkit" / "VOC2099", images).parent)
    assert set(table.splits) == {"train", "val", "test"}
    # The rarest class of an image speaks for it, so even this one is in each split.
    for split in ("train", "val", "test"):
        assert table.class_counts(split)[table.class_names.index("rare")] == 1


def test_validation_is_carved_from_training(tmp_path):
    images = {f"{number}": [("cell", 1, 1, 9, 9)] for number in range(12)}
    lists = {"trainval": list("0123456789"), "test": ["10", "11"]}
    table = load_boxes(write_voc(tmp_path / "set", images, lists))
    assert len(table.select("test")) == 2
    assert 1 <= len(table.select("val")) <= 4
    assert len(table.select("train")) + len(table.select("val")) == 10
    known = dict.fromkeys(table.keys.tolist(), "val")
    again = load_boxes(tmp_path / "set", known_splits=known)
    assert set(again.splits) == {"val", "test"}


def test_boxes_that_are_of_no_use(tmp_path):
    nan = "nan"
    images = {
        "a": [
            ("good", 1, 1, 9, 9),
            ("flat", 5, 5, 5, 5),
            ("flipped", 20, 5, 10, 9),
            ("nowhere", 100, 100, 120, 110),
            ("number", nan, 5, 8, 9),
            ("text", "left", 5, 8, 9),
            ("good", 1, 1, 9, 9),
            ("good", 0, -8, 70, 41),
            ("good", 0, 0, 60, 40),
        ]
    }
    table = load_boxes(write_voc(tmp_path / "set", images))
    check_table(table)
    assert table.class_names == ("good",)
    np.testing.assert_array_equal(table.boxes[0], [[0, 0, 9, 9], [0, 0, 60, 40]])
    texts = problems_of(table, "a.jpg").splitlines()
    assert [text.split(";")[0] for text in texts] == [
        "box 2 (flat) has no area",
        "box 3 (flipped) is inverted",
        "box 4 (nowhere) has no area inside the image",
        "box 5 (number) has a coordinate that is no number",
        "box 6 (text) has a coordinate that is no number",
        "box 7 (good) is a copy of another",
        "box 8 (good) reaches 10 pixels out of the image",
        # Beyond by one pixel only, as where pixels were counted from 0.
        "box 9 (good) is a copy of another",
    ]


def test_images_and_annotations_without_each_other(tmp_path):
    images = {name: [("cell", 1, 1, 9, 9)] for name in "abcdef"}
    lists = {"train": [*"abcde", "ghost"], "val": ["e", "f"]}
    root = write_voc(tmp_path / "set", images, lists)
    (root / "JPEGImages" / "a.jpg").unlink()
    (root / "Annotations" / "b.xml").write_text("<annotation><object>")
    (root / "JPEGImages" / "c.jpg").write_bytes(b"no image")
    (root / "Annotations" / "d.xml").write_text(voc_xml(images["d"], 400, 600))
    (root / "Annotations" / "f.xml").write_text(voc_xml(images["f"], "?", "inf"))
    table = load_boxes(root)
    rows = rows_by_name(table)
    assert set(rows) == {"d", "e", "f"}
    assert "no such image" in problems_of(table, "a")
    assert "b.xml cannot be read" in problems_of(table, "b")
    assert "no image that can be read" in problems_of(table, "c")
    assert "no annotation" in problems_of(table, "ghost")
    assert "600 x 400" in problems_of(table, "d.jpg")
    assert table.sizes[rows["d"]].tolist() == [40, 60]
    assert table.boxes[rows["d"]].tolist() == [[0, 0, np.float32(0.9), np.float32(0.9)]]
    # What is listed twice is not trained on.
    assert table.splits[rows["e"]] == "val"
    assert "val and train" in problems_of(table, "e")
    assert table.select("val").problems == ()
    assert len(table.select("train").problems) == 1


def test_sizes_are_those_of_the_upright_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    root = write_voc(tmp_path / "set", {"a": [("cell", 1, 1, 40, 60)]})
    write_image(root / "JPEGImages" / "a.jpg", exif=exif)
    (root / "Annotations" / "a.xml").write_text(voc_xml([("c", 1, 1, 40, 60)], 60, 40))
    table = load_boxes(root)
    assert table.sizes.tolist() == [[60, 40]]
    assert table.boxes[0].tolist() == [[0, 0, 40, 60]]
    assert table.problems == ()


@pytest.mark.parametrize("encoding", ["gb2312", "no-such-encoding"])
def test_encodings_that_cannot_be_read(tmp_path, encoding):
    images = {name: [("cell", 1, 1, 9, 9)] for name in "ab"}
    root = write_voc(tmp_path / "set", images)
    xml = f'<?xml version="1.0" encoding="{encoding}"?>' + voc_xml(images["b"])
    (root / "Annotations" / "b.xml").write_text(xml)
    table = load_boxes(root)
    assert len(table) == 1
    assert "b.xml cannot be read" in problems_of(table, "b")


def test_file_names_in_annotations_are_a_last_resort(tmp_path):
    box = [("cell", 1, 1, 9, 9)]
    root = write_voc(tmp_path / "set", dict.fromkeys("abcdefg", box))
    for name, stated in {"a": "b", "c": "new", "d": "two", "e": "two"}.items():
        (root / "JPEGImages" / f"{name}.jpg").unlink()
        text = voc_xml(box, filename=f"{stated}.jpg")
        (root / "Annotations" / f"{name}.xml").write_text(text)
    write_image(root / "JPEGImages" / "new.jpg", seed=8)
    write_image(root / "JPEGImages" / "two.jpg", seed=9)
    table = load_boxes(root)
    assert set(rows_by_name(table)) == {"b", "f", "g", "new"}
    # `b` has an annotation of its own, and `two` would have two.
    assert {name for name, text in table.problems if "no such image" in text} == {
        *("a", "d", "e")
    }
    assert "; 1 images without annotation left out" in table.description


def test_images_without_annotation_and_hidden_files(tmp_path):
    root = write_voc(tmp_path / "set", {"a": [("cell", 1, 1, 9, 9)]})
    for number in range(3):
        write_image(root / "JPEGImages" / f"{number}.jpg", seed=number)
    (root / "Annotations" / "._a.xml").write_bytes(b"\0\5\x16\7")
    write_voc(tmp_path / ".ipynb_checkpoints", {"a": [("cell", 1, 1, 9, 9)]})
    table = load_boxes(tmp_path)
    assert "; 3 images without annotation left out" in table.description
    assert table.problems == ()


def test_several_sets_in_one_folder(tmp_path):
    for name in ("VOC2007", "VOC2012"):
        write_voc(tmp_path / name, {"a": [("cell", 1, 1, 9, 9)]})
    with pytest.raises(UserError, match="VOC2007, VOC2012. Name one"):
        load_boxes(tmp_path)


def test_bccd(real_data):
    table = load_boxes(real_data / "detection" / "BCCD")
    check_table(table)
    assert table.class_names == ("Platelets", "RBC", "WBC")
    assert len(table.select("train")) == 205
    assert len(table.select("val")) == 87
    # The two boxes without an area are both RBC.
    assert table.class_counts().tolist() == [292, 3350 - 2, 301]
    assert len(table.problems) == 2
    for name in ("BloodImage_00338", "BloodImage_00343"):
        assert "has no area" in problems_of(table, name)
