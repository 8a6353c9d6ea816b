"""The folders of models and of their versions."""

import re
import shutil
import time

_LEFTOVER = ".partial"  # the suffix of what an interrupted export leaves behind


def is_model_name(name):
    """Whether a server can have a model of this name."""
    # It reads names from URLs, where a number is a version.
    return bool(re.fullmatch(r"\w[\w.\-]*", name, re.ASCII)) and not name.isdecimal()


def version_numbers(folder):
    """The versions in a model's folder, a rising list of `int`."""
    return sorted(_folders(folder))


def version_age(folder, number):
    """How long ago a version appeared in a model's folder, in seconds."""
    return time.time() - _folders(folder)[number].stat().st_ctime


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


def _folders(folder):
    if not folder.is_dir():
        return {}
    return {
        int(path.name): path
        for path in folder.iterdir()
        if path.name.isascii() and path.name.isdecimal() and path.is_dir()
    }
