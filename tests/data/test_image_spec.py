"""What `--data` can name, and the one line a mistake ends in."""

import csv
import gzip
import os
import struct

import numpy as np
import pytest
from helpers.images import encode, noise, pixels

from amalthea.data.images import load_images
from amalthea.errors import UserError


def write_classes(root, classes=("ant", "bee"), each=6, seed=0):
    """Writes `each` PNG files per class folder; returns the root."""
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for index in range(each):
            image = noise(12, 16, seed=seed + 1000 * number + index)
            (root / name / f"{index}.png").write_bytes(encode(image))
    return root


def write_idx(path, array):
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    data = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def error_of(spec, **options):
    with pytest.raises(UserError) as caught:
        load_images(spec, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    digits = load_digits()
    table = load_images("digits")
    assert table.class_names == tuple("0123456789")
    np.testing.assert_array_equal(table.labels, digits.target)
    assert table.pixels.shape == (1797, 8, 8, 1)
    np.testing.assert_allclose(table.pixels[..., 0], digits.images * 255 / 16, atol=0.5)
    assert set(table.splits) == {"train", "val", "test"}


def test_class_folders(tmp_path):
    root = write_classes(tmp_path / "photos", ("été", "a b"))
    (root / "a b" / "deeper").mkdir()
    (root / "a b" / "deeper" / "X.JPG").write_bytes(encode(noise(), "JPEG"))
    (root / "a b" / "notes.txt").write_text("no image")
    (root / "a b" / ".hidden.png").write_bytes(b"")
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX" / "1.png").write_bytes(b"")
    table = load_images(str(root))
    assert table.class_names == ("a b", "été")
    assert table.class_counts().tolist() == [7, 6]
    assert os.path.join("a b", "deeper", "X.JPG") in table.names
    assert "1 file" in table.description
    assert sum(len(table.select(split)) for split in ("train", "val", "test")) == 13


def test_splits_do_not_depend_on_names(tmp_path):
    first = load_images(write_classes(tmp_path / "one"))
    second_root = write_classes(tmp_path / "two")
    for path in list(second_root.glob("*/*.png")):
        path.rename(path.with_name(f"renamed-{9 - int(path.stem)}.png"))
    second = load_images(second_root)
    assert dict(zip(first.keys, first.splits, strict=True)) == dict(
        zip(second.keys, second.splits, strict=True)
    )


def test_split_folders(tmp_path):
    write_classes(tmp_path / "Training", each=10)
    write_classes(tmp_path / "testing", each=3, seed=500)
    table = load_images(tmp_path)
    assert len(table.select("test")) == 6
    # Validation is carved from training.
    assert len(table.select("train")) + len(table.select("val")) == 20
    assert 2 <= len(table.select("val")) <= 8
    write_classes(tmp_path / "valid", each=4, seed=700)
    table = load_images(tmp_path)
    assert len(table.select("train")) == 20
    assert len(table.select("val")) == 8


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("separator", ["-", "."])
def test_idx_files(tmp_path, ending, separator):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 5, 4), dtype=np.uint8)
    labels = np.arange(40) % 4
    for part, rows in (("train", slice(0, 30)), ("t10k", slice(30, 40))):
        write_idx(
            tmp_path / f"{part}-images{separator}idx3-ubyte{ending}", images[rows]
        )
        write_idx(
            tmp_path / f"{part}-labels{separator}idx1-ubyte{ending}", labels[rows]
        )
    table = load_images(tmp_path)
    np.testing.assert_array_equal(table.pixels[..., 0], images)
    np.testing.assert_array_equal(table.labels, labels)
    assert set(table.splits[30:]) == {"test"}
    assert set(table.splits[:30]) == {"train", "val"}


