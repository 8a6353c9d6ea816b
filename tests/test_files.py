"""Files and folders that appear whole or not at all."""

import errno
import os

import pytest

from amalthea import UserError
from amalthea.files import atomic_file, atomic_folder, cannot_write


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole(tmp_path):
    target = tmp_path / "new folder" / "a.txt"
    for text in ("first", "zweite Fassung"):
        with atomic_file(target) as file:
            file.write(text)
        assert target.read_text(encoding="utf-8") == text
    assert names(target.parent) == ["a.txt"]
    assert target.stat().st_mode & 0o777 == 0o666 & ~current_umask()


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError), atomic_file(target, "wb") as file:
        file.write(b"half of the new")
        raise RuntimeError
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_folder_appears_when_it_is_full(tmp_path):
    target = tmp_path / "models" / "1"
    with atomic_folder(target) as partial:
        (partial / "inner").mkdir()
        (partial / "inner" / "a").write_text("x")
        assert not target.exists()
        assert partial.name.startswith(".")
    assert (target / "inner" / "a").read_text() == "x"
    assert names(target.parent) == ["1"]


def test_a_failed_folder_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "1") as partial:
        (partial / "a").write_text("x")
        raise RuntimeError
    assert names(tmp_path) == []


def test_an_existing_folder_is_not_touched(tmp_path):
    (tmp_path / "1").mkdir()
    with (
        pytest.raises(UserError, match="exists already"),
        atomic_folder(tmp_path / "1"),
    ):
        pass
    assert names(tmp_path) == ["1"]


def test_what_cannot_be_written_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"file/a: cannot be written \("),
        atomic_file(tmp_path / "file" / "a"),
    ):
        pass
    with (
        pytest.raises(UserError, match="cannot be written"),
        atomic_folder(tmp_path / "file" / "1"),
    ):
        pass


@pytest.mark.parametrize(
    "code, mend",
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EDQUOT, "Free some space"),
        (errno.EACCES, "Choose a folder you can write to"),
        (errno.EROFS, "Choose a folder you can write to"),
    ],
)
def test_what_to_do_depends_on_the_reason(code, mend):
    text = str(cannot_write("a", OSError(code, os.strerror(code), "/hidden")))
    assert text == f"a: cannot be written ({os.strerror(code)}). {mend}"


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
