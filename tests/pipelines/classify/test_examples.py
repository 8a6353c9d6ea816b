"""The real images that a run keeps for its exports."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.images import encode
from PIL import Image

from amalthea import UserError
from amalthea.data.images import load_images
from amalthea.pipelines import ImageClassification, examples
from amalthea.pipelines.examples import keep_examples, read_examples
from amalthea.pipelines.run_folder import RunFolder


@pytest.fixture
def photos(tmp_path):
    """40 small images in two classes; every fourth is no image."""
    for number in range(40):
        folder = tmp_path / "photos" / ("a" if number < 20 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (8, 8), (number * 6, 0, 0))
        content = b"no image" if number % 4 == 3 else encode(image, "PNG")
        (folder / f"{number:02}.png").write_bytes(content)
    return load_images(tmp_path / "photos")


def is_png(contents):
    return [content.startswith(b"\x89PNG") for content in contents]


def test_readable_images_of_all_classes_are_kept(photos, tmp_path):
    run = RunFolder(tmp_path)
    count = keep_examples(run, photos, is_png)
    kept = read_examples(run)
    assert len(kept) == count and 20 <= count <= 32
    assert all(is_png(kept.values()))
    there = list(photos.contents())
    labels = {photos.labels[there.index(content)] for content in kept.values()}
    assert labels == {0, 1}


def test_their_size_is_bounded_but_one_is_always_kept(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "MAX_BYTES", 10)
    run = RunFolder(tmp_path)
    assert keep_examples(run, photos, is_png) == 1


def test_where_none_is_readable_nothing_is_written(photos, tmp_path):
    run = RunFolder(tmp_path)
    rows = [row for row in range(40) if row % 4 == 3]
    assert keep_examples(run, photos.take(rows), is_png) == 0
    assert not run.examples.exists() and read_examples(run) is None


def test_a_run_keeps_test_images(digits_run, digits_task):
    kept = read_examples(digits_task.run)
    test = list(load_images("digits").select("test").contents())
    assert len(kept) == 32 and set(kept.values()) <= set(test)


def test_a_run_without_examples_takes_them_from_its_data(digits_run, tmp_path):
    shutil.copytree(digits_run, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "examples")
    task = ImageClassification.load(tmp_path / "run")
    given = task._examples()
    assert given["serving_default"]["image_bytes"].shape == (32,)
    assert given["pixels"]["pixels"].shape == (32, 8, 8, 1)
    assert given["pixels"]["pixels"].dtype == np.uint8
    assert len(read_examples(task.run)) == 32


def copy_run(digits_run, tmp_path):
    return Path(shutil.copytree(digits_run, tmp_path / "run")) / "examples"


def test_a_users_own_examples_are_kept_and_shipped(digits_run, tmp_path):
    folder = copy_run(digits_run, tmp_path)
    for file in folder.iterdir():
        file.unlink()
    mine = encode(Image.new("L", (8, 8), 77), "PNG")
    (folder / "mine.png").write_bytes(mine)
    (folder / ".DS_Store").write_bytes(b"no image")
    task = ImageClassification.train(
        "digits", tmp_path / "run", epochs=13, resume=True, quiet=True
    )
    assert task._examples()["serving_default"]["image_bytes"].tolist() == [mine]


def test_where_a_user_wants_none_none_is_shipped(digits_run, tmp_path):
    folder = copy_run(digits_run, tmp_path)
    for file in folder.iterdir():
        file.unlink()
    task = ImageClassification.load(tmp_path / "run")
    version = task.export(tmp_path / "models", "digits")
    assert not (version / "assets.extra" / "tf_serving_warmup_requests").exists()
    assert not (version / "example.json").exists()
    assert not list(folder.iterdir())


def test_a_file_among_the_examples_that_is_no_image(digits_run, tmp_path):
    (copy_run(digits_run, tmp_path) / "0 notes.txt").write_text("mine")
    task = ImageClassification.load(tmp_path / "run")
    with pytest.raises(UserError, match="notes.txt: not an image.*Remove it"):
        task.export(tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_model_card_names_the_data_but_no_path(digits_task, tmp_path):
    version = digits_task.export(tmp_path, "digits")
    card = (version / "MODEL_CARD.md").read_text()
    assert "digits: 1,261 train, 266 val, 270 test images; 10 classes: 0, 1, " in card
