"""What `--data` can name where boxes are wanted, and the line a mistake ends in."""

import numpy as np
import pytest
from helpers.box_folders import (
    coco_json,
    problems_of,
    write_image,
    write_json,
    write_voc,
)
from helpers.images import encode, noise

from amalthea.data.boxes import load_boxes
from amalthea.errors import UserError


def error_of(spec, **options):
    with pytest.raises(UserError) as caught:
        load_boxes(spec, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_mistakes_end_in_one_line(tmp_path):
    assert "digits-on-photos" in error_of("digits-on-photoz")
    assert "Pascal VOC" in error_of(tmp_path)
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "1.png").write_bytes(encode(noise()))
    assert "Pascal VOC" in error_of(tmp_path)
    (tmp_path / "file.txt").write_text("x")
    assert "no data set" in error_of(tmp_path / "file.txt")
    assert "tfds:" in error_of("tfds:no_such_set_anywhere", data_dir=tmp_path)


def test_two_formats_in_one_folder(tmp_path):
    write_voc(tmp_path, {"a": [("cell", 1, 1, 9, 9)]})
    content = coco_json({"a.jpg": [{"category": "cell", "bbox": [0, 0, 9, 9]}]})
    write_json(tmp_path / "Annotations" / "instances_all.json", content)
    assert "Pascal VOC and COCO" in error_of(tmp_path)
    table = load_boxes(tmp_path / "Annotations" / "instances_all.json")
    assert table.boxes[0].tolist() == [[0, 0, 9, 9]]


def test_classes_of_a_run_keep_their_order(tmp_path):
    root = write_voc(
        tmp_path / "set", {"a": [("bee", 1, 1, 9, 9), ("ant", 1, 1, 5, 5)]}
    )
    table = load_boxes(root, class_names=("cat", "bee", "ant"))
    assert table.class_names == ("cat", "bee", "ant")
    assert table.classes[0].tolist() == [1, 2]
    assert "'bee', which the model does not know" in error_of(
        root, class_names=("ant", "cat")
    )


def test_a_single_class_will_do(tmp_path):
    table = load_boxes(write_voc(tmp_path / "set", {"a": [("ant", 1, 1, 9, 9)]}))
    assert table.class_names == ("ant",)


def test_sets_without_boxes_or_images(tmp_path):
    assert "no boxes of use" in error_of(write_voc(tmp_path / "set", {"a": []}))
    root = write_voc(tmp_path / "other", {"a": [("ant", 1, 1, 9, 9)]})
    (root / "JPEGImages" / "a.jpg").unlink()
    assert "The first problem is a: there is no such image" in error_of(root)


def test_boxes_without_a_class_are_left_out(tmp_path):
    images = {"a": [("ant", 1, 1, 9, 9), (" ", 1, 1, 9, 9)], "b": [("", 1, 1, 9, 9)]}
    table = load_boxes(write_voc(tmp_path / "set", images))
    assert sorted(map(len, table.boxes)) == [0, 1]
    assert problems_of(table, "a.jpg") == "box 2 has no class; it is left out"
    del images["a"]
    text = error_of(write_voc(tmp_path / "other", images))
    assert "no boxes of use" in text and "b.jpg: box 1 has no class" in text


def test_ill_named_classes_are_refused(tmp_path):
    root = write_voc(tmp_path / "set", {"a": [("ant", 1, 1, 9, 9)]})
    assert "a class called ''" in error_of(root, class_names=("ant", ""))
    assert "2 classes called 'bee'" in error_of(root, class_names=("bee", "ant", "bee"))


def test_splits_of_a_run_are_kept(tmp_path):
    root = write_voc(tmp_path / "set", {n: [("ant", 1, 1, 9, 9)] for n in "abcdef"})
    keys = load_boxes(root).keys.tolist()
    table = load_boxes(root, known_splits=dict.fromkeys(keys, "test"))
    assert set(table.splits) == {"test"}
    with pytest.raises(UserError, match="has no split 'dev'"):
        table.select("dev")


def test_crowded_images(tmp_path):
    rng = np.random.default_rng(0)
    corners = rng.integers(1, 30, (300, 2))
    sides = rng.integers(1, 10, (300, 2))
    boxes = np.unique(np.concatenate([corners, corners + sides], axis=1), axis=0)
    root = write_voc(tmp_path, {"a": [("dot", *box) for box in boxes.tolist()]})
    write_image(root / "JPEGImages" / "a.jpg")
    table = load_boxes(root)
    assert len(table.boxes[0]) == len(boxes) > 250
    np.testing.assert_array_equal(table.boxes[0], boxes - [1, 1, 0, 0])
