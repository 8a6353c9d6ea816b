"""The batch sizes of an export's warm-up, read without TensorFlow.

TensorFlow would take seconds to load, and room on the GPU that the server uses.
"""

import struct

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from ...errors import UserError

# As `records.WARMUP_FILE`, whose module loads TensorFlow.
_FILE = "assets.extra/tf_serving_warmup_requests"
_FRAME = struct.Struct("<Q4x")  # the length and its checksum, before a record
_CHECKSUM = 4  # bytes, after it
# Numbers of fields: PredictionLog.predict_log, .request, .inputs, the value in the
# map, TensorProto.tensor_shape, .dim
_DIMENSIONS = (6, 1, 2, 2, 2, 2)
_SIZE = 1  # of a dimension


def warm_batch_sizes(version_dir):
    """Reads which batch sizes the warm-up of a version runs.

    Args:
        version_dir: The folder that holds `saved_model.pb`, a `Path`.

    Returns:
        A set of `int`, empty where there is no warm-up.

    Raises:
        UserError: if the file cannot be read or is damaged.
    """
    path = version_dir / _FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", path) from error
    try:
        return {size for record in _records(content) for size in _batch_sizes(record)}
    except (DecodeError, struct.error, TypeError) as error:
        raise UserError("damaged records", path, "Run amalthea check") from error


def _records(content):
    position = 0
    while position < len(content):
        (length,) = _FRAME.unpack_from(content, position)
        position += _FRAME.size
        yield content[position : position + length]
        position += length + _CHECKSUM


def _batch_sizes(record):
    """Yields the outer axis of each input of a request."""
    *parents, last = _DIMENSIONS
    messages = [record]
    for number in parents:
        messages = [item for message in messages for item in _values(message, number)]
    for shape in messages:
        for dimension in _values(shape, last)[:1]:
            # A size of 0 is left out of the message.
            yield next(iter(_values(dimension, _SIZE)), 0)


def _values(message, number):
    fields = UnknownFieldSet(Empty.FromString(message))
    return [field.data for field in fields if field.field_number == number]