def test_damaged_idx_files(tmp_path):
    images = tmp_path / "train-images-idx3-ubyte"
    labels = tmp_path / "train-labels-idx1-ubyte"
    write_idx(images, np.zeros((4, 5, 5)))
    assert "labels" in error_of(tmp_path)
    write_idx(labels, np.zeros(3))
    assert "3 labels for 4 images" in error_of(tmp_path)
    write_idx(labels, np.array([0, 1, 0, 1]))
    whole = images.read_bytes()
    for damaged in (whole[:-1], whole + b"x", whole[:7], b"", b"\0\0\x0d\x03" + whole):
        images.write_bytes(damaged)
        assert "train-images-idx3-ubyte" in error_of(tmp_path)
    images.unlink()
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(whole)[:30])
    assert "cannot be read" in error_of(tmp_path)


def manifest(tmp_path, rows, header=("path", "label", "split")):
    with open(tmp_path / "set.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return tmp_path / "set.csv"


def test_manifest(tmp_path):
    write_classes(tmp_path / "img")
    files = sorted((tmp_path / "img").glob("*/*.png"))
    names = [str(path.relative_to(tmp_path)) for path in files]
    rows = [
        (name, label, split)
        for name, label, split in zip(
            names,
            ["x, y", "z"] * 6,
            ["train"] * 8 + ["val"] * 2 + ["Test"] * 2,
            strict=True,
        )
    ]
    table = load_images(manifest(tmp_path, rows))
    assert table.class_names == ("x, y", "z")
    assert table.labels.tolist() == [0, 1] * 6
    assert table.splits.tolist() == ["train"] * 8 + ["val"] * 2 + ["test"] * 2
    assert next(table.contents([3])) == files[3].read_bytes()
    table = load_images(manifest(tmp_path, [r[:2] for r in rows], ("path", "label")))
    assert set(table.splits) == {"train", "val", "test"}


def test_wrong_manifests(tmp_path):
    write_classes(tmp_path / "img")
    good = ("img/ant/0.png", "a", "train")
    assert "line 3" in error_of(manifest(tmp_path, [good, ("no.png", "b", "test")]))
    assert "line 3" in error_of(manifest(tmp_path, [good, ("", "b", "test")]))
    text = error_of(manifest(tmp_path, [good, ("img/ant/1.png", "b", "tset")]))
    assert "line 3" in text and "tset" in text
    assert "'label'" in error_of(manifest(tmp_path, [good], ("path", "class", "split")))
    assert "no images" in error_of(manifest(tmp_path, []))
    (tmp_path / "set.csv").write_bytes(b"path,label\n\xff\xfe,a\n")
    assert "cannot be read" in error_of(tmp_path / "set.csv")


def test_mistakes_end_in_one_line(tmp_path):
    assert "digits" in error_of("digitz")
    assert "is empty" in error_of(tmp_path)
    (tmp_path / "only").mkdir()
    assert "no images" in error_of(tmp_path)
    (tmp_path / "only" / "1.png").write_bytes(encode(noise()))
    assert "single class, 'only'" in error_of(tmp_path)
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "1.png").write_bytes(encode(noise()))
    assert "class folders" in error_of(tmp_path / "loose")
    (tmp_path / "file.xyz").write_text("x")
    assert "CSV" in error_of(tmp_path / "file.xyz")


def test_a_folder_name_that_is_not_utf_8(tmp_path):
    write_classes(tmp_path)
    strange = os.path.join(os.fsencode(tmp_path), b"\xff\xfe")
    try:
        os.mkdir(strange)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with open(os.path.join(strange, b"1.png"), "wb") as file:
        file.write(encode(noise()))
    assert "UTF-8" in error_of(tmp_path)


def test_classes_of_a_run_keep_their_order(tmp_path):
    write_classes(tmp_path)
    table = load_images(tmp_path, class_names=("cat", "bee", "ant"))
    assert table.class_names == ("cat", "bee", "ant")
    assert table.class_counts().tolist() == [0, 6, 6]
    assert "'bee'" in error_of(tmp_path, class_names=("ant", "cat"))


