"""Folders that one process at a time writes to."""

import contextlib
import fcntl
import os

from ..files import cannot_write

_LOCK = ".publishing"


@contextlib.contextmanager
def claimed(folder):
    """Makes a folder and keeps other writers out of it while the block runs.

    If the block fails, the folder and its parents are removed again where they
    were made here and are empty.

    Args:
        folder: The `Path`.

    Yields:
        Nothing.

    Raises:
        UserError: if the folder cannot be written.
    """
    made = []
    try:
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        with _locked(folder / _LOCK):
            yield
    except BaseException as error:
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()
        if isinstance(error, OSError):
            raise cannot_write(folder, error) from error
        raise


@contextlib.contextmanager
def _locked(path):
    # The system drops this lock when the process ends, however it ends. So a
    # partial folder found under the lock belongs to nobody who is alive.
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # The writer we waited for removes its lock file: then lock a new one.
            if _is_at(file, path):
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)
                return


def _is_at(file, path):
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
