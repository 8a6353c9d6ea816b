"""Brings one version of a model into memory, ready to answer."""

import dataclasses
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError

from ...errors import UserError
from ..model import ServedModel
from ..quiet import error_line
from ..records import WARMUP_FILE, read_records, request_arrays
from .errors import StatusError, from_tensorflow
from .predict import run_predict


@dataclasses.dataclass(eq=False)
class LoadedVersion:
    """A version that answers requests.

    Attributes:
        name: The model's name.
        version: Its version, an `int`.
        model: The `ServedModel`.
        runner: What runs the model: `run(signature, inputs, outputs,
            deadline=None)` and `close()`.
        users: How many requests hold it. Belongs to the manager, with its lock.
    """

    name: str
    version: int
    model: ServedModel
    runner: object
    users: int = 0

    def close(self):
        """Frees the model; nobody may use it any more."""
        try:
            self.runner.close()
        finally:
            self.model.close()


def load_version(name, version, folder, make_runner):
    """Loads a version and warms it up with the requests kept in its folder.

    Args:
        name: The model's name.
        version: Its version.
        folder: The version's folder.
        make_runner: Called with the `ServedModel`, the folder and the name.

    Returns:
        A `LoadedVersion`.

    Raises:
        StatusError: if the model cannot be loaded or a record of the warm-up
            fails. Nothing is left in memory.
    """
    try:
        model = ServedModel(folder)
        try:
            runner = make_runner(model, folder, name)
            loaded = LoadedVersion(name, version, model, runner)
        except BaseException:
            model.close()
            raise
        try:
            _warm_up(loaded, Path(folder, WARMUP_FILE))
        except BaseException:
            loaded.close()
            raise
    except StatusError:
        raise
    except UserError as error:
        raise _status(error) from error
    except tf.errors.OpError as error:
        raise from_tensorflow(error) from error
    except Exception as error:  # whatever a damaged model makes the loader raise
        raise StatusError("INTERNAL", error_line(error)) from error
    return loaded


def _warm_up(loaded, path):
    if not path.exists():
        return
    for log in read_records(path):
        kind = log.WhichOneof("log_type")
        if kind == "predict_log":
            request = log.predict_log.request
            run_predict(
                loaded,
                request.model_spec.signature_name,
                request_arrays(log),
                request.output_filter,
            )
        elif kind is not None:
            raise StatusError(
                "UNIMPLEMENTED", f"Unsupported log_type for warmup: {kind}"
            )


def _status(error):
    """The code that TensorFlow Serving has for what is wrong with a folder."""
    cause = error.__cause__
    if isinstance(cause, tf.errors.OpError):
        code = from_tensorflow(cause).code
    elif isinstance(cause, OSError):
        code = "NOT_FOUND"
    elif isinstance(cause, DecodeError):
        code = "DATA_LOSS"
    else:
        code = "FAILED_PRECONDITION"
    return StatusError(code, str(error))
