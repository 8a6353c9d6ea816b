"""The versions of a model on disk."""

import os
import re
from pathlib import Path

_NUMBER = re.compile(r"\s*-?[0-9]+\s*", re.ASCII)


def version_folders(base_path):
    """Finds a model's versions.

    Args:
        base_path: The model's folder.

    Returns:
        A dict from version to the `Path` of its folder, rising; `None` if there
        is no folder `base_path`.
    """
    try:
        with os.scandir(base_path) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return None
    # Of 1, 01 and 001 the last in this order counts, as in TensorFlow Serving.
    found = {_version(name): Path(base_path, name) for name in names}
    found.pop(None, None)
    return dict(sorted(found.items()))


def fingerprint(folder):
    """Tells whether a folder's files were changed.

    Args:
        folder: The folder.

    Returns:
        A value that is equal while no file is added, removed, written or given
        other rights.
    """
    files = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            try:
                status = os.stat(path)
            except OSError:  # gone since, or a link to nowhere
                files.append((path, None, None))
            else:
                files.append((path, status.st_size, status.st_ctime_ns))
    return tuple(sorted(files, key=lambda file: file[0]))


def _version(name):
    """The number that a folder's name is, by the rule of `safe_strto64`."""
    if not _NUMBER.fullmatch(name):
        return None
    number = int(name)
    return number if -(2**63) <= number < 2**63 else None
