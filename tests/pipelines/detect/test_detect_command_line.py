"""Detection on the command line: right use, and every kind of bad input."""

import json
import tomllib

import pytest
from helpers.coloured_boxes import COLOURS, write_photos
from helpers.complaints import complaint
from helpers.images import encode, noise

from amalthea.pipelines.cli import run

SMALL = ["--model", "grid", "--image-size", "64", "64", "--epochs", "1"]


def detect(verb, *words):
    return run(["detect", verb, *map(str, words)])


def test_anchors_end_in_the_setting_to_train_with(suggested, photos_run):
    flag, *sides = suggested[-1].split()
    assert flag == "--anchors" and len(sides) == 4
    assert any("recall at IoU .5" in line for line in suggested)
    config = tomllib.loads((photos_run[0] / "config.toml").read_text())
    assert config["anchors"] == [float(side) for side in sides]


def test_training_takes_the_settings_that_are_given(photos_run):
    config = tomllib.loads((photos_run[0] / "config.toml").read_text())
    given = {
        **{"model": "grid", "image_size": [64, 64], "strides": [32], "epochs": 1},
        **{"batch_size": 4, "optimizer": "sgd", "learning_rate": 0.01, "xla": True},
        **{"mosaic": 0, "iou_crop": 0.5, "soft_nms": 0.5, "max_detections": 20},
    }
    assert {name: config[name] for name in given} == given


def test_training_says_what_it_trains_on_and_where_the_run_is(photos_run):
    out, said = photos_run
    assert "12 images" in said and "input 64 x 64" in said and f"run: {out}" in said
    assert (out / "labels.txt").read_text(encoding="utf-8").split() == list(COLOURS)
    assert (out / "report" / "index.html").exists() and (out / "model.keras").exists()


def test_evaluate_writes_figures(photos_run, tmp_path, capsys):
    words = [photos_run[0], "--split", "all", "--json", tmp_path / "figures.json"]
    assert detect("evaluate", *words) == 0
    said = capsys.readouterr().out
    assert "map50" in said and "report: " in said
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["examples"] == 12 and figures["boxes"] == 16
    assert 0 <= figures["map50"] <= 1


