"""Brings one version of a model into memory, ready to answer."""

import dataclasses
import errno
import math
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError

from ...errors import UserError
from ..model import ServedModel
from ..quiet import error_line
from ..records import WARMUP_FILE, read_records, request_arrays
from .errors import StatusError, from_tensorflow
from .predict import run_predict

# As TensorFlow's own file system has them; `None` is its loader's "no such file".
_OS_CODES = {
    None: "NOT_FOUND",
    errno.ENOENT: "NOT_FOUND",
    errno.ENOTDIR: "FAILED_PRECONDITION",
    errno.EISDIR: "FAILED_PRECONDITION",
    errno.EACCES: "PERMISSION_DENIED",
    errno.EPERM: "PERMISSION_DENIED",
    errno.EMFILE: "RESOURCE_EXHAUSTED",
    errno.ENFILE: "RESOURCE_EXHAUSTED",
    errno.ENOMEM: "RESOURCE_EXHAUSTED",
}
_PASSING = frozenset({"RESOURCE_EXHAUSTED", "UNAVAILABLE", "INTERNAL", "UNKNOWN"})
_MAX_WAIT_SECONDS = 60.0


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


@dataclasses.dataclass(frozen=True)
class FailedLoad:
    """A version that could not be loaded, and when to try it again.

    That is once its files change and, where the cause may pass by itself (memory,
    open files), after 1, 2, 4, ... and at most 60 seconds.

    Attributes:
        files: The `fingerprint` of its folder, from before it was loaded.
        wait_seconds: How long until it is tried again with the same files.
        due: When that is, in the seconds of the clock.
    """

    files: tuple
    wait_seconds: float
    due: float

    @classmethod
    def after(cls, previous, files, code, now):
        """Notes a failure.

        Args:
            previous: The `FailedLoad` of the time before, or `None`.
            files: The `fingerprint` of the folder, from before it was loaded.
            code: The canonical code of what went wrong.
            now: The time, in seconds.

        Returns:
            A `FailedLoad`.
        """
        if code not in _PASSING:
            return cls(files, math.inf, math.inf)
        wait = 1.0
        if previous is not None and previous.files == files:
            wait = min(2 * previous.wait_seconds, _MAX_WAIT_SECONDS)
        return cls(files, wait, now + wait)


def load_version(name, version, folder, make_runner):
    """Loads a version and warms it up with the requests kept in its folder.

    Args:
        name: The model's name.
        version: Its version.
        folder: The version's folder.
        make_runner: Called with the `ServedModel`, the folder, the name and the
            version.

    Returns:
        A `LoadedVersion`.

    Raises:
        StatusError: if the model cannot be loaded or a record of the warm-up
            fails. Nothing is left in memory.
    """
    try:
        model = ServedModel(folder)
        try:
            runner = make_runner(model, folder, name, version)
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
    except MemoryError as error:
        raise StatusError("RESOURCE_EXHAUSTED", error_line(error)) from error
    except Exception as error:  # whatever a damaged model makes the loader raise
        raise StatusError("INTERNAL", error_line(error)) from error
    return loaded


def _warm_up(loaded, path):
    if not path.exists():
        return
    for log in read_records(path):
        run_record(loaded, log)


def run_record(version, log):
    """Runs the request of a warm-up's record.

    Args:
        version: A `LoadedVersion`, or what `run_predict` needs of one.
        log: The `PredictionLog`.

    Returns:
        The answer, a dict of arrays by output name; `None` if the record is empty.

    Raises:
        StatusError: if the request fails, or is not for Predict.
    """
    kind = log.WhichOneof("log_type")
    if kind is None:
        return None
    if kind != "predict_log":
        raise StatusError("UNIMPLEMENTED", f"Unsupported log_type for warmup: {kind}")
    request = log.predict_log.request
    return run_predict(
        version,
        request.model_spec.signature_name,
        request_arrays(log),
        request.output_filter,
    )


def _status(error):
    """The code that TensorFlow Serving has for what is wrong with a folder."""
    cause = error.__cause__
    if isinstance(cause, tf.errors.OpError):
        code = from_tensorflow(cause).code
    elif isinstance(cause, OSError):
        code = _OS_CODES.get(cause.errno, "UNKNOWN")
    elif isinstance(cause, DecodeError):
        code = "DATA_LOSS"
    else:
        code = "FAILED_PRECONDITION"
    return StatusError(code, str(error))
