"""Videos, frame by frame. Each frame's grey level tells its number."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from amalthea import UserError
from amalthea.pipelines.detect.video import VideoReader, VideoWriter, check_video


def level(index):
    return 20 + 10 * index


def make_clip(path, frames=12, rate=10, size=(64, 48), codec="MJPG"):
    fourcc = cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(path), fourcc, rate, size)
    for index in range(frames):
        writer.write(np.full((size[1], size[0], 3), level(index), np.uint8))
    writer.release()
    return str(path)


def grey(frame):
    return round(frame.pixels.mean())


def read(path, every=1):
    with VideoReader(str(path), "clip") as video:
        return list(video.frames(every))


def test_frames_have_number_time_and_pixels(tmp_path):
    clip = make_clip(tmp_path / "a.avi")
    frames = read(clip)
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.seconds for frame in frames] == pytest.approx(
        [index / 10 for index in range(12)]
    )
    for frame in frames:
        assert frame.pixels.shape == (48, 64, 3) and frame.pixels.dtype == np.uint8
        assert abs(grey(frame) - level(frame.index)) <= 2
    with VideoReader(clip, "clip") as video:
        assert video.rate == 10


@pytest.mark.parametrize(("every", "indices"), [(5, [0, 5, 10]), (100, [0])])
def test_every_nth_frame(tmp_path, every, indices):
    frames = read(make_clip(tmp_path / "a.avi"), every)
    assert [frame.index for frame in frames] == indices
    assert [frame.seconds for frame in frames] == pytest.approx(
        [index / 10 for index in indices]
    )
    assert all(abs(grey(frame) - level(frame.index)) <= 2 for frame in frames)


def test_pixels_are_rgb(tmp_path):
    writer = cv2.VideoWriter(
        str(tmp_path / "red.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (32, 32)
    )
    writer.write(np.full((32, 32, 3), (0, 0, 255), np.uint8))  # OpenCV's own order
    writer.release()
    (frame,) = read(tmp_path / "red.avi")
    red, green, blue = frame.pixels.reshape(-1, 3).mean(axis=0)
    assert red > 240 and green < 15 and blue < 15


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "clip: is no video OpenCV reads"),
        (b"", "clip: is no video OpenCV reads"),
        (b"a text, no video" * 100, "clip: is no video OpenCV reads"),
        ("head", "clip: (is no video OpenCV reads|has no frames)"),
    ],
)
def test_a_missing_broken_or_empty_video_is_told(tmp_path, content, message):
    path = tmp_path / "a.mp4"
    if content == "head":
        make_clip(path, codec="mp4v")
        content = path.read_bytes()[:200]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        check_video(str(path), "clip")


def test_opencv_adds_nothing_to_the_line(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"a text")
    code = (
        "import sys\n"
        "from amalthea import UserError\n"
        "from amalthea.pipelines.detect.video import check_video\n"
        "for location in (sys.argv[1], 99):\n"
        "    try:\n"
        "        check_video(location, 'clip')\n"
        "    except UserError as error:\n"
        "        print(error)"
    )
    command = [sys.executable, "-c", code, tmp_path / "a.mp4"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == "" and len(done.stdout.splitlines()) == 2


def test_a_video_without_frames_is_told(tmp_path):
    clip = make_clip(tmp_path / "a.avi", frames=0)
    with pytest.raises(UserError, match="clip: "):
        read(clip)


def test_a_camera_that_is_not_there_is_told():
    with pytest.raises(UserError, match="camera:99: no such camera"):
        VideoReader(99, "camera:99")


def test_a_name_that_is_no_utf_8_is_told(tmp_path):
    path = tmp_path / "caf\udce9.avi"
    path.write_bytes(b"")
    with pytest.raises(UserError, match="clip: has a name that is not UTF-8"):
        VideoReader(str(path), "clip")
    with pytest.raises(UserError, match=r"caf\\xe9.avi: has a name that is not UTF-8"):
        VideoWriter(path, 10)


def written(path, frames, rate=10):
    with VideoWriter(path, rate) as writer:
        for frame in frames:
            writer.write(*frame)
    return read(path)


def picture(index, height=48, width=64):
    return np.full((height, width, 3), level(index), np.uint8)


def test_a_written_video_reads_back(tmp_path):
    colours = np.zeros((48, 64, 3), np.uint8) + np.array([250, 10, 10], np.uint8)
    frames = written(tmp_path / "a.mp4", [(colours,)] * 3)
    assert len(frames) == 3
    red, green, blue = frames[0].pixels.reshape(-1, 3).mean(axis=0)
    assert red > 230 and green < 30 and blue < 30
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("size", [(49, 65), (1080, 2), (2, 2), (97, 33)])
def test_odd_sizes_lose_at_most_a_pixel(tmp_path, size):
    frames = written(tmp_path / "a.mp4", [(picture(n, *size),) for n in range(3)])
    assert len(frames) == 3
    height, width = frames[0].pixels.shape[:2]
    assert 0 <= size[0] - height <= 1 and 0 <= size[1] - width <= 1


def test_frames_of_another_size_are_kept(tmp_path):
    frames = [(picture(0),), (picture(5, 96, 128),), (picture(10),)]
    assert [round(grey(f) / 10) for f in written(tmp_path / "a.mp4", frames)] == [
        2,
        7,
        12,
    ]


def test_a_camera_that_is_slow_or_fast_is_shown_as_fast_as_it_was(tmp_path):
    # At 10 frames a second: 0.0, then nothing until 0.5, then three at once.
    seconds = [0.0, 0.5, 0.52, 0.54, 0.6]
    shown = [(picture(3 * n), time) for n, time in enumerate(seconds)]
    frames = written(tmp_path / "a.mp4", shown)
    levels = [round((grey(frame) - 20) / 30) for frame in frames]
    assert levels == [0, 1, 1, 1, 1, 1, 4]


@pytest.mark.parametrize(
    "stop", [KeyboardInterrupt(), GeneratorExit(), UserError("is full")], ids=repr
)
def test_what_was_written_until_a_stop_is_kept(tmp_path, stop):
    with pytest.raises(type(stop)), VideoWriter(tmp_path / "a.mp4", 10) as writer:
        writer.write(picture(0))
        raise stop
    assert len(read(tmp_path / "a.mp4")) == 1


def test_an_error_leaves_nothing_and_takes_nothing_away(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"mine")
    with pytest.raises(ZeroDivisionError), VideoWriter(tmp_path / "a.mp4", 1) as writer:
        writer.write(picture(0))
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"mine"


def test_a_folder_that_is_not_there(tmp_path):
    with (
        pytest.raises(UserError, match="a.mp4: cannot be written"),
        VideoWriter(tmp_path / "no" / "a.mp4", 10) as writer,
    ):
        writer.write(picture(0))


def test_a_video_without_a_frame_writes_no_file(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 10):
        pass
    assert list(tmp_path.iterdir()) == []
