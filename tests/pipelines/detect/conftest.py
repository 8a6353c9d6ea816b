"""Small trained detectors that the tests of detection share."""

import contextlib
import dataclasses
import io

import numpy as np
import pytest
from helpers.coloured_boxes import write_photos

from amalthea.data.boxes import load_boxes
from amalthea.pipelines import ObjectDetection
from amalthea.pipelines.cli import run
from amalthea.pipelines.detect import task as task_module
from amalthea.pipelines.image_task import ImageTask

# Flipped digits would be other digits.
SETTINGS = {
    "image_size": (128, 128),
    "strides": (8, 16),
    "batch_size": 8,
    "learning_rate": 4e-3,
    "warmup_epochs": 0.5,
    "flip": 0.0,
    "plain_epochs": 1,
    "validate_every": 4,
}
PARTS = {"train": 800, "val": 60, "test": 120}

# Settings that no other training here has; the tests that share the run mind none.
PHOTO_SETTINGS = """
    --model grid --image-size 64 64 --strides 32 --epochs 1 --batch-size 4
    --optimizer sgd --learning-rate 0.01 --xla --mosaic 0 --iou-crop 0.5
    --soft-nms 0.5 --max-detections 20
"""


@pytest.fixture(scope="session")
def digits_on_photos():
    """A part of the embedded set, its images drawn once."""
    whole = load_boxes("digits-on-photos")
    rows = [np.flatnonzero(whole.splits == split)[:n] for split, n in PARTS.items()]
    table = whole.take(np.concatenate(rows))
    return dataclasses.replace(table, encoded=list(table.encoded))


@pytest.fixture(scope="session")
def detector_run(digits_on_photos, tmp_path_factory):
    """A run on `digits_on_photos`, trained for half a minute; not to be changed."""
    out = tmp_path_factory.mktemp("runs") / "digits run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task_module, "load_table", lambda *_: digits_on_photos)
        ObjectDetection.train("digits-on-photos", out, epochs=4, quiet=True, **SETTINGS)
    return out


@pytest.fixture(scope="session")
def detector(detector_run):
    return ObjectDetection.load(detector_run)


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Photographs with boxes. Tests must not change them."""
    return write_photos(tmp_path_factory.mktemp("data") / "photos")


def said_by(verb, *words):
    """What a command prints that succeeds."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert run(["detect", verb, *map(str, words)]) == 0
    return said.getvalue()


@pytest.fixture(scope="session")
def suggested(photos):
    """The lines of `anchors`."""
    size = ["--image-size", 64, 64, "--strides", 32, "--anchors-per-grid", 2]
    return said_by("anchors", "--data", photos, *size).splitlines()


@pytest.fixture(scope="session")
def photos_run(photos, suggested, tmp_path_factory):
    """A run of one epoch and what its training said. Tests must not change it."""
    out = tmp_path_factory.mktemp("runs") / "my run"
    words = [*PHOTO_SETTINGS.split(), *suggested[-1].split()]
    return out, said_by("train", "--data", photos, "--out", out, *words)


@pytest.fixture(scope="session")
def photos_version(photos_run, tmp_path_factory):
    """The folder of its export and what that said. Tests must not change it."""
    models = tmp_path_factory.mktemp("models")
    said = said_by("export", photos_run[0], "--to", models, "--name", "colours")
    return models / "colours" / "1", said


@pytest.fixture
def stopped_before_the_figures():
    """A context: a training is stopped, as by a Ctrl-C, when all epochs are done."""

    def stop(*_):
        raise KeyboardInterrupt

    @contextlib.contextmanager
    def stopped():
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(ImageTask, "_conclude", stop)
            yield

    return stopped
