"""The command line as a person meets it: right use, and every kind of bad input."""

import contextlib
import io
import json
import os
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest
from helpers.complaints import complaint
from helpers.images import encode
from PIL import Image

from amalthea.data.images import load_images
from amalthea.pipelines.cli import run
from amalthea.pipelines.run_folder import RunFolder

RNG = np.random.default_rng(0)


def picture(colour, size=(24, 24)):
    noise = RNG.integers(-30, 30, (size[1], size[0], 3))
    return Image.fromarray((np.array(colour) + noise).clip(0, 255).astype("uint8"))


@pytest.fixture(scope="module")
def first_photos(tmp_path_factory):
    photos = tmp_path_factory.mktemp("first") / "photos"
    for label, colour in (("red", (200, 40, 40)), ("blue", (40, 40, 200))):
        (photos / label).mkdir(parents=True)
        for number in range(12):
            (photos / label / f"{number}.png").write_bytes(encode(picture(colour)))
    return photos


SETTINGS = "epochs = 1\ndepth = 8\nwidth = 2\nbatch_size = 8\n"


@pytest.fixture(scope="module")
def first_training(first_photos, tmp_path_factory):
    """A run of the settings of a file, and what its training said."""
    folder = tmp_path_factory.mktemp("first")
    (folder / "my.toml").write_text(SETTINGS)
    words = ["classify", "train", "--data", str(first_photos)]
    words += ["--out", str(folder / "run"), "--config", str(folder / "my.toml")]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert run(words) == 0
    return folder / "run", said.getvalue()


@pytest.fixture
def photos(first_photos, tmp_path):
    """A folder of two classes, twelve images each."""
    return shutil.copytree(first_photos, tmp_path / "photos")


@pytest.fixture
def out(first_training, tmp_path):
    """A run that was trained on `photos`."""
    return shutil.copytree(first_training[0], tmp_path / "run")


def train(data, out, *more):
    words = ["classify", "train", "--data", str(data), "--out", str(out)]
    small = ["--epochs", "1", "--depth", "8", "--width", "2", "--batch-size", "8"]
    return run([*words, *small, *more])


def test_the_way_from_photos_to_an_audited_export(
    photos, first_training, tmp_path, capsys
):
    assert run(["classify", "doctor", "--data", str(photos)]) == 0
    said = first_training[1]
    assert "class folders of images" in said and "24 images in 2 classes" in said
    out = shutil.copytree(first_training[0], tmp_path / "my run")
    models = tmp_path / "models"
    assert run(["classify", "evaluate", str(out), "--json", f"{tmp_path}/m.json"]) == 0
    assert {"accuracy", "top5", "macro_f1"} <= set(
        json.loads((tmp_path / "m.json").read_text())
    )
    capsys.readouterr()
    predict = ["classify", "predict", str(out), str(photos / "red"), "--json"]
    assert run([*predict, "--save-dir", str(tmp_path / "answers")]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 12
    saved = (tmp_path / "answers" / "predictions.json").read_text(encoding="utf-8")
    assert json.loads(saved) == rows
    assert rows[0]["label"] == rows[0]["top"][0][0]
    assert run(["classify", "predict", str(out), str(photos / "red" / "0.png")]) == 0
    assert "red" in capsys.readouterr().out
    export = ["classify", "export", str(out), "--to", str(models), "--name", "hues"]
    assert run(export) == 0
    assert run(export) == 0
    assert (models / "hues" / "2" / "saved_model.pb").exists()
    assert run(["check", str(models / "hues" / "2")]) == 0
    said = capsys.readouterr().out
    assert "image_bytes" in said and "findings: none" in said


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "usage: amalthea"),
        (["--help"], "classify"),
        (["classify"], "usage: amalthea classify"),
        (["tasks"], "classify"),
        (["--version"], "amalthea 0."),
        (["classify", "train", "--help"], "--learning-rate"),
    ],
)
def test_help_is_on_the_standard_output(words, part, capsys):
    assert run(words) == 0
    assert part in capsys.readouterr().out