def test_predict_goes_on_after_a_broken_image_and_saves(photos_run, tmp_path, capsys):
    photos, out = tmp_path / "photos", tmp_path / "found"
    photos.mkdir()
    for name, content in {
        "a.png": encode(noise(80, 100)),
        "b.png": b"a text",
        "c.jpg": encode(noise(50, 40, seed=1), "JPEG"),
    }.items():
        (photos / name).write_bytes(content)
    every = ["--confidence", 0, "--max-detections", 2]
    assert detect("predict", photos_run[0], photos, "--json", *every) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["source"] for row in rows] == [
        str(photos / name) for name in ("a.png", "b.png", "c.jpg")
    ]
    assert [row["valid"] for row in rows] == [True, False, True]
    assert rows[1]["error"].startswith("not an image") and len(rows[0]["boxes"]) == 2
    assert rows[0]["boxes"][0]["label"] in COLOURS

    words = [*every, "--crops", "--save-dir", out]
    assert detect("predict", photos_run[0], photos, *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and "error: not an image" in lines[1]
    saved = (out / "predictions.json").read_text(encoding="utf-8")
    assert json.loads(saved) == rows
    coco = json.loads((out / "coco.json").read_text(encoding="utf-8"))
    assert len(coco) == sum(len(row["boxes"]) for row in rows)
    annotated = sorted(path.name for path in (out / "annotated").iterdir())
    assert annotated == ["a.png", "c.jpg"]
    assert list((out / "crops").glob("*/a_0.png"))


def test_export_writes_a_version_and_never_over_it(photos_run, photos_version, capsys):
    version, said = photos_version
    assert str(version) in said and "serve it: amalthea serve" in said
    assert (version / "saved_model.pb").exists()
    assert "röt, blau" in (version / "MODEL_CARD.md").read_text(encoding="utf-8")
    words = ["--to", version.parent.parent, "--name", "colours", "--version", 1]
    assert detect("export", photos_run[0], *words) == 2
    assert "exists already" in complaint(capsys)


def test_doctor_draws_a_sheet(photos, tmp_path, capsys):
    assert detect("doctor", "--data", photos, "--save-dir", tmp_path / "sheet") == 0
    said = capsys.readouterr().out
    assert "12 images" in said and "ready for training" in said
    assert (tmp_path / "sheet" / "contact_sheet.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("train", "valid", "status", "part"),
    [
        (
            {"names": ("blau",)},
            {},
            0,
            "classes without a box in the split 'train', which will never be found",
        ),
        (
            {},
            {"names": ("blau",)},
            0,
            "classes without a box in the split 'val', which will not be measured",
        ),
        ({"boxes": (0,)}, {}, 1, "error: the split 'train' has no boxes"),
    ],
)
def test_doctor_on_splits_that_lack_something(
    tmp_path, capsys, train, valid, status, part
):
    write_photos(tmp_path / "d" / "train", **train)
    write_photos(tmp_path / "d" / "valid", **valid)
    assert detect("doctor", "--data", tmp_path / "d") == status
    said = capsys.readouterr().out
    assert part in said and ("training would fail" in said) == bool(status)
    if status:
        words = ["--data", tmp_path / "d", "--out", tmp_path / "run", *SMALL]
        assert detect("train", *words) == 2
        assert "has no boxes in the training split" in complaint(capsys)
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("train --data nowhere/ --out r", "nowhere/: no such data"),
        ("train --data plain --out r", "plain: is no data set with boxes"),
        ("train --data unboxed --out r", "unboxed: has no boxes of use"),
        ("train --data DATA --out r --image-size 64 70", "`image_size`"),
        ("train --data DATA --out r --backbone resnet7", "unknown backbone `resnet7`"),
        ("train --data DATA --out r --strides 8 32", "`strides`"),
        ("train --data DATA --out r --epochs many", "--epochs"),
        ("train --data DATA", "--out"),
        ("doctor --data nowhere/", "nowhere/: no such data"),
        ("doctor --data plain", "plain: is no data set with boxes"),
        ("doctor --data DATA --image-size 64 70", "`image_size`"),
        ("anchors --data DATA --image-size 64 70", "`image_size`"),
        ("anchors --data nowhere/", "nowhere/: no such data"),
        ("evaluate RUN --split holdout", "has no split 'holdout'"),
        ("evaluate RUN --data plain", "plain: is no data set with boxes"),
        ("evaluate nowhere", "nowhere: no such run folder"),
        ("evaluate other", "is a run of the task 'classify', not of 'detect'"),
        ("predict other x.png", "is a run of the task 'classify', not of 'detect'"),
        ("predict RUN x.png", "x.png: no such file"),
        ("predict RUN empty", "empty: has no images or videos"),
        ("predict RUN broken.mp4", "broken.mp4: is no video"),
        ("predict RUN rtsp://[::1/live", "rtsp://[::1/live: is no valid URL"),
        ("predict RUN plain --confidence 2", "`confidence`"),
        ("predict RUN plain --crops", "crops need a folder"),
        ("predict RUN plain --save-dir broken.mp4", "cannot be written"),
        ("export RUN --to m", "`name`"),
        ("export RUN --to broken.mp4 --name x", "cannot be written"),
        ("export nowhere --to m", "nowhere: no such run folder"),
    ],
)
def test_a_mistake_ends_in_one_line(
    words, part, photos, photos_run, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.png").write_bytes(encode(noise(8, 8)))
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    if "unboxed" in words:
        write_photos(tmp_path / "unboxed", boxes=(0,))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.toml").write_text("[run]\ntask = 'classify'\n")
    places = {"DATA": photos, "RUN": photos_run[0]}
    verb, *words = words.split()
    assert detect(verb, *(places.get(word, word) for word in words)) == 2
    assert part in complaint(capsys)
    assert not (tmp_path / "r").exists()
