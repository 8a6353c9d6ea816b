"""Images, videos and cameras as inputs."""

import pytest

from amalthea import UserError
from amalthea.pipelines.detect.inputs import ImageInput, VideoInput, gather_inputs


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.MP4", "note.txt", "sub/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_a_folder_has_images_and_videos(folder):
    clip = str(folder / "a.MP4")
    images = [folder / "b.png", folder / "sub" / "c.jpg"]
    assert gather_inputs(folder) == [
        VideoInput(clip, clip, is_file=True),
        *(ImageInput(str(path), path) for path in images),
    ]
    assert gather_inputs([str(folder / "*.MP4")]) == gather_inputs(clip)


def test_a_file_that_is_named_is_taken_for_an_image(folder):
    path = folder / "note.txt"
    assert gather_inputs(path) == [ImageInput(str(path), path)]
    assert gather_inputs([b"x", b"y"])[1] == ImageInput("input 1", b"y")


@pytest.mark.parametrize("item", ["camera:2", "2", 2])
def test_cameras(item, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert gather_inputs(item) == [VideoInput("camera:2", 2, is_file=False)]


def test_a_file_wins_over_the_number_of_a_camera(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "a.png").write_bytes(b"")
    assert [found.name for found in gather_inputs("2")] == ["2/a.png"]
    assert gather_inputs("camera:2")[0].location == 2


def test_a_streams_name_has_no_password():
    url = "rtsp://me:secret@cam.local:554/live?x=1"
    (found,) = gather_inputs(url)
    assert found == VideoInput("rtsp://cam.local:554/live?x=1", url, is_file=False)


@pytest.mark.parametrize("place", ["[::1/live", "me:secret@[::1/live"])
def test_a_url_that_is_none(place):
    with pytest.raises(UserError) as caught:
        gather_inputs(f"rtsp://{place}")
    assert str(caught.value) == "rtsp://[::1/live: is no valid URL"


def test_what_is_not_there(folder):
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match="empty: has no images or videos"):
        gather_inputs(folder / "empty")
    with pytest.raises(UserError, match="camera:x: no such file"):
        gather_inputs("camera:x")
