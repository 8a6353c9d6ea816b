"""Files, folders and patterns as inputs."""

import subprocess
import sys

import pytest

from amalthea import UserError
from amalthea.pipelines.inputs import (
    as_list,
    find_files,
    gather_images,
    gather_sources,
    try_reading,
)


@pytest.fixture
def folder(tmp_path):
    for name in ("b.PNG", "a.jpg", "note.txt", ".hidden.png", "sub/c.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_a_folder_stands_for_the_images_in_it_and_below(folder):
    names, contents = gather_images(folder)
    assert names == [str(folder / name) for name in ("a.jpg", "b.PNG", "sub/c.webp")]
    assert list(contents) == [b"a.jpg", b"b.PNG", b"sub/c.webp"]


def test_files_patterns_and_bytes_keep_their_order(folder):
    inputs = [b"bytes", str(folder / "note.txt"), str(folder / "**" / "*.webp")]
    names, contents = gather_images(inputs)
    assert names == ["input 0", *(str(folder / n) for n in ("note.txt", "sub/c.webp"))]
    assert list(contents) == [b"bytes", b"note.txt", b"sub/c.webp"]


def test_a_file_is_read_when_it_is_asked_for(folder):
    names, contents = gather_images([folder / "a.jpg", folder / "b.PNG"])
    assert next(contents) == b"a.jpg"
    (folder / "b.PNG").unlink()
    with pytest.raises(UserError, match="b.PNG: cannot be read"):
        next(contents)


def test_what_cannot_be_read_is_told_beside_the_others(folder):
    sources = gather_sources([folder / "a.jpg", b"bytes", folder / "b.PNG"])
    names, places = zip(*sources, strict=True)
    assert names == (str(folder / "a.jpg"), "input 1", str(folder / "b.PNG"))
    (folder / "a.jpg").unlink()
    assert [try_reading(place) for place in places] == [
        (b"", "cannot be read (No such file or directory)"),
        (b"bytes", ""),
        (b"b.PNG", ""),
    ]


def test_what_is_not_there(folder):
    cases = {
        "x.png": "x.png: no such file",
        "*.gif": "matches no file",
        "empty": "empty: has no images",
    }
    (folder / "empty").mkdir()
    for name, message in cases.items():
        with pytest.raises(UserError, match=message):
            gather_images(folder / name)
    with pytest.raises(UserError, match="no inputs"):
        gather_images([])


def test_other_suffixes(folder):
    assert find_files(folder, {".txt"}, "texts") == [folder / "note.txt"]
    with pytest.raises(UserError, match="has no sounds"):
        find_files(folder, {".wav"}, "sounds")


def test_one_input_is_a_list_too(folder):
    assert as_list("a") == ["a"] and as_list(0) == [0]
    assert as_list(iter("ab")) == ["a", "b"]


def test_finding_inputs_loads_no_tensorflow(folder):
    code = (
        "import sys; from amalthea.pipelines.inputs import gather_images; "
        "gather_images(sys.argv[1]); sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, folder], check=True)