def test_help_and_tasks_load_no_tensorflow():
    code = (
        "import sys; from amalthea.pipelines.cli import run; run(['--help']);"
        "run(['tasks']); run(['classify', 'train', '--help']);"
        "import amalthea.pipelines; "
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras', 'numpy')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("clasify train", "unknown command `clasify`"),
        ("classify trian", "unknown verb `trian`"),
        ("classify train --data digits --out r --epochs many", "--epochs"),
        ("classify train --data digits --out r --depth 9", "`depth`"),
        ("classify train --data digits --out r --image-size 2 2", "`image_size`"),
        ("classify train --data nowhere/ --out r", "nowhere/: no such data"),
        ("classify train --data digits", "--out"),
        ("classify train --out r", "`data` is missing"),
        ("classify evaluate nowhere", "nowhere: no such run folder"),
        ("classify predict . x.png", "it has no config.toml"),
        ("classify export nowhere --to m", "nowhere: no such run folder"),
        ("check nowhere", "nowhere"),
    ],
)
def test_a_mistake_ends_in_one_line(words, part, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(words.split()) == 2
    assert part in complaint(capsys)
    assert not (tmp_path / "r" / "config.toml").exists()


def test_unusable_folders(tmp_path, capsys):
    out = tmp_path / "run"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert train(empty, out) == 2
    assert "is empty" in complaint(capsys)
    (empty / "only").mkdir()
    (empty / "only" / "a.png").write_bytes(encode(picture((9, 9, 9))))
    assert train(empty, out) == 2
    assert "a single class, 'only'" in complaint(capsys)
    (empty / "a.png").write_bytes(encode(picture((9, 9, 9))))
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / "a.png").write_bytes(encode(picture((9, 9, 9))))
    assert train(flat, out) == 2
    assert "no class folders" in complaint(capsys)


