"""The examination of images before training."""

import io
import shutil

import numpy as np
import pytest
from helpers.images import animation, encode, kinds, noise
from PIL import Image

from amalthea.data.doctor import Finding, Report
from amalthea.data.images import load_images
from amalthea.data.images.doctor import examine_images
from amalthea.data.images.modes import unusual_modes


def write(root, name, count, seed=0):
    (root / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image = noise(20, 24, seed=seed + number)
        (root / name / f"{number:03}.png").write_bytes(encode(image))


def finding(report, words):
    found = [each for each in report.findings if words in each.what]
    assert len(found) == 1, [each.what for each in report.findings]
    return found[0]


@pytest.fixture
def healthy(tmp_path):
    write(tmp_path, "ant", 40)
    write(tmp_path, "bee", 40, seed=1000)
    return tmp_path


def test_healthy_data_has_no_findings(healthy):
    report = examine_images(load_images(healthy))
    assert report.findings == ()
    assert not report.fatal
    assert report.lines()[-1] == "ready for training (nothing found)"


def test_arrays_are_examined_too():
    assert examine_images(load_images("digits")).findings == ()


def test_unreadable_images_are_named_with_the_reason(healthy):
    bad = {
        "text.jpg": (b"hello", "not an image"),
        "zero.png": (b"", "empty input"),
        "cut.jpg": (encode(noise(60, 60), "JPEG")[:-200], "damaged JPEG"),
        "cut.png": (encode(noise())[:-100], "damaged PNG"),
        "moving.webp": (animation("WEBP"), "animated WebP is not supported"),
    }
    for name, (contents, _) in bad.items():
        (healthy / "ant" / name).write_bytes(contents)
    report = examine_images(load_images(healthy))
    found = finding(report, "cannot be read")
    assert found.severity == "warning"
    assert "5 of 85" in found.what
    for name, (_, reason) in bad.items():
        assert any(name in line and reason in line for line in found.where)
    assert not report.fatal


def test_a_class_without_readable_images_is_fatal(healthy):
    (healthy / "cat").mkdir()
    for number in range(5):
        (healthy / "cat" / f"{number}.png").write_bytes(b"broken %d" % number)
    report = examine_images(load_images(healthy))
    assert finding(report, "without a readable").where == ("cat",)
    assert report.fatal
    assert report.lines()[-1].startswith("training would fail (1 error")


def test_one_readable_class_is_fatal(tmp_path):
    write(tmp_path, "ant", 40)
    (tmp_path / "bee").mkdir()
    (tmp_path / "bee" / "1.png").write_bytes(b"broken")
    report = examine_images(load_images(tmp_path))
    assert finding(report, "at least two classes").severity == "error"


def test_small_classes_and_imbalance(tmp_path):
    write(tmp_path, "many", 200)
    write(tmp_path, "few", 10, seed=1000)
    report = examine_images(load_images(tmp_path))
    assert finding(report, "fewer than 20").where[0].startswith("few: ")
    assert "times the images" in finding(report, "the largest class").what
    assert not report.fatal


def test_copies_under_two_labels(healthy):
    shutil.copy(healthy / "ant" / "003.png", healthy / "bee" / "copy.png")
    found = finding(examine_images(load_images(healthy)), "more than one label")
    (line,) = found.where
    assert "003.png" in line and "copy.png" in line


def test_copies_in_two_splits(tmp_path):
    for split, seed in (("train", 0), ("val", 200), ("test", 400)):
        write(tmp_path / split, "ant", 25, seed=seed)
        write(tmp_path / split, "bee", 25, seed=seed + 100)
    assert examine_images(load_images(tmp_path)).findings == ()
    shutil.copy(tmp_path / "train/ant/000.png", tmp_path / "test/ant/copy.png")
    found = finding(examine_images(load_images(tmp_path)), "more than one split")
    assert found.severity == "warning"
    assert len(found.where) == 1


def test_a_missing_split(healthy):
    table = load_images(healthy, test_fraction=0.0)
    assert finding(examine_images(table), "'test'").severity == "warning"
    keys = table.keys.tolist()
    table = load_images(healthy, known_splits=dict.fromkeys(keys, "test"))
    report = examine_images(table)
    assert finding(report, "'train'").severity == "error"


def test_odd_sizes(healthy):
    (healthy / "ant" / "tiny.png").write_bytes(encode(noise(1, 1)))
    (healthy / "ant" / "long.png").write_bytes(encode(noise(20, 5000)))
    report = examine_images(load_images(healthy))
    assert finding(report, "below 8").where == ("ant/tiny.png: 1 x 1",)
    assert finding(report, "above 4,096").where == ("ant/long.png: 5000 x 20",)
    assert len(finding(report, "times the other").where) == 1


def test_odd_modes(healthy):
    exif = Image.Exif()
    exif[0x0112] = 6
    odd = {
        "CMYK": ("cmyk.jpg", kinds()["jpeg-cmyk"]),
        "16 bits": ("deep.png", kinds()["png-16-bit"]),
        "palette": ("palette.png", kinds()["png-palette"]),
        "alpha": ("alpha.png", kinds()["png-alpha"]),
        "animated": ("moving.gif", animation("GIF")),
        "EXIF": ("turned.jpg", encode(noise(), "JPEG", exif=exif)),
    }
    for name, contents in odd.values():
        (healthy / "bee" / name).write_bytes(contents)
    report = examine_images(load_images(healthy))
    for words, (name, _) in odd.items():
        assert finding(report, words).where == (f"bee/{name}",)
        assert finding(report, words).severity == "note"
    assert finding(report, "grey and colour").where == ("bee/deep.png",)


@pytest.mark.parametrize("kind", kinds())
def test_modes_are_those_of_pillow(kind):
    contents = kinds()[kind]
    image = Image.open(io.BytesIO(contents))
    expected = set()
    if image.mode == "CMYK":
        expected.add("CMYK")
    if image.mode.startswith("I;16"):
        expected.add("16-bit")
    if image.mode == "P" and image.format == "PNG":
        expected.add("palette")
    if image.mode in ("LA", "RGBA") and image.format == "PNG":
        expected.add("alpha")
    if getattr(image, "n_frames", 1) > 1:
        expected.add("animated")
    assert set(unusual_modes(contents)) - {"alpha"} == expected - {"alpha"}
    if image.format == "PNG":
        assert set(unusual_modes(contents)) == expected


def test_long_lists_are_cut():
    names = tuple(f"{number}.png" for number in range(12))
    finding = Finding("warning", "something", names, "Mend it")
    lines = Report(("data",), (finding,)).lines()
    assert lines[0] == "data"
    assert lines[1] == "warning: something"
    assert lines[-3:] == [
        "    and 7 more",
        "    -> Mend it",
        "ready for training (1 warning)",
    ]


def test_caltech101_has_some_grey_photos(real_data):
    table = load_images(real_data / "classification" / "caltech101-5")
    report = examine_images(table.take(np.flatnonzero(table.labels == 1)))
    assert "grey" in finding(report, "grey and colour").what