def test_splits_of_a_run_are_kept(tmp_path):
    write_classes(tmp_path)
    keys = load_images(tmp_path).keys
    table = load_images(tmp_path, known_splits=dict.fromkeys(keys.tolist(), "test"))
    assert set(table.splits) == {"test"}


def test_a_split_that_is_not_there(tmp_path):
    write_classes(tmp_path)
    table = load_images(tmp_path, known_splits={})
    with pytest.raises(UserError, match="has no split 'dev'.*train, val, test"):
        table.select("dev")


def test_pixels_are_handed_out_as_png():
    table = load_images("digits")
    (contents,) = table.contents([5])
    np.testing.assert_array_equal(pixels(contents, "L"), table.pixels[5])


def test_tensorflow_datasets(tmp_path):
    import tensorflow_datasets as tfds

    samples = [encode(noise(10, 14, seed)) for seed in range(12)]

    class TinyPhotos(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3)),
                    "label": tfds.features.ClassLabel(names=["owl", "elk"]),
                }
            )
            return self.dataset_info_from_configs(features=features)

        def _split_generators(self, manager):
            return {"train": self._examples(0, 9), "test": self._examples(9, 12)}

        def _examples(self, start, stop):
            for row in range(start, stop):
                (tmp_path / f"{row}.png").write_bytes(samples[row])
                yield row, {"image": tmp_path / f"{row}.png", "label": row % 2}

        def _generate_examples(self):
            raise NotImplementedError

    TinyPhotos(data_dir=tmp_path / "tfds").download_and_prepare()
    table = load_images("tfds:tiny_photos", data_dir=tmp_path / "tfds")
    assert sorted(table.encoded) == sorted(samples)
    for contents, label in zip(table.encoded, table.labels, strict=True):
        expected = "owl" if samples.index(contents) % 2 == 0 else "elk"
        assert table.class_names[label] == expected
    assert len(table.select("test")) == 3
    assert len(table.select("train")) + len(table.select("val")) == 9


def test_an_unknown_tensorflow_data_set(tmp_path):
    assert "tfds:" in error_of("tfds:no_such_set_anywhere", data_dir=tmp_path)


def test_fashion_mnist(real_data):
    table = load_images(real_data / "classification" / "fashion-mnist")
    assert table.pixels.shape == (70_000, 28, 28, 1)
    assert table.class_counts("test").tolist() == [1000] * 10
    val = len(table.select("val"))
    assert 5_000 < val < 7_000
    assert len(table.select("train")) == 60_000 - val


def test_caltech101(real_data):
    table = load_images(real_data / "classification" / "caltech101-5")
    assert table.class_counts().tolist() == [60] * 5
    for split in ("train", "val", "test"):
        assert table.class_counts(split).min() >= 1


def test_split_folders_beside_others_are_refused(tmp_path):
    for folder in ("train/cat", "train/dog", "test/cat", "docs"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.png").write_bytes(encode(noise()))
    with pytest.raises(
        UserError, match="the split folder '(train|test)' beside 'docs'"
    ):
        load_images(tmp_path)


def test_a_class_may_be_called_test(tmp_path):
    for folder in ("test", "control"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(encode(noise()))
    assert load_images(tmp_path).class_names == ("control", "test")


def test_loose_images_are_counted(tmp_path):
    for name in ("cat/a.png", "dog/b.png", "c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encode(noise()))
    table = load_images(tmp_path)
    assert len(table) == 2
    assert "1 images outside any class left out" in table.description


def test_a_training_folder_alone_is_split_by_content(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / "train" / label).mkdir(parents=True)
        for number in range(9):
            content = encode(noise(seed=100 * (label == "dog") + number))
            (tmp_path / "train" / label / f"{number}.png").write_bytes(content)
    assert set(load_images(tmp_path).splits) == {"train", "val", "test"}
