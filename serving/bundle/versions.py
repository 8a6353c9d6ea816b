"""The folders of models and of their versions, and what exports leave in them."""

import re
import shutil
import time

MAX_VERSION = 2**63 - 1  # a server's versions are signed numbers of 64 bits
_LEFTOVER = ".partial"  # the suffix of what something interrupted leaves behind


def is_model_name(name):
    """Whether a server can have a model of this name."""
    # It reads names from URLs, where a number is a version.
    return bool(re.fullmatch(r"\w[\w.\-]*", name, re.ASCII)) and not name.isdecimal()


def version_numbers(folder):
    """The versions in a model's folder, a rising list of `int`."""
    return sorted(_folders(folder))


def is_version(name):
    """Whether a server takes a folder of this name for a version."""
    return name.isascii() and name.isdecimal() and int(name) <= MAX_VERSION


def version_age(folder, number):
    """How long ago a version appeared in a model's folder, in seconds."""
    # Where the clock of the folder's machine is ahead, as far ahead: nobody shall
    # wait for it for ever.
    return abs(time.time() - _folders(folder)[number].stat().st_ctime)


def hide_versions(folder, numbers):
    """Takes versions out of a server's sight, each by one rename.

    Args:
        folder: The model's folder.
        numbers: The versions.
    """
    folders = _folders(folder)
    for number in numbers:
        folders[number].rename(folder / f".{number}.pruned{_LEFTOVER}")


def remove_leftovers(folder):
    """Removes hidden versions and what interrupted exports left behind."""
    for path in folder.glob(f".*{_LEFTOVER}"):
        if path.is_dir():
            shutil.rmtree(path)


def remove_partial_files(folder, names):
    """Removes what was left behind where the writing of files was interrupted.

    Args:
        folder: A `Path`.
        names: The names of files that nobody writes now.
    """
    for name in names:
        for path in folder.glob(f".{name}.*{_LEFTOVER}"):
            if path.is_file():
                path.unlink(missing_ok=True)


def _folders(folder):
    if not folder.is_dir():
        return {}
    return {
        int(path.name): path
        for path in folder.iterdir()
        if is_version(path.name) and path.is_dir()
    }
