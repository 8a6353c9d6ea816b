"""COCO annotations in the layouts they are found in."""

import json

import numpy as np
import pytest
from helpers.box_folders import (
    check_table,
    coco_json,
    problems_of,
    rows_by_name,
    write_image,
    write_json,
)

from amalthea.data.boxes import load_boxes
from amalthea.data.boxes.coco import _load
from amalthea.errors import UserError

CELL = {"category": "cell", "bbox": [10, 5, 20, 30], "iscrowd": 0}


def images(*names, boxes=(CELL,)):
    return {name: list(boxes) for name in names}


def error_of(path):
    with pytest.raises(UserError) as caught:
        load_boxes(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_official_layout(tmp_path):
    dot = {"category": "a dot", "bbox": [0.5, 0.25, 3.5, 4], "iscrowd": 1}
    content = {"train2017": images("1.jpg", "2.jpg"), "val2017": {"3.jpg": [dot, CELL]}}
    content["train2017"]["4.jpg"] = []
    for seed, (part, listed) in enumerate(content.items()):
        annotations = coco_json(listed, ("cell", "a dot", "unused"))
        write_json(tmp_path / "annotations" / f"instances_{part}.json", annotations)
        for number, name in enumerate(listed):
            write_image(tmp_path / part / name, seed=10 * seed + number)
    write_json(tmp_path / "annotations" / "captions_train2017.json", {})
    table = load_boxes(tmp_path)
    check_table(table)
    assert table.class_names == ("cell", "a dot", "unused")
    rows = rows_by_name(table)
    assert [table.splits[rows[name]] for name in "1243"] == ["train"] * 3 + ["val"]
    assert table.boxes[rows["1"]].tolist() == [[10, 5, 30, 35]]
    assert table.boxes[rows["4"]].shape == (0, 4)
    np.testing.assert_array_equal(
        table.boxes[rows["3"]], [[0.5, 0.25, 4, 4.25], [10, 5, 30, 35]]
    )
    assert table.classes[rows["3"]].tolist() == [1, 0]
    assert table.crowd[rows["3"]].tolist() == [True, False]
    assert table.points is None
    assert table.problems == ()


def test_categories_are_ordered_by_their_ids(tmp_path):
    content = coco_json(images("1.jpg"), ("zebra", "cell"), first_id=50, step=-13)
    write_image(tmp_path / "images" / "1.jpg")
    write_json(tmp_path / "annotations.json", content)
    table = load_boxes(tmp_path)
    assert table.class_names == ("cell", "zebra")
    assert table.classes[0].tolist() == [0]


def test_one_file_and_a_folder(tmp_path):
    listed = images(*(f"{number}.png" for number in range(12)))
    for seed, name in enumerate(listed):
        write_image(tmp_path / "images" / name, seed=seed)
    file = write_json(tmp_path / "annotations.json", coco_json(listed))
    for spec in (tmp_path, file):
        table = load_boxes(spec)
        check_table(table)
        assert set(table.splits) == {"train", "val", "test"}


def test_the_name_of_a_single_file_says_no_split(tmp_path):
    listed = images(*(f"{number}.png" for number in range(12)))
    for seed, name in enumerate(listed):
        write_image(tmp_path / "val2017" / name, seed=seed)
    file = tmp_path / "annotations" / "instances_val2017.json"
    write_json(file, coco_json(listed))
    assert set(load_boxes(file).splits) == {"train", "val", "test"}


def test_exports_with_a_folder_for_each_split(tmp_path):
    group = {"name": "cells-abc", "supercategory": "none"}
    cell = {"name": "cell", "supercategory": "cells-abc"}
    for number, part in enumerate(("train", "valid", "test")):
        listed = images(f"{part}.jpg")
        write_image(tmp_path / part / f"{part}.jpg", seed=number)
        content = coco_json(listed, (group, cell), first_id=0, step=1)
        write_json(tmp_path / part / "_annotations.coco.json", content)
    table = load_boxes(tmp_path)
    # The group that all classes belong to is no class.
    assert table.class_names == ("cell",)
    rows = rows_by_name(table)
    assert [table.splits[rows[part]] for part in ("train", "valid", "test")] == [
        *("train", "val", "test")
    ]


def test_bad_annotations_are_named(tmp_path):
    boxes = [
        CELL,
        {"category": "cell", "bbox": [1, 2, -3, 4]},
        {"category": "cell", "bbox": [1, 2, 0, 4]},
        {"category": "cell", "bbox": [1, 2, float("nan"), 4]},
        {"category": "cell", "bbox": [1, 2, 3]},
        {"category": "cell"},
        {"category": "cell", "bbox": [50, 30, 30, 30]},
    ]
    content = coco_json({"1.jpg": boxes, "gone.jpg": [CELL]})
    content["annotations"] += [
        {"image_id": 1000, "category_id": 99, "bbox": [0, 0, 1, 1]},
        {"image_id": 5, "category_id": 7, "bbox": [0, 0, 1, 1]},
    ]
    content["images"][0] |= {"width": 61, "height": "x"}
    content["images"].append({"id": "1000", "file_name": "1.jpg"})
    content["annotations"][0]["category_id"] = "7"
    write_image(tmp_path / "1.jpg")
    table = load_boxes(write_json(tmp_path / "set.json", content))
    check_table(table)
    np.testing.assert_array_equal(table.boxes[0], [[10, 5, 30, 35], [50, 30, 60, 40]])
    texts = problems_of(table, "1.jpg").splitlines()
    assert sorted(text.split(";")[0] for text in texts) == [
        "a box has the unknown category 99",
        "box 2 (cell) is inverted",
        "box 3 (cell) has no area",
        "box 4 (cell) has a coordinate that is no number",
        "box 5 (cell) has a coordinate that is no number",
        "box 6 (cell) has a coordinate that is no number",
        "box 7 (cell) reaches 20 pixels out of the image",
        "its id is taken",
    ]
    assert "no such image" in problems_of(table, "gone.jpg")
    assert "1 annotations of images" in problems_of(table, "set.json")


def test_areas(tmp_path):
    boxes = [
        CELL | {"area": 300.5, "segmentation": [[10, 5, 30, 5, 30, 35]]},
        CELL | {"bbox": [50, 30, 30, 30], "area": 700},
        CELL | {"bbox": [0, 0, 4, 3]},
        CELL | {"bbox": [0, 0, 5, 0], "area": 9},
        CELL | {"bbox": [0, 0, 5, 3], "area": "?"},
    ]
    content = coco_json({"1.jpg": boxes, "2.jpg": [CELL], "3.jpg": []})
    for number in (1, 2, 3):
        write_image(tmp_path / f"{number}.jpg", seed=number)
    file = write_json(tmp_path / "set.json", content)
    table = load_boxes(file)
    rows = rows_by_name(table)
    # A box that is cut keeps its area.
    assert table.areas[rows["1"]].tolist() == [300.5, 700, 12, 15]
    assert table.areas[rows["2"]].tolist() == [600]
    assert table.areas[rows["3"]].shape == (0,)
    assert table.take([rows["2"]]).areas[0].tolist() == [600]
    for entry in content["annotations"]:
        entry.pop("area", None)
    assert load_boxes(write_json(file, content)).areas is None


def test_outlines_are_not_kept(tmp_path):
    content = coco_json({"1.jpg": [CELL | {"segmentation": [[1, 2, 3, 4, 5, 6]]}]})
    assert "segmentation" in content["annotations"][0]
    loaded = _load(write_json(tmp_path / "set.json", content))
    assert "segmentation" not in loaded["annotations"][0]
    assert loaded["annotations"][0]["bbox"] == CELL["bbox"]


def test_file_names_that_can_be_none(tmp_path):
    url = "https://example.org/" + "x" * 300
    content = coco_json(images("1.jpg", url, "nul\0.jpg"))
    write_image(tmp_path / "1.jpg")
    table = load_boxes(write_json(tmp_path / "set.json", content))
    assert len(table) == 1
    assert "no such image" in problems_of(table, "example.org")
    assert "no such image" in problems_of(table, "nul")


def test_categories_without_a_name(tmp_path):
    content = coco_json({"1.jpg": [CELL, CELL | {"category": ""}]}, ("cell", ""))
    write_image(tmp_path / "1.jpg")
    table = load_boxes(write_json(tmp_path / "set.json", content))
    assert table.class_names == ("cell",)
    assert problems_of(table, "1.jpg") == "box 2 has no class; it is left out"


def test_hidden_files_and_folders(tmp_path):
    for part in ("train", "valid", ".ipynb_checkpoints"):
        write_image(tmp_path / part / f"{part}.jpg", seed=len(part))
        content = coco_json(images(f"{part}.jpg"))
        write_json(tmp_path / part / "_annotations.coco.json", content)
    (tmp_path / "._annotations.coco.json").write_bytes(b"\0\5\x16\7")
    assert set(rows_by_name(load_boxes(tmp_path))) == {"train", "valid"}


def test_keypoints(tmp_path):
    person = {"name": "person", "keypoints": ["left eye", "nose"]}
    places = [[10, 12, 2, 0, 0, 0], [3, 4, 1, 7, 8, 2]]
    boxes = [
        {"category": "person", "bbox": [1, 1, 30, 30 + number], "keypoints": numbers}
        for number, numbers in enumerate(places)
    ]
    boxes.append({"category": "person", "bbox": [0, 0, 5, 5]})
    content = coco_json({"1.jpg": boxes}, (person,))
    write_image(tmp_path / "1.jpg")
    file = write_json(tmp_path / "set.json", content)
    table = load_boxes(file)
    check_table(table)
    assert table.point_names == ("left eye", "nose")
    # Whole numbers are those of pixels; their centres are half a pixel further.
    np.testing.assert_array_equal(
        table.points[0],
        [
            [[10.5, 12.5, 2], [0, 0, 0]],
            [[3.5, 4.5, 1], [7.5, 8.5, 2]],
            [[0, 0, 0], [0, 0, 0]],
        ],
    )
    content["annotations"][0]["keypoints"][0] = 10.25
    write_json(file, content)
    assert load_boxes(file).points[0][0, 0].tolist() == [10.25, 12, 2]


def test_files_that_are_no_coco(tmp_path):
    for text in ("{", "[]", '{"images": []}', '{"images": [1], "annotations": [], '):
        (tmp_path / "annotations.json").write_text(text)
        assert "annotations.json" in error_of(tmp_path)
    content = coco_json(images("1.jpg"))
    for name in ("first", "second"):
        write_json(tmp_path / "annotations" / f"{name}.json", content)
    assert "does not say train, val or test" in error_of(tmp_path)


def test_names_with_folders(tmp_path):
    content = coco_json(images("deep/1.jpg", "C:\\old\\2.jpg"))
    write_image(tmp_path / "images" / "deep" / "1.jpg")
    write_image(tmp_path / "images" / "2.jpg", seed=1)
    table = load_boxes(write_json(tmp_path / "annotations.json", content))
    assert set(rows_by_name(table)) == {"1", "2"}


def test_a_file_reads_the_same_as_by_pycocotools(tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    rng = np.random.default_rng(0)
    listed = {}
    for number in range(6):
        corners = rng.uniform(0, 20, (number, 2))
        boxes = np.concatenate([corners, rng.uniform(1, 19, (number, 2))], axis=1)
        listed[f"{number}.jpg"] = [
            {
                "category": ("cell", "dot")[rng.integers(2)],
                "bbox": box.tolist(),
                "iscrowd": int(rng.integers(2)),
            }
            for box in boxes
        ]
        write_image(tmp_path / f"{number}.jpg", seed=number)
    file = write_json(tmp_path / "set.json", coco_json(listed))
    table = load_boxes(file)
    oracle = coco.COCO(str(file))
    for image in oracle.dataset["images"]:
        row = rows_by_name(table)[image["file_name"].removesuffix(".jpg")]
        entries = oracle.loadAnns(oracle.getAnnIds(imgIds=image["id"]))
        boxes = table.boxes[row]
        np.testing.assert_allclose(
            np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1),
            np.reshape([entry["bbox"] for entry in entries], (-1, 4)),
            atol=1e-5,
        )
        names = [table.class_names[number] for number in table.classes[row]]
        assert names == [
            oracle.loadCats(entry["category_id"])[0]["name"] for entry in entries
        ]
        assert table.crowd[row].tolist() == [bool(e["iscrowd"]) for e in entries]
    assert json.loads(file.read_text())["categories"][1]["id"] == 17
