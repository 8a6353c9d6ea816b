"""The text files of YOLO in the layouts they are found in."""

import numpy as np
import pytest
from helpers.box_folders import check_table, problems_of, rows_by_name, write_image

from amalthea.data.boxes import load_boxes
from amalthea.errors import UserError

LINE = "1 0.5 0.5 0.2 0.4\n"  # in 60 x 40 pixels: 24, 12, 36, 28


def write(image, labels=LINE, seed=0, folder="labels"):
    """Writes an image and its labels, in `labels` for `images` or beside it."""
    write_image(image, seed=seed)
    if labels is not None:
        parts = [folder if part == "images" else part for part in image.parts]
        file = type(image)(*parts).with_suffix(".txt")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(labels)


def error_of(path):
    with pytest.raises(UserError) as caught:
        load_boxes(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_images_and_labels(tmp_path):
    write(tmp_path / "images" / "train" / "a.jpg", LINE + "0 0.25 0.25 0.5 0.5\n")
    write(tmp_path / "images" / "train" / "b.jpg", "", seed=1)
    write(tmp_path / "images" / "val" / "c.jpg", None, seed=2)
    (tmp_path / "classes.txt").write_text("red cell\ndot\n\n")
    table = load_boxes(tmp_path)
    check_table(table)
    assert table.class_names == ("red cell", "dot")
    rows = rows_by_name(table)
    np.testing.assert_allclose(
        table.boxes[rows["a"]], [[24, 12, 36, 28], [0, 0, 30, 20]], atol=1e-5
    )
    assert table.classes[rows["a"]].tolist() == [1, 0]
    assert len(table.boxes[rows["b"]]) == len(table.boxes[rows["c"]]) == 0
    assert [table.splits[rows[name]] for name in "abc"] == ["train", "train", "val"]
    assert "1 images without a label file" in table.description


def test_without_splits(tmp_path):
    for number in range(12):
        write(tmp_path / "images" / f"{number}.jpg", seed=number)
    (tmp_path / "labels" / "classes.txt").write_text("cell\ndot\n")
    table = load_boxes(tmp_path)
    assert len(table) == 12
    assert set(table.splits) == {"train", "val", "test"}
    assert table.problems == ()


@pytest.mark.parametrize("with_config", [True, False])
def test_a_folder_for_each_split(tmp_path, with_config):
    for number, part in enumerate(("train", "valid", "test")):
        write(tmp_path / part / "images" / f"{part}.jpg", seed=number)
    if with_config:
        (tmp_path / "data.yaml").write_text(
            "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n"
            "nc: 2\nnames: ['cell', 'dot']\n"
        )
    else:
        (tmp_path / "obj.names").write_text("cell\ndot\n")
    table = load_boxes(tmp_path)
    check_table(table)
    rows = rows_by_name(table)
    assert [table.splits[rows[part]] for part in ("train", "valid", "test")] == [
        *("train", "val", "test")
    ]


def test_a_config_elsewhere_with_lists_of_files(tmp_path):
    write(tmp_path / "sets" / "blood" / "images" / "a.jpg")
    write(tmp_path / "sets" / "blood" / "images" / "b.jpg", seed=1)
    # What no list names is left alone.
    write(tmp_path / "sets" / "blood" / "images" / "c.jpg", seed=2)
    listed = tmp_path / "sets" / "blood" / "val.txt"
    listed.write_text("./images/b.jpg\n\nimages/gone.jpg\n")
    (tmp_path / "sets" / "blood" / "train.txt").write_text(
        str(tmp_path / "sets" / "blood" / "images" / "a.jpg")
    )
    config = tmp_path / "blood.yaml"
    config.write_text(
        "path: sets/blood\ntrain: train.txt\nval: [val.txt]\ntest: nowhere\n"
        "names:\n  0: cell\n  1: dot\n"
    )
    table = load_boxes(config)
    rows = rows_by_name(table)
    assert [table.splits[rows[name]] for name in "ab"] == ["train", "val"]
    assert table.boxes[rows["b"]].shape == (1, 4)
    assert "no such image" in problems_of(table, "gone")
    assert len(table.problems) == 2
    assert "`test` there is no nowhere" in problems_of(table, "blood.yaml")


def test_darknet_folders_and_files_side_by_side(tmp_path):
    write(tmp_path / "cvat" / "obj_train_data" / "a.jpg")
    write(tmp_path / "cvat" / "obj_valid_data" / "b.jpg", seed=1)
    (tmp_path / "cvat" / "obj.names").write_text("cell\ndot\n")
    table = load_boxes(tmp_path / "cvat")
    assert table.splits.tolist() == ["train", "val"]
    write(tmp_path / "flat" / "a.jpg")
    (tmp_path / "flat" / "classes.txt").write_text("cell\ndot\n")
    table = load_boxes(tmp_path / "flat")
    assert len(table.boxes[0]) == 1
    assert table.problems == ()


def test_polygons_become_their_boxes(tmp_path):
    polygon = "0 0.1 0.5 0.3 0.25 0.2 0.75 0.15 0.6\n"
    write(tmp_path / "images" / "a.jpg", polygon + LINE)
    (tmp_path / "classes.txt").write_text("cell\ndot\n")
    np.testing.assert_allclose(
        load_boxes(tmp_path).boxes[0], [[6, 10, 18, 30], [24, 12, 36, 28]], atol=1e-5
    )


def test_points(tmp_path):
    points = "0 0.5 0.5 1 1 0.1 0.2 2 0 0 0\n"
    write(tmp_path / "images" / "a.jpg", points)
    config = tmp_path / "data.yaml"
    config.write_text("train: images\nnames: [face]\nkpt_shape: [2, 3]\n")
    table = load_boxes(tmp_path)
    check_table(table)
    np.testing.assert_allclose(table.points[0], [[[6, 8, 2], [0, 0, 0]]], atol=1e-5)
    config.write_text("train: images\nnames: [face]\nkpt_shape: [3, 2]\n")
    np.testing.assert_allclose(
        load_boxes(tmp_path).points[0],
        [[[6, 8, 2], [120, 0, 2], [0, 0, 0]]],
        atol=1e-5,
    )
    config.write_text("train: images\nnames: [face]\nkpt_shape: 3\n")
    assert "kpt_shape" in error_of(tmp_path)


def test_bad_lines_are_named(tmp_path):
    lines = [
        LINE.strip(),
        "2 0.5 0.5 0.2 0.4",
        "0.5 0.5 0.5 0.2 0.4",
        "-1 0.5 0.5 0.2 0.4",
        "nan 0.5 0.5 0.2 0.4",
        "0 0.5 0.5 0.2",
        "0 0.5 x 0.2 0.4",
        "",
        "0 0.5 0.5 0.2 0",
        "0 0.5 0.5 nan 0.1",
        "0 0.9 0.5 0.4 0.4",
    ]
    write(tmp_path / "images" / "a.jpg", "\n".join(lines))
    write(tmp_path / "images" / "b.jpg", seed=1)
    (tmp_path / "images" / "b.jpg").unlink()
    (tmp_path / "classes.txt").write_text("cell\ndot\n")
    table = load_boxes(tmp_path)
    check_table(table)
    np.testing.assert_allclose(
        table.boxes[0], [[24, 12, 36, 28], [42, 12, 60, 28]], atol=1e-5
    )
    texts = problems_of(table, "a.jpg").splitlines()
    assert [text.split(";")[0] for text in texts] == [
        "line 2 has the class 2, of 2",
        "line 3 has the class 0.5, of 2",
        "line 4 has the class -1, of 2",
        "line 5 has the class nan, of 2",
        "line 6 has 4 numbers",
        "line 7 has something that is no number",
        "box 2 (cell) has no area",
        "box 3 (cell) has a coordinate that is no number",
        "box 4 (cell) reaches 6 pixels out of the image",
    ]
    assert "not there" in problems_of(table, "b.txt")


def test_sets_that_lack_something(tmp_path):
    write(tmp_path / "images" / "a.jpg")
    assert "what its classes are called" in error_of(tmp_path)
    (tmp_path / "data.yaml").write_text("train: images\nnames: {1: a, 2: b}\n")
    assert "from 0" in error_of(tmp_path)
    (tmp_path / "data.yaml").write_text("train: images\nnames: [a, b]\n")
    (tmp_path / "labels" / "a.txt").unlink()
    assert "a.txt is the first missing" in error_of(tmp_path)
    (tmp_path / "images" / "a.jpg").unlink()
    assert "has no images" in error_of(tmp_path)


def test_one_folder_for_training_and_validation_is_divided(tmp_path):
    for number in range(12):
        write(tmp_path / "images" / f"{number}.jpg", seed=number)
    (tmp_path / "data.yaml").write_text("train: images\nval: images\nnames: [a, b]\n")
    table = load_boxes(tmp_path)
    assert set(table.splits) == {"train", "val", "test"}
    assert "`val` is another part too: images" in problems_of(table, "data.yaml")


def test_lists_of_files_with_a_relative_name(tmp_path, monkeypatch):
    write(tmp_path / "sets" / "images" / "a.jpg")
    lists = tmp_path / "sets" / "lists"
    lists.mkdir()
    (lists / "train.txt").write_text("../images/a.jpg\n" + "x" * 300 + ".jpg\n")
    (tmp_path / "sets" / "data.yaml").write_text(
        "train: lists/train.txt\nnames: [a, b]\n"
    )
    for folder, spec in (
        (tmp_path, "sets/data.yaml"),
        (tmp_path / "sets", "data.yaml"),
        (tmp_path / "sets", "."),
    ):
        monkeypatch.chdir(folder)
        table = load_boxes(spec)
        assert table.names == ["images/a.jpg"]
        assert len(table.boxes[0]) == 1
        assert "no such image" in problems_of(table, "xxx")


def test_folders_above_the_data_say_nothing(tmp_path):
    root = tmp_path / "images" / "labels" / "flat"
    for number in range(2):
        write_image(root / f"{number}.jpg", seed=number)
        (root / f"{number}.txt").write_text(LINE)
    (root / "notes.txt").write_text("Cells.")
    (root / "classes.txt").write_text("cell\ndot\n")
    table = load_boxes(root)
    assert [len(boxes) for boxes in table.boxes] == [1, 1]
    assert table.problems == ()


def test_labels_beside_images_in_a_folder_of_images(tmp_path):
    write_image(tmp_path / "images" / "a.jpg")
    (tmp_path / "images" / "a.txt").write_text(LINE)
    (tmp_path / "data.yaml").write_text("train: images\nnames: [a, b]\n")
    assert len(load_boxes(tmp_path).boxes[0]) == 1


@pytest.mark.parametrize("with_config", [True, False])
def test_hidden_folders(tmp_path, with_config):
    for number, part in enumerate(("train", "val")):
        write(tmp_path / "images" / part / f"{part}.jpg", seed=number)
        hidden = tmp_path / "images" / part / ".ipynb_checkpoints"
        write_image(hidden / f"{part}-checkpoint.jpg", seed=9)
    write_image(tmp_path / "images" / ".ipynb_checkpoints" / "x.jpg")
    if with_config:
        (tmp_path / "data.yaml").write_text(
            "train: images/train\nval: images/val\nnames: [a, b]\n"
        )
    else:
        (tmp_path / "classes.txt").write_text("a\nb\n")
    (tmp_path / "._data.yaml").write_bytes(b"\0\5\xff\7")
    table = load_boxes(tmp_path)
    assert table.names == ["images/train/train.jpg", "images/val/val.jpg"]
    assert table.splits.tolist() == ["train", "val"]


def test_images_beside_the_folders_of_splits_are_named(tmp_path):
    write(tmp_path / "images" / "train" / "a.jpg")
    write(tmp_path / "images" / "b.jpg", seed=1)
    (tmp_path / "classes.txt").write_text("a\nb\n")
    table = load_boxes(tmp_path)
    assert table.names == ["images/train/a.jpg"]
    assert "none of the folders" in problems_of(table, "images/b.jpg")


def test_classes_of_the_same_name_are_refused(tmp_path):
    write(tmp_path / "images" / "a.jpg")
    (tmp_path / "data.yaml").write_text("train: images\nnames: [cell, dot, cell]\n")
    assert "2 classes called 'cell'" in error_of(tmp_path)
