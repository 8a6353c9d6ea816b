"""From images and videos to results and files, with a model that is made up.

It finds one object in each picture, whose place follows from the picture: in the left
half where its mean is dark, in the right half where it is bright.
"""

import json

import cv2
import numpy as np
import pytest
from helpers.images import encode, pixels

from amalthea import UserError
from amalthea.pipelines.detect.predict import detections

NAMES = ("dark", "bright")
THRESHOLDS = {"confidence": 0.25, "iou": 0.6, "max_detections": 7}


class Model:
    """Answers as a serving module does, and notes what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, signature, **inputs):
        rows = [inputs.pop("image_bytes", None), inputs.pop("pixels", None)]
        (images,) = (row for row in rows if row is not None)
        self.asked.append((signature, len(images), inputs))
        if signature == "thresholds":
            assert images.dtype == object
            images = [_decode(content) for content in images]
        else:
            assert images.dtype == np.uint8 and images.ndim == 4
        return _stacked([_find(image) for image in images])


def _decode(content):
    try:
        return pixels(content)
    except OSError:
        return None


def _find(image):
    none = ([[0.0] * 4] * 2, [0.0] * 2, [b""] * 2)
    if image is None:
        return *none, 0, False, b"not an image"
    height, width = image.shape[:2]
    if (image == 0).all():
        return *none, 0, True, b""
    bright = int(image.mean() > 127)
    box = [bright * width / 2, 0.0, (bright + 1) * width / 2, height]
    name = NAMES[bright].encode()
    return [box, [0.0] * 4], [0.75, 0.0], [name, b""], 1, True, b""


def _stacked(rows):
    boxes, scores, classes, count, valid, error = zip(*rows, strict=True)
    return {
        "boxes": np.array(boxes, np.float32),
        "scores": np.array(scores, np.float32),
        "classes": np.array(classes, object),
        "count": np.array(count, np.int32),
        "valid": np.array(valid),
        "error": np.array(error, object),
    }


def picture(level, height=40, width=60):
    return np.full((height, width, 3), level, np.uint8)


def make_clip(path, levels, size=(64, 48)):
    codec = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), codec, 10, size)
    for level in levels:
        writer.write(picture(level, size[1], size[0]))
    writer.release()
    return path


def run(inputs, model=None, **options):
    model = model or Model()
    return list(detections(inputs, model, NAMES, THRESHOLDS, **options))


def found(results):
    return [[box.label for box in result.boxes] for result in results]


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.png").write_bytes(encode(picture(50)))
    (folder / "b.jpg").write_bytes(encode(picture(200, 33, 47), "JPEG"))
    (folder / "c.png").write_bytes(b"no image")
    (folder / "d.png").write_bytes(encode(picture(0)))
    return folder


def test_images_of_different_sizes_and_a_bad_one(photos):
    model = Model()
    results = run(photos, model)
    assert [result.source for result in results] == [
        str(photos / name) for name in ("a.png", "b.jpg", "c.png", "d.png")
    ]
    assert found(results) == [["dark"], ["bright"], [], []]
    assert [result.valid for result in results] == [True, True, False, True]
    assert results[2].error == "not an image"
    box = results[1].boxes[0]
    assert (box.x1, box.y1, box.x2, box.y2) == (23.5, 0.0, 47.0, 33.0)
    ((signature, rows, inputs),) = model.asked
    assert (signature, rows) == ("thresholds", 4)
    for name, dtype in (("confidence", "f4"), ("iou", "f4"), ("max_detections", "i4")):
        assert inputs[name].dtype == np.dtype(dtype) and inputs[name].shape == (4,)
        assert inputs[name] == pytest.approx(THRESHOLDS[name])


def test_many_images_are_asked_for_in_parts():
    model = Model()
    levels = [50, 200] * 10
    results = run([encode(picture(level)) for level in levels], model)
    assert found(results) == [["dark"], ["bright"]] * 10
    assert [result.source for result in results[:2]] == ["input 0", "input 1"]
    assert [rows for _, rows, _ in model.asked] == [16, 4]


def test_frames_are_called_after_their_video(tmp_path):
    clip = make_clip(tmp_path / "clip.avi", [50] * 3 + [200] * 4)
    model = Model()
    results = run(clip, model)
    assert [result.source for result in results] == [f"{clip}#{n}" for n in range(7)]
    assert found(results) == [["dark"]] * 3 + [["bright"]] * 4
    assert [(name, rows) for name, rows, _ in model.asked] == [
        ("pixels", 4),
        ("pixels", 3),
    ]
    skipped = run(clip, every=3)
    assert [result.source for result in skipped] == [f"{clip}#{n}" for n in (0, 3, 6)]
    assert found(skipped) == [["dark"], ["bright"], ["bright"]]


def test_inputs_keep_their_order(photos, tmp_path):
    clip = make_clip(tmp_path / "clip.avi", [50])
    inputs = [photos / "a.png", clip, photos / "b.jpg", photos / "a.png"]
    sources = [result.source for result in run(inputs)]
    assert sources == [str(inputs[0]), f"{clip}#0", str(inputs[2]), str(inputs[3])]


def test_results_come_while_a_video_runs(tmp_path):
    clip = make_clip(tmp_path / "clip.avi", [50] * 20)
    model = Model()
    results = detections(clip, model, NAMES, THRESHOLDS)
    next(results)
    assert [rows for _, rows, _ in model.asked] == [4]
    results.close()


class Camera:
    """A camera of four pictures, which only one can use at a time."""

    in_use = False
    opened = 0

    def __init__(self, location):
        self.left = 4
        self.is_mine = not Camera.in_use
        Camera.in_use = True
        Camera.opened += 1

    def isOpened(self):
        return self.is_mine

    def get(self, _):
        return 10.0

    def grab(self):
        self.left -= 1
        return self.left >= 0

    def retrieve(self):
        return True, picture(200, 48, 64)

    def release(self):
        if self.is_mine:
            Camera.in_use = self.is_mine = False


@pytest.fixture
def camera(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    monkeypatch.setattr(Camera, "in_use", False)
    monkeypatch.setattr(Camera, "opened", 0)
    return Camera


def test_a_camera_is_asked_picture_by_picture(camera):
    model = Model()
    results = run("0", model)
    assert [result.source for result in results] == [f"camera:0#{n}" for n in range(4)]
    assert [rows for _, rows, _ in model.asked] == [1] * 4
    assert camera.opened == 1 and not camera.in_use


def test_a_camera_that_is_named_twice_is_opened_again(camera, photos):
    sources = [result.source for result in run(["0", photos / "a.png", "camera:0"])]
    frames = [f"camera:0#{n}" for n in range(4)]
    assert sources == [*frames, str(photos / "a.png"), *frames]
    assert camera.opened == 2 and not camera.in_use


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("camera:3", "camera:3: no such camera"),
        ("rtsp://me:secret@cam/live", "^rtsp://cam/live: is no video OpenCV reads$"),
    ],
)
def test_a_camera_that_cannot_be_opened_is_told_first(
    camera, photos, location, message
):
    camera.in_use = True
    model = Model()
    with pytest.raises(UserError, match=message):
        run([photos, location], model, save_dir=photos / "out")
    assert model.asked == [] and not (photos / "out").exists()


def test_a_broken_video_is_told_before_anything_is_asked(photos, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    model = Model()
    with pytest.raises(UserError, match="broken.mp4: is no video"):
        run([photos, tmp_path / "broken.mp4"], model, save_dir=tmp_path / "out")
    assert model.asked == [] and not (tmp_path / "out").exists()


def load(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def files(folder):
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
    )


def test_everything_is_saved(photos, tmp_path):
    clip = make_clip(tmp_path / "clip.avi", [50, 200, 0])
    out = tmp_path / "out"
    results = run([photos, clip], save_dir=out, crops=True)
    assert files(out) == [
        "annotated/a.png",
        "annotated/b.jpg",
        "annotated/clip.mp4",
        "annotated/d.png",
        "coco.json",
        "crops/bright/b_0.jpg",
        "crops/bright/clip#1_0.jpg",
        "crops/dark/a_0.png",
        "crops/dark/clip#0_0.jpg",
        "predictions.json",
    ]
    rows = load(out, "predictions.json")
    assert [row["source"] for row in rows] == [result.source for result in results]
    assert rows[1]["boxes"] == [
        {"label": "bright", "score": 0.75, "x1": 23.5, "y1": 0, "x2": 47, "y2": 33}
    ]
    coco = load(out, "coco.json")
    assert [row["category_id"] for row in coco] == [1, 2, 1, 2]
    assert coco[1]["bbox"] == [23.5, 0, 23.5, 33]
    assert pixels((out / "crops/dark/a_0.png").read_bytes()).shape == (40, 30, 3)
    assert pixels((out / "crops/bright/b_0.jpg").read_bytes()).shape == (33, 24, 3)
    shown = pixels((out / "annotated/a.png").read_bytes())
    assert shown.shape == (240, 360, 3) and (shown[200, 90] == 50).all()
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 1
    frames = run(out / "annotated" / "clip.mp4")
    assert len(frames) == 3


def test_the_boxes_fit_an_image_that_is_turned_upright(tmp_path):
    """EXIF orientation 6: stored lying, shown upright."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    lying = encode(picture(50, 40, 60), "JPEG", exif=exif)

    def answer(signature, image_bytes, **_):
        row = [[[0.0, 30.0, 40.0, 60.0]], [0.5], [b"dark"], 1, True, b""]
        return _stacked([row])

    options = {"save_dir": tmp_path, "crops": True}
    list(detections([lying], answer, NAMES, THRESHOLDS, **options))
    assert pixels((tmp_path / "crops/dark/input 0_0.jpg").read_bytes()).shape[:2] == (
        30,
        40,
    )
    shown = pixels((tmp_path / "annotated" / "input 0.jpg").read_bytes())
    assert shown.shape[:2] == (360, 240)  # six times 60 x 40


