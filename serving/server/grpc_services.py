"""TensorFlow Serving's gRPC API: `PredictionService` and `ModelService`."""

import functools
import logging
import time

import grpc
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from ...errors import UserError
from .daemon_executor import DaemonExecutor
from .errors import StatusError
from .grpc_predict import (
    classify,
    get_model_metadata,
    multi_inference,
    predict,
    regress,
)
from .grpc_status import get_model_status, handle_reload_config
from .ports import address, require_port

_LOGGER = logging.getLogger("amalthea.serving")
_SERVICES = {  # name: {method: (its request, function)}
    "tensorflow.serving.PredictionService": {
        "Predict": (predict_pb2.PredictRequest, predict),
        "GetModelMetadata": (
            get_model_metadata_pb2.GetModelMetadataRequest,
            get_model_metadata,
        ),
        "Classify": (classification_pb2.ClassificationRequest, classify),
        "Regress": (regression_pb2.RegressionRequest, regress),
        "MultiInference": (inference_pb2.MultiInferenceRequest, multi_inference),
    },
    "tensorflow.serving.ModelService": {
        "GetModelStatus": (
            get_model_status_pb2.GetModelStatusRequest,
            get_model_status,
        ),
        "HandleReloadConfigRequest": (
            model_management_pb2.ReloadConfigRequest,
            handle_reload_config,
        ),
    },
}
_MAX_THREADS = 256  # a request that waits for its batch holds one
_MAX_TEXT = 1024  # of an error, in characters
_A_YEAR = 365 * 24 * 3600.0  # seconds; a call without a deadline has a later one


class GrpcServer:
    """Answers gRPC requests.

    grpcio's threads run the requests; nothing here is changed by them.

    Args:
        manager: The `ModelManager`.
        options: `ServerOptions`.
        metrics: `Metrics`, or `None`.

    Attributes:
        port: The port, once started.
    """

    def __init__(self, manager, options, metrics=None):
        self.port = options.grpc_port
        self._manager = manager
        self._options = options
        self._metrics = metrics
        self._server = self._pool = None

    def start(self):
        """Listens on the port and takes requests.

        Raises:
            UserError: if the port cannot be listened on.
        """
        options = self._options
        # gRPC would write its own lines about a port that is in use.
        require_port(options.host, options.grpc_port)
        pool = DaemonExecutor(min(_MAX_THREADS, options.max_requests), "grpc")
        server = grpc.server(
            pool,
            maximum_concurrent_rpcs=options.max_requests,
            options=[
                # Else a second server could share the port, and half the requests.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", options.max_body_bytes),
                ("grpc.max_send_message_length", -1),
            ],
        )
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(service, self._handlers(methods))
                for service, methods in _SERVICES.items()
            ]
        )
        target = address(options.host, options.grpc_port)
        try:
            self.port = server.add_insecure_port(target)
        except RuntimeError as error:
            pool.shutdown()
            raise UserError("cannot be listened on", target) from error
        server.start()
        self._server, self._pool = server, pool

    def begin_stop(self, grace_seconds):
        """Takes no more requests; `stop` waits for those that it has.

        Args:
            grace_seconds: As of `stop`.
        """
        if self._server is not None:
            self._server.stop(grace_seconds)

    def stop(self, grace_seconds):
        """Takes no more requests and finishes those that it has.

        Args:
            grace_seconds: How long they may still take, in seconds; the clients
                of those that take longer get `CANCELLED`.
        """
        if self._server is None:
            return
        self._server.stop(grace_seconds).wait()
        self._pool.shutdown(wait=False)
        self._server = self._pool = None

    def _handlers(self, methods):
        # Without a deserializer the bytes come as they are: gRPC's own answer to
        # bytes that are no such message is INTERNAL.
        return {
            name: grpc.unary_unary_rpc_method_handler(
                functools.partial(self._answer, name, message, function)
            )
            for name, (message, function) in methods.items()
        }

    def _answer(self, name, message, function, content, context):
        """Runs one request; returns the encoded response or aborts the call."""
        started = time.monotonic()
        request = message()
        code, text, answer = "OK", "", None
        try:
            deadline = _deadline(context)
            request.MergeFromString(content)
            limits = (deadline, self._options.max_body_bytes)
            response = function(
                self._manager, request, *(limits if function is predict else ())
            )
            answer = response.SerializeToString()
        # Only the texts are kept: an error would keep this frame, with the content.
        except StatusError as error:
            code, text = error.code, error.message
        except DecodeError:
            code, text = "INVALID_ARGUMENT", f"not a {message.DESCRIPTOR.full_name}"
        except Exception:
            _LOGGER.exception("%s failed", name)
            code, text = "INTERNAL", "internal error; see the server's log"
        self._count(name, request, code, time.monotonic() - started)
        if code != "OK":
            if len(text) > _MAX_TEXT:
                text = f"{text[:_MAX_TEXT]}...TRUNCATED"
            context.abort(grpc.StatusCode[code], text)
        return answer

    def _count(self, name, request, code, seconds):
        if self._metrics is None:
            return
        spec = getattr(request, "model_spec", None)
        rows = _rows(request) if name == "Predict" and code == "OK" else None
        self._metrics.request(
            spec.name if spec else "",
            "GRPC",
            name,
            spec.signature_name if spec else "",
            code,
            seconds,
            rows,
        )


def _deadline(context):
    """The end of the time that a client gives, by `time.monotonic()`, or `None`."""
    if not context.is_active():  # it waited for a thread, and the client has gone
        raise StatusError("CANCELLED", "the client has gone")
    remaining = context.time_remaining()
    if remaining > _A_YEAR:
        return None
    return time.monotonic() + remaining


def _rows(request):
    """The outer dimension of a request's first input; `None` for a scalar."""
    for tensor in request.inputs.values():
        dimensions = tensor.tensor_shape.dim
        return dimensions[0].size if dimensions else None
    return None
