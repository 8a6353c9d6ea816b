"""The gRPC API of a model server."""

import contextlib

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
)

from ..model_info import TensorInfo, VersionStatus
from ..signatures import dtype_and_shape
from .answers import AnswerMismatch
from .errors import ConnectionFailed, is_out_of_memory, server_error
from .targets import signatures_of

_OPTIONS = (
    # The usual 4 MB are less than a batch of images.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A server that is being started is found soon, not after minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # As with REST: what the URL names is where the request goes.
    ("grpc.enable_http_proxy", 0),
    # A transport has its own connection, also beside others to the same server.
    ("grpc.use_local_subchannel_pool", 1),
)
_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
# gRPC reports its own failures as the server's; only the text tells them apart.
_NOT_SENT = ("failed to connect", "errors resolving", "resolution failed")
_NO_HOST = ("Domain name not found", "Misformatted domain name")
_BROKEN = ("Socket closed", "Stream removed", "Connection reset", "Broken pipe")
_REFUSALS = ("UNAVAILABLE", "RESOURCE_EXHAUSTED")
_ROW_OVERHEAD = 16  # bytes: tags and lengths around a row's values, rounded up


class GrpcTransport:
    """A connection to one server's gRPC API; threads may share it.

    Args:
        address: The server's `Address`.
    """

    def __init__(self, address):
        self._url = address.url
        host = f"[{address.host}]" if ":" in address.host else address.host
        target = f"{host}:{address.port}"
        if address.secure:
            credentials = grpc.ssl_channel_credentials()
            self._channel = grpc.secure_channel(target, credentials, _OPTIONS)
        else:
            self._channel = grpc.insecure_channel(target, _OPTIONS)
        # Bytes in and out, so that a request can be encoded once and sent often.
        self._calls = {
            path: self._channel.unary_unary(path)
            for path in (_PREDICT, _METADATA, _STATUS)
        }

    def status(self, target, deadline):
        """As `RestTransport.status`."""
        request = get_model_status_pb2.GetModelStatusRequest()
        _fill_spec(request.model_spec, target)
        answer = self._call(_STATUS, request.SerializeToString(), deadline)
        with self._understood():
            response = get_model_status_pb2.GetModelStatusResponse.FromString(answer)
            return [_version_status(item) for item in response.model_version_status]

    def signatures(self, target, deadline):
        """As `RestTransport.signatures`."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            metadata_field=["signature_def"]
        )
        _fill_spec(request.model_spec, target)
        answer = self._call(_METADATA, request.SerializeToString(), deadline)
        with self._understood():
            response = get_model_metadata_pb2.GetModelMetadataResponse.FromString(
                answer
            )
            found = get_model_metadata_pb2.SignatureDefMap()
            response.metadata["signature_def"].Unpack(found)
            return signatures_of(
                {
                    name: (value.inputs, value.outputs)
                    for name, value in found.signature_def.items()
                },
                _tensor_info,
            )

    def request(self, target, signature, arrays, outputs):
        """As `RestTransport.request`; only the wanted outputs are asked for."""
        return _ProtoRequest(target, signature, arrays, outputs)

    def send(self, path, body, deadline):
        """As `RestTransport.send`."""
        return self._call(path, body, deadline)

    def outputs(self, answer, signature, names):
        """As `RestTransport.outputs`."""
        try:
            tensors = predict_pb2.PredictResponse.FromString(answer).outputs
        except DecodeError as error:
            raise AnswerMismatch(str(error)) from error
        if set(tensors) != set(names):
            raise AnswerMismatch(f"outputs {', '.join(sorted(tensors))}")
        return {name: np.asarray(tf.make_ndarray(tensors[name])) for name in names}

    def close(self):
        """Closes the connection; calls under way are cancelled."""
        self._channel.close()

    def _call(self, path, request, deadline):
        try:
            return self._calls[path](request, timeout=deadline.check())
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                # What gRPC says of its own deadline has no figure.
                deadline.check()
            raise self._error(error) from error

    def _error(self, error):
        code, message = error.code().name, error.details() or ""
        if code == "UNAVAILABLE":
            if any(text in message for text in _NO_HOST):
                return ConnectionFailed(
                    code,
                    "no such host",
                    self._url,
                    mend="Look at the host's name",
                    transient=True,
                )
            not_sent = any(text in message for text in _NOT_SENT)
            if not_sent or any(text in message for text in _BROKEN):
                return ConnectionFailed(
                    code,
                    message,
                    self._url,
                    mend="Is the server running there, and is this its gRPC port?",
                    transient=not_sent,
                )
        would_fail_again = "larger than max" in message or is_out_of_memory(message)
        return server_error(
            code,
            message,
            self._url,
            transient=code in _REFUSALS and not would_fail_again,
        )

    @contextlib.contextmanager
    def _understood(self):
        try:
            yield
        except DecodeError as error:
            raise server_error(
                "INTERNAL", "the answer is not that of a model server", self._url
            ) from error


class _ProtoRequest:
    path = _PREDICT

    def __init__(self, target, signature, arrays, outputs):
        self._arrays = arrays
        self._frame = predict_pb2.PredictRequest(output_filter=outputs)
        _fill_spec(self._frame.model_spec, target)
        self._frame.model_spec.signature_name = signature.name

    def row_sizes(self):
        """As `ColumnarRequest.row_sizes`."""
        sizes = [
            [_ROW_OVERHEAD + _row_bytes(row) for row in array]
            for array in self._arrays.values()
        ]
        return [sum(row) for row in zip(*sizes, strict=True)]

    def encode(self, start=None, stop=None):
        """As `ColumnarRequest.encode`."""
        request = predict_pb2.PredictRequest()
        request.CopyFrom(self._frame)
        for name, array in self._arrays.items():
            part = array if start is None else array[start:stop]
            request.inputs[name].CopyFrom(tf.make_tensor_proto(part))
        return request.SerializeToString()


def _row_bytes(row):
    if isinstance(row, (str, bytes)):
        return len(row) if isinstance(row, bytes) else len(row.encode())
    if row.dtype.kind == "O":
        return sum(_ROW_OVERHEAD + _row_bytes(item) for item in row.flat)
    return row.nbytes


def _fill_spec(spec, target):
    spec.name = target.model
    if target.version is not None:
        spec.version.value = target.version
    if target.label is not None:
        spec.version_label = target.label


def _version_status(item):
    return VersionStatus(
        item.version,
        get_model_status_pb2.ModelVersionStatus.State.Name(item.state),
        _error_code(item.status),
        item.status.error_message,
    )


def _error_code(status):
    number = status.error_code
    return (
        status.DESCRIPTOR.fields_by_name["error_code"]
        .enum_type.values_by_number[number]
        .name
    )


def _tensor_info(name, info):
    return TensorInfo(name, *dtype_and_shape(info))
