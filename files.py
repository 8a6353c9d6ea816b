"""Files and folders that appear whole or not at all."""

import contextlib
import errno
import os
import shutil
import tempfile
from pathlib import Path

from .errors import UserError

_LONGEST_NAME = 160  # bytes, of the 255 that fit


@contextlib.contextmanager
def atomic_file(path, mode="w"):
    """Opens a file beside `path`; renames it to `path` when the block succeeds.

    A reader sees the old content or the new, never a part. If the block
    fails, `path` is left as it was and the partial file is removed.

    Args:
        path: The file to write. Missing parent folders are made.
        mode: `"w"` (UTF-8 text) or `"wb"`.

    Yields:
        The open file.

    Raises:
        UserError: if the file cannot be written (permission, disk full).
    """
    path = Path(path)
    with _write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=".partial", dir=path.parent
        )
        try:
            encoding = None if "b" in mode else "utf-8"
            with os.fdopen(handle, mode, encoding=encoding) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(partial, 0o666 & ~_umask())
            os.replace(partial, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(partial)
            raise


@contextlib.contextmanager
def atomic_folder(path):
    """Yields a new empty folder beside `path`; renames it to `path` on success.

    Args:
        path: The folder to make. It must not exist yet; missing parents are
            made.

    Yields:
        The `Path` of the folder to fill. Its name starts with a dot and is
        not a number, so that a model server that polls the parent ignores it.

    Raises:
        UserError: if `path` exists or cannot be written.
    """
    path = Path(path)
    with _write_errors(path):
        if path.exists():
            raise UserError("exists already", path, "Choose another place")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(
            tempfile.mkdtemp(
                prefix=f".{path.name}.", suffix=".partial", dir=path.parent
            )
        )
        try:
            yield partial
            for folder, _, names in os.walk(partial):
                for name in names:
                    _fsync(os.path.join(folder, name))
                _fsync(folder)
            os.chmod(partial, 0o777 & ~_umask())
            os.rename(partial, path)
            _fsync(path.parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def short_name(name):
    """Returns as much of a file's name as leaves room for what is added to it."""
    return name.encode(errors="ignore")[:_LONGEST_NAME].decode(errors="ignore")


def cannot_write(path, error):
    """The `UserError` for an error of the file system.

    Args:
        path: What was to be written.
        error: The `OSError`.

    Returns:
        A `UserError`.
    """
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return UserError(
        f"cannot be written ({error.strerror or error})",
        path,
        "Free some space" if full else "Choose a folder you can write to",
    )


@contextlib.contextmanager
def _write_errors(path):
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def _fsync(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
