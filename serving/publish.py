"""Export: a module's signatures become `MODELS/NAME/VERSION/`, whole or not at all."""

import contextlib
import dataclasses
from pathlib import Path, PurePosixPath

import tensorflow as tf

from ..errors import UserError
from ..files import atomic_folder
from .audit import audit
from .bundle.about import About
from .bundle.models_config import ModelsConfig
from .bundle.models_dir import refresh_models_dir
from .bundle.server_files import image_mismatch, server_files
from .bundle.versions import (
    MAX_VERSION,
    is_model_name,
    remove_leftovers,
    version_numbers,
)
from .bundle.write import BUNDLE_FILES, write_bundle
from .locks import claimed
from .model import ServedModel
from .quiet import error_line, quiet_tensorflow
from .repository import CONFIG_FILE


def publish(
    module,
    signatures,
    models_dir,
    name,
    version=None,
    *,
    examples=None,
    about=None,
    keep=None,
    extra_files=None,
):
    """Writes a SavedModel, and all that a model server needs, where it looks.

    The model is saved into a hidden folder, audited, loaded, measured and warmed
    up, and only then renamed to its version: a server that polls `MODELS/NAME`
    never sees a part of it, and neither does it after this process was killed.
    What a killed export left behind is removed by the next one of the same name.
    Exports of one name wait for each other. At last `models.config` and the other
    files in `MODELS` are brought up to date. Where a `compose.yaml` there starts an
    older server, the card says so; `image_mismatch` tells it.

    Args:
        module: The `tf.Module` to save; variables, tables and assets that the
            signatures use must be attributes of it.
        signatures: A dict from name to a `tf.function` with a fixed
            `input_signature` that returns a dict of tensors. A server's
            clients expect `"serving_default"` among them.
        models_dir: The folder of all models.
        name: The model's name, one folder below `models_dir`.
        version: An integer from 1 to 2**63 - 1, or `None` for the highest
            version there plus one.
        examples: A dict from signature name to a dict from input name to a numpy
            array of real rows, equally many in each; strings as `bytes` in an
            array of dtype `object`. They are kept in the export: it is measured
            and warmed up with them. Without any the export has neither batching
            settings nor a warm-up.
        about: What the model card says of the model, an `About`.
        keep: How many versions to keep, the new one among them; older ones are
            removed unless they bear a label. All if `None`.
        extra_files: A dict from a relative path to `str` or `bytes`: files to
            put beside the model, such as a licence.

    Returns:
        The `Path` of the version folder.

    Raises:
        UserError: if the name or version is not valid or exists, the folder
            cannot be written, the audit has a finding, a session cannot load
            the model, the model rejects the examples, or `models.config` is
            damaged.
    """
    models_dir = Path(models_dir)
    _check_name(name)
    _check_count("version", version, f"an integer from 1 to {MAX_VERSION}")
    _check_count("keep", keep, "a positive integer")
    _check_signatures(signatures)
    folder = models_dir / name
    with claimed(folder):
        remove_leftovers(folder)
        with claimed(models_dir):
            ModelsConfig(models_dir)  # what is wrong is told before the work
        number = _free_version(folder, version)
        target = folder / str(number)
        about = _with_note(about, image_mismatch(models_dir, tf.__version__))
        with _errors_of_files(folder), atomic_folder(target) as partial:
            with quiet_tensorflow():
                tf.saved_model.save(module, str(partial), signatures=signatures)
            _write_files(partial, extra_files or {})
            report = audit(partial)
            _refuse(report, target)
            with ServedModel(partial) as model:  # loads as a server does, or raises
                write_bundle(partial, model, report, name, number, examples, about)
        refresh_models_dir(models_dir, tf.__version__, name, number, keep)
        remove_leftovers(folder)
    return target


@contextlib.contextmanager
def _errors_of_files(folder):
    # TensorFlow's file functions have their own exceptions.
    try:
        yield
    except tf.errors.OpError as error:
        full = isinstance(error, tf.errors.ResourceExhaustedError)
        raise UserError(
            f"cannot be written ({error_line(error)})",
            folder,
            "Free some space" if full else "Choose a folder you can write to",
        ) from error


def _free_version(folder, version):
    present = version_numbers(folder)
    if version is None:
        version = max(present, default=0) + 1
        if version > MAX_VERSION:
            raise UserError(
                "no version number is higher than those there",
                folder,
                "Choose a free one with --version",
            )
    if version in present or (folder / str(version)).exists():
        raise UserError(
            "exists already",
            folder / str(version),
            "Choose another --version, or leave it out for the next one",
        )
    return version


def _with_note(about, note):
    if note is None:
        return about
    about = about or About()
    return dataclasses.replace(about, notes=(*about.notes, f"{note}."))


def _check_name(name):
    if not is_model_name(name):
        raise UserError(
            "Invalid value for `name`: expected letters, digits, `_`, `-` and `.`, "
            "not starting with `-` or `.` and not only digits, received "
            f"name={name!r}",
            mend="Give one with --name",
        )
    if name in {CONFIG_FILE, *server_files(tf.__version__)}:
        raise UserError(
            f"Invalid value for `name`: {name} is a file in the folder of models"
        )


def _check_count(argument, value, expected):
    if value is None:
        return
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if not is_integer or not 1 <= value <= MAX_VERSION:
        raise UserError(
            f"Invalid value for `{argument}`: expected {expected}, "
            f"received {argument}={value!r}"
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


def _write_files(folder, files):
    for name, content in files.items():
        relative = PurePosixPath(name)
        path = folder / relative
        if (
            relative.is_absolute()
            or ".." in relative.parts
            or str(relative) in BUNDLE_FILES
            or path.exists()
        ):
            raise UserError(
                "Invalid value for `extra_files`: expected relative paths that "
                f"are not the export's own, received {name!r}"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _refuse(result, target):
    if result.findings:
        texts = "; ".join(finding.text for finding in result.findings)
        raise UserError(f"not published, it cannot be served: {texts}", target)