def test_images_of_one_name_do_not_replace_each_other(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(encode(picture(50)))
    out = tmp_path / "out"
    run([tmp_path / "x", tmp_path / "y"], save_dir=out, crops=True)
    names = [name for name in files(out) if name.endswith(".png")]
    assert names == [
        "annotated/a.png",
        "annotated/a_2.png",
        "crops/dark/a_0.png",
        "crops/dark/a_2_0.png",
    ]


def test_a_class_whose_name_is_a_path_stays_in_the_folder(tmp_path):
    def answer(signature, image_bytes, **_):
        row = [[[0.0, 0.0, 9.0, 9.0]], [0.5], [b"../../etc/\x00x"], 1, True, b""]
        return _stacked([row])

    names = ["../../etc/\x00x"]
    options = {"save_dir": tmp_path / "out", "crops": True}
    content = [encode(picture(50))]
    list(detections(content, answer, names, THRESHOLDS, **options))
    assert "crops/_.._etc__x/input 0_0.png" in files(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_stop_keeps_what_was_found_so_far(tmp_path):
    clip = make_clip(tmp_path / "clip.avi", [50] * 20)
    out = tmp_path / "out"
    results = detections(clip, Model(), NAMES, THRESHOLDS, save_dir=out)
    for _ in range(6):
        next(results)
    results.close()
    assert files(out) == ["annotated/clip.mp4", "coco.json", "predictions.json"]
    assert len(load(out, "predictions.json")) == 6
    assert len(run(out / "annotated" / "clip.mp4")) == 6


def test_an_image_that_cannot_be_read_does_not_stop_the_others(tmp_path):
    paths = [tmp_path / f"{number:02}.png" for number in range(18)]
    for path in paths:
        path.write_bytes(encode(picture(50)))
    out = tmp_path / "out"
    results = detections(paths, Model(), NAMES, THRESHOLDS, save_dir=out)
    first = next(results)  # the 16 of one question are read
    paths[16].unlink()
    results = [first, *results]
    assert [result.valid for result in results] == [True] * 16 + [False, True]
    assert results[16].source == str(paths[16]) and results[16].boxes == ()
    assert results[16].error == "cannot be read (No such file or directory)"
    rows = load(out, "predictions.json")
    assert [row["error"] for row in rows] == [result.error for result in results]
    assert len(load(out, "coco.json")) == 17


def test_a_users_mistake_keeps_what_was_found_before_it(photos, tmp_path):
    clips = [make_clip(tmp_path / name, [50, 200]) for name in ("a.avi", "b.avi")]
    out = tmp_path / "out"
    results = detections(
        [photos, *clips], Model(), NAMES, THRESHOLDS, save_dir=out, crops=True
    )
    seen = [next(results) for _ in range(5)]
    clips[1].unlink()
    seen.append(next(results))
    with pytest.raises(UserError, match="b.avi: is no video"):
        next(results)
    rows = load(out, "predictions.json")
    assert [row["source"] for row in rows] == [result.source for result in seen]
    assert len(load(out, "coco.json")) == 4
    assert len(run(out / "annotated" / "a.mp4")) == 2
    assert not [name for name in files(out) if "partial" in name]


def test_a_crop_that_cannot_be_written_keeps_the_video_until_then(tmp_path):
    clip = make_clip(tmp_path / "clip.avi", [50, 50, 200, 50])
    out = tmp_path / "out"
    (out / "crops").mkdir(parents=True)
    (out / "crops" / "bright").write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        run(clip, save_dir=out, crops=True)
    assert len(load(out, "predictions.json")) == 3
    assert len(run(out / "annotated" / "clip.mp4")) == 3


def test_names_are_cut_to_what_a_file_system_takes(tmp_path):
    label, cats, dogs = "\U00020000" * 80, "猫" * 80, "犬" * 80  # 320, 240, 240 bytes

    def answer(signature, image_bytes=(), pixels=(), **_):
        row = [[[0.0, 0.0, 9.0, 9.0]], [0.5], [label.encode()], 1, True, b""]
        return _stacked([row] * (len(image_bytes) + len(pixels)))

    image = tmp_path / f"{cats}.png"  # a file's name can have 255 bytes
    image.write_bytes(encode(picture(50)))
    clip = make_clip(tmp_path / f"{dogs}.avi", [50])
    options = {"save_dir": tmp_path / "out", "crops": True}
    results = list(
        detections([image, image, clip], answer, [label], THRESHOLDS, **options)
    )
    assert [result.source for result in results] == [
        str(image),
        str(image),
        f"{clip}#0",
    ]
    folder, cat, dog = label[:40], cats[:53], dogs[:53]
    assert files(tmp_path / "out") == sorted(
        [
            *(f"annotated/{name}" for name in (f"{cat}.png", f"{cat}_2.png")),
            f"annotated/{dog}.mp4",
            "coco.json",
            *(f"crops/{folder}/{name}_0.png" for name in (cat, f"{cat}_2")),
            f"crops/{folder}/{dog}#0_0.jpg",
            "predictions.json",
        ]
    )


def test_an_error_leaves_the_json_of_before(photos, tmp_path):
    run(photos / "a.png", save_dir=tmp_path / "out")
    before = load(tmp_path / "out", "predictions.json")

    def fail(*_, **__):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(photos, fail, save_dir=tmp_path / "out")
    assert load(tmp_path / "out", "predictions.json") == before
    assert not [name for name in files(tmp_path / "out") if "partial" in name]


def test_nothing_found_is_an_empty_list(photos, tmp_path):
    run(photos / "d.png", save_dir=tmp_path / "out")
    assert load(tmp_path / "out", "coco.json") == []
    assert load(tmp_path / "out", "predictions.json")[0]["boxes"] == []


def test_wrong_places(photos, tmp_path):
    with pytest.raises(UserError, match="crops need a folder"):
        run(photos, crops=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        run(photos, save_dir=tmp_path / "file")