def test_odd_and_broken_files_do_not_stop_a_training(photos, tmp_path, capsys):
    red = photos / "red"
    whole_jpeg = encode(picture((200, 40, 40), (64, 64)), "JPEG")
    bad = {
        "text.jpg": b"this is a text",
        "zero.png": b"",
        "cut.jpg": whole_jpeg[: len(whole_jpeg) // 2],
        "cut.png": encode(picture((200, 40, 40), (64, 64)))[:2000],
    }
    deep = Image.fromarray(np.full((20, 20), 40000, np.uint16))
    frames = [picture((200, 40, 40)).convert("P"), picture((0, 0, 0)).convert("P")]
    good = {
        "one.png": encode(picture((200, 40, 40), (1, 1))),
        "cmyk.jpg": encode(picture((200, 40, 40)).convert("CMYK"), "JPEG"),
        "deep.png": encode(deep),
        "moving.gif": encode(frames[0], "GIF", save_all=True, append_images=frames[1:]),
    }
    for name, content in {**bad, **good}.items():
        (red / name).write_bytes(content)
    (red / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with open(os.fsencode(red) + b"/caf\xe9.png", "wb") as file:  # not UTF-8
        file.write(encode(picture((200, 40, 40))))
    (photos / "blue").rename(photos / "bläu und weiß")

    assert run(["classify", "doctor", "--data", str(photos)]) == 0
    said = capsys.readouterr().out
    for name in [*bad, "gone.png"]:
        assert name in said, f"the doctor does not name {name}"
    out = tmp_path / "run"
    assert train(photos, out) == 0
    assert "left out: " in capsys.readouterr().out
    assert "bläu und weiß" in (out / "labels.txt").read_text(encoding="utf-8")
    assert "caf\\xe9.png" in (out / "splits.csv").read_text()

    words = ["classify", "predict", str(out), *(str(red / name) for name in bad)]
    words += [str(red / name) for name in good]
    assert run([*words, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["valid"] for row in rows] == [False] * len(bad) + [True] * len(good)
    assert all(row["error"] for row in rows[: len(bad)])


def test_doctor_exits_1_where_training_would_fail(tmp_path, capsys):
    for label, content in (("a", encode(picture((9, 9, 9)))), ("b", b"no image")):
        (tmp_path / "d" / label).mkdir(parents=True)
        for number in range(4):
            (tmp_path / "d" / label / f"{number}.png").write_bytes(content)
    assert run(["classify", "doctor", "--data", str(tmp_path / "d")]) == 1
    assert "training would fail" in capsys.readouterr().out
    assert train(tmp_path / "d", tmp_path / "run") == 2
    assert "'b' has no readable image in the training split" in complaint(capsys)


def test_nothing_that_was_there_is_lost(photos, out, tmp_path, capsys):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    assert train(photos, mine) == 2
    assert "is not empty (it holds thesis.txt)" in complaint(capsys)
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]

    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert train(photos, out) == 2
    assert "holds a run already" in complaint(capsys)
    assert train(photos, out, "--resume", "--learning-rate", "0.5") == 2
    assert "learning_rate is 0.1, not 0.5" in complaint(capsys)
    for number in range(8):  # some of them fall into training
        new = photos / "red" / f"new{number}.png"
        new.write_bytes(encode(picture((200, 40, 40))))
    assert train(photos, out, "--resume") == 2
    assert "not what the run began with" in complaint(capsys)
    assert before.keys() <= {path for path in out.rglob("*") if path.is_file()}
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_run_of_another_task_is_refused(out, capsys):
    config = out / "config.toml"
    config.write_text(config.read_text().replace('"classify"', '"detect"'))
    for verb, *more in (["evaluate"], ["predict", "x.png"], ["export", "--to", "m"]):
        assert run(["classify", verb, str(out), *more]) == 2
        assert "run of the task 'detect'" in complaint(capsys)


def test_an_output_that_cannot_be_written(photos, tmp_path, capsys):
    # A file in the way stops root too.
    (tmp_path / "file").write_text("")
    assert train(photos, tmp_path / "file") == 2
    assert "is a file, not a folder" in complaint(capsys)
    assert train(photos, tmp_path / "file" / "run") == 2
    assert "cannot be written" in complaint(capsys)


FULL_DISK = """
import json, resource, signal, sys
from amalthea.pipelines.cli import run
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for size, words in json.loads(sys.argv[1]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, -1))
    print(run(words), file=sys.stderr)
"""


def with_full_disk(*commands):
    """What commands that cannot write a file beyond `size` bytes say on the error."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, json.dumps(commands)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
    )
    return done.stderr.splitlines()


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs file limits")
def test_a_disk_that_fills_up_loses_nothing(out, tmp_path):
    last, best = out / "checkpoints" / "last.npz", out / "checkpoints" / "best.npz"
    before = last.read_bytes(), best.read_bytes()
    more = ["classify", "train", "--out", str(out), "--resume", "--epochs", "2"]
    export = ["classify", "export", str(out), "--to", str(tmp_path / "models")]
    lines = with_full_disk(
        (len(before[1]) // 2, more), (20_000, [*export, "--name", "m"])
    )
    # A line for each, and the exit status.
    assert len(lines) == 4 and lines[1] == lines[3] == "2"
    assert "cannot be written (File too large)" in lines[0]
    assert (last.read_bytes(), best.read_bytes()) == before
    assert not [path for path in out.rglob("*") if "partial" in path.name]
    assert not (tmp_path / "models" / "m").exists()
    # With space again, it goes on.
    assert run(more) == 0


def test_a_run_trained_with_keras_on_another_backend_is_refused_in_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "amalthea", "classify", "doctor", "--data", "digits"],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "need Keras' TensorFlow backend" in line


def test_a_reader_that_goes_away_is_no_error(digits_run, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for row, content in enumerate(load_images("digits").contents(range(3))):
        (images / f"{row}.png").write_bytes(content)
    shell = (
        f"{sys.executable} -m amalthea classify predict '{digits_run}' {images} | true"
    )
    # Only with buffered output does the pipe break at the end.
    buffered = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        ["bash", "-c", shell], env=buffered, capture_output=True, text=True
    )
    assert done.stderr == ""


def test_resume_takes_the_settings_of_the_run_or_the_same_again(
    photos, out, tmp_path, capsys
):
    file = tmp_path / "my.toml"
    file.write_text(SETTINGS)
    begin = ["classify", "train", "--data", str(photos), "--out", str(out)]
    again = [*begin, "--config", str(file), "--resume"]
    assert run([*again, "--epochs", "2"]) == 0
    assert run(["classify", "train", "--out", str(out), "--resume"]) == 0
    assert "all 2 epochs are trained already" in capsys.readouterr().out
    file.write_text('depth = 8\n[run]\ntask = "detect"\n')
    assert run([*begin, "--config", str(file), "--resume"]) == 2
    assert "settings of the task 'detect'" in complaint(capsys)


def test_a_run_killed_before_its_first_epoch_is_taken_up(photos, tmp_path, capsys):
    out = tmp_path / "run"
    code = (
        "import os, signal, sys\n"
        "from amalthea.pipelines.classify import task\n"
        "from amalthea.pipelines.cli import run\n"
        "from amalthea.pipelines.training import loop\n"
        "{} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "run(sys.argv[1:])"
    )
    words = ["classify", "train", "--data", str(photos), "--out", str(out)]
    words += ["--epochs", "1", "--depth", "8", "--width", "2", "--batch-size", "8"]
    for victim in ("task.load_table", "loop.run_training"):
        script = code.format(victim)
        killed = subprocess.run([sys.executable, "-c", script, *words, "--resume"])
        assert killed.returncode == -9
    # What was asked for is known: depth 8, one epoch, and the data. A try without
    # the data leaves it so.
    photos.rename(tmp_path / "away")
    assert run(["classify", "train", "--out", str(out), "--resume"]) == 2
    (tmp_path / "away").rename(photos)
    assert run(["classify", "train", "--out", str(out), "--resume"]) == 0
    assert "depth = 8" in (out / "config.toml").read_text()
    assert (out / "model.keras").exists()


def test_a_refused_resume_changes_nothing(out, tmp_path, capsys):
    other = tmp_path / "other"
    other.mkdir()
    for label in ("red", "blue"):
        (other / label).mkdir()
        for number in range(9):
            content = encode(picture((number * 20, 40, 40)))
            (other / label / f"{number}.png").write_bytes(content)
    before = (out / "config.toml").read_text()
    assert train(other, out, "--resume", "--epochs", "5") == 2
    assert "not what the run began with" in complaint(capsys)
    assert (out / "config.toml").read_text() == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", b"\xff\xfe"),
        ("labels.txt", b""),
        ("splits.csv", b"a,b\n1,2\n"),
        ("splits.csv", b"\xff"),
        ("config.toml", b"run = 3\n"),
        ("config.toml", b"\xff"),
        ("config.toml", b"[run]\ntask = 'classify'\n"),
        ("metrics.json", b"[]"),
        ("metrics.json", b"{"),
        ("history.csv", b"\xff"),
        ("checkpoints/best.npz", b"PK"),
    ],
)
def test_a_damaged_run_is_told_in_one_line(digits_run, tmp_path, capsys, name, content):
    out = tmp_path / "run"
    shutil.copytree(digits_run, out)
    (out / name).write_bytes(content)
    assert run(["classify", "evaluate", str(out), "--split", "val"]) == 2
    assert str(out) in complaint(capsys)


def test_two_trainings_do_not_share_a_run(photos, out, capsys):
    with RunFolder(out).claimed():
        assert train(photos, out, "--resume") == 2
    assert "another process is training this run" in complaint(capsys)
