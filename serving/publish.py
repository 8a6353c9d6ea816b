"""Export: a module's signatures become `MODELS/NAME/VERSION/`, whole or not at all."""

import contextlib
import fcntl
import os
import re
import shutil
from pathlib import Path, PurePosixPath

import tensorflow as tf

from ..errors import UserError
from ..files import atomic_folder
from .audit import audit
from .model import ServedModel
from .quiet import error_line, quiet_tensorflow

_LOCK = ".publishing"


def publish(module, signatures, models_dir, name, version=None, *, extra_files=None):
    """Writes a SavedModel where a model server picks it up.

    The model is saved into a hidden folder, audited, and only then renamed to
    its version: a server that polls `MODELS/NAME` never sees a part of it, and
    neither does it after this process was killed. What a killed export left
    behind is removed by the next one of the same name. Exports of one name
    wait for each other.

    Args:
        module: The `tf.Module` to save; variables, tables and assets that the
            signatures use must be attributes of it.
        signatures: A dict from name to a `tf.function` with a fixed
            `input_signature` that returns a dict of tensors. A server's
            clients expect `"serving_default"` among them.
        models_dir: The folder of all models.
        name: The model's name, one folder below `models_dir`.
        version: A positive integer, or `None` for the highest version there
            plus one.
        extra_files: A dict from a relative path to `str` or `bytes`: files to
            put beside the model, such as a model card.

    Returns:
        The `Path` of the version folder.

    Raises:
        UserError: if the name or version is not valid or exists, the folder
            cannot be written, the audit has a finding, or a session cannot load
            the model.
    """
    _check_name(name)
    _check_version(version)
    _check_signatures(signatures)
    folder = Path(models_dir) / name
    with _claimed(folder):
        _remove_leftovers(folder)
        target = folder / str(version or max(_versions(folder), default=0) + 1)
        with atomic_folder(target) as partial:
            with quiet_tensorflow():
                tf.saved_model.save(module, str(partial), signatures=signatures)
            _write_files(partial, extra_files or {})
            _refuse(audit(partial), target)
            ServedModel(partial).close()  # loads as a server does, or raises
    return target


def _check_name(name):
    # A server reads names from URLs and a number there as a version.
    if not re.fullmatch(r"\w[\w.\-]*", name, re.ASCII) or name.isdecimal():
        raise UserError(
            "Invalid value for `name`: expected letters, digits, `_`, `-` and `.`, "
            f"not starting with `-` or `.` and not only digits, received name={name!r}"
        )


def _check_version(version):
    if version is None:
        return
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise UserError(
            "Invalid value for `version`: expected a positive integer or None, "
            f"received version={version!r}"
        )


def _check_signatures(signatures):
    # A saved ragged input cannot be told from the dense parts it becomes.
    for name, function in signatures.items():
        for spec in tf.nest.flatten(function.input_signature):
            if not isinstance(spec, tf.TensorSpec):
                raise UserError(
                    f"Invalid value for `signatures`: expected dense inputs for "
                    f"`{name}`, received {spec}"
                )


@contextlib.contextmanager
def _claimed(folder):
    """Makes `folder` and keeps other exports out of it while the block runs."""
    made = []
    try:
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        with _locked(folder / _LOCK):
            yield
    except BaseException as error:
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()
        if isinstance(error, (OSError, tf.errors.OpError)):
            raise _cannot_write(folder, error) from error
        raise


@contextlib.contextmanager
def _locked(path):
    # The system drops this lock when the process ends, however it ends. So a
    # partial folder found under the lock belongs to nobody who is alive.
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # The export we waited for removes its lock file: then lock a new one.
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


def _cannot_write(folder, error):
    reason = getattr(error, "strerror", None) or error_line(error)
    return UserError(
        f"cannot be written ({reason})",
        folder,
        "Free some space or choose a folder you can write to",
    )


def _remove_leftovers(folder):
    for path in folder.glob(".*.partial"):
        if path.is_dir():
            shutil.rmtree(path)


def _versions(folder):
    return [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]


def _write_files(folder, files):
    for name, content in files.items():
        relative = PurePosixPath(name)
        path = folder / relative
        if relative.is_absolute() or ".." in relative.parts or path.exists():
            raise UserError(
                "Invalid value for `extra_files`: expected relative paths that "
                f"are not the model's own, received {name!r}"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _refuse(result, target):
    if result.findings:
        texts = "; ".join(finding.text for finding in result.findings)
        raise UserError(f"not published, it cannot be served: {texts}", target)
