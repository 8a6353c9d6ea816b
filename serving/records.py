"""Requests kept in a file: a model's warm-up, with the answers it gave at export."""

import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from ..errors import UserError
from .quiet import error_line

# In a version folder; a server replays it before the version takes requests.
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
_HEADER_BYTES = 12
MAX_RECORDS = 1000  # a server refuses a model with more


def prediction_log(model, signature, inputs, outputs=None):
    """Makes the record of one request.

    Args:
        model: The model's name.
        signature: The signature's name.
        inputs: Dict from input name to numpy array.
        outputs: The answer, a dict from output name to numpy array: what
            `amalthea check` compares with. A server takes no notice of it.

    Returns:
        A `PredictionLog`.
    """
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    for name, value in (outputs or {}).items():
        log.predict_log.response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
    return log


def request_arrays(log):
    """Returns the inputs of a record, a dict from name to numpy array."""
    return _arrays(log.predict_log.request.inputs)


def response_arrays(log):
    """Returns the answer kept in a record, a dict from name to numpy array."""
    return _arrays(log.predict_log.response.outputs)


def write_records(path, logs):
    """Writes records to a file; missing parent folders are made.

    Args:
        path: The file.
        logs: `PredictionLog`s.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(os.fspath(path)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())


def read_records(path):
    """Reads a file of records, one after the other.

    Args:
        path: The file.

    Yields:
        `PredictionLog`s.

    Raises:
        UserError: if the file is damaged or holds more than a server takes.
    """
    try:
        # TensorFlow takes a file that ends within its first header for an empty one.
        if 0 < Path(path).stat().st_size < _HEADER_BYTES:
            raise UserError("damaged records (it ends too early)", path)
        records = tf.data.TFRecordDataset(os.fspath(path)).as_numpy_iterator()
        for number, record in enumerate(records):
            if number == MAX_RECORDS:
                raise UserError(f"has more than {MAX_RECORDS} records", path)
            yield prediction_log_pb2.PredictionLog.FromString(record)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", path) from error
    except (tf.errors.OpError, DecodeError) as error:
        raise UserError(f"damaged records ({error_line(error)})", path) from error


def _arrays(tensors):
    return {name: np.asarray(tf.make_ndarray(tensors[name])) for name in tensors}
