"""Where a sweep's results go, looked at before the sweep."""

import os
from pathlib import Path

from ...errors import UserError


def check_folder(folder):
    """Makes sure that files can be written into a folder, and makes nothing.

    Args:
        folder: The folder; it and its parents may be missing.

    Raises:
        UserError: if they cannot.
    """
    there = Path(folder).absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise UserError("not a folder", there, "Choose another place")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError("cannot be written", there, "Choose a folder you can write to")


def check_version_dir(version_dir):
    """Makes sure that batching values can be written into an exported model.

    Args:
        version_dir: The folder that holds `saved_model.pb`.

    Raises:
        UserError: if there is no model, or nothing can be written.
    """
    folder = Path(version_dir)
    if not (folder / "saved_model.pb").is_file():
        raise UserError(
            "no SavedModel here",
            folder,
            "Name the version folder of an export, such as MODELS/NAME/1",
        )
    check_folder(folder)
