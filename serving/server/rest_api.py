"""The REST API without HTTP: from a path and a body to a status and an answer."""

import contextlib
import json
import logging
import time

from google.protobuf import json_format

from ..model_info import DEFAULT_SIGNATURE
from .errors import StatusError
from .examples import refuse_classify, refuse_regress
from .json_answers import predict_json
from .json_document import invalid, parse_document, signature_name
from .json_examples import check_examples
from .json_tensor import predict_inputs
from .json_text import error_json
from .predict import run_predict
from .rest_body import http_status
from .rest_paths import parse_call

_LOGGER = logging.getLogger("amalthea.serving")
_ENTRYPOINTS = {
    "predict": "Predict",
    "classify": "Classify",
    "regress": "Regress",
    "metadata": "GetModelMetadata",
    "status": "GetModelStatus",
}
_BROKEN = StatusError("INTERNAL", "The server failed")


class RestApi:
    """Answers the calls of TensorFlow Serving's REST API.

    Any number of threads may use it at once.

    Args:
        manager: The `ModelManager`.
        metrics: `Metrics`, or `None`.
    """

    def __init__(self, manager, metrics=None):
        self._manager = manager
        self._metrics = metrics

    def answer(self, verb, path, body, deadline=None, parsed=lambda: None):
        """Answers one request.

        Args:
            verb: E.g. `"POST"`.
            path: The path as it was sent, with its query.
            body: A function that returns the body, `bytes`; it may raise
                `StatusError`.
            deadline: When the answer is no longer wanted, in the seconds of
                `time.monotonic`, or `None`.
            parsed: A function to call as soon as the body has become tensors and
                only these are needed; not called if the request fails before.

        Returns:
            A pair: the HTTP status, and the answer, `bytes` of JSON.
        """
        started = time.monotonic()
        call, code = None, "OK"
        request = _Request()
        try:
            call = parse_call(verb, path)
            _check_time(deadline)
            reply = 200, self._answer(call, body, deadline, parsed, request)
            _check_time(deadline)
        # The errors are not kept: their tracebacks hold whole requests.
        except StatusError as error:
            code, reply = error.code, failed(error)
        except Exception:
            _LOGGER.exception("%s %s failed", verb, path)
            code, reply = "INTERNAL", failed(_BROKEN)
        self._count(call, request, code, time.monotonic() - started)
        return reply

    def refuse(self, verb, path, error):
        """Answers a request that is not looked at further.

        Args:
            verb: E.g. `"POST"`.
            path: The path as it was sent, with its query.
            error: The reason, a `StatusError`.

        Returns:
            A pair, as of `answer`.
        """
        with contextlib.suppress(StatusError):
            self._count(parse_call(verb, path), _Request(), error.code, 0.0)
        return failed(error)

    def _count(self, call, request, code, seconds):
        if self._metrics is None or call is None:
            return
        self._metrics.request(
            call.model,
            "REST",
            _ENTRYPOINTS[call.name],
            request.signature,
            code,
            seconds,
            request.rows if code == "OK" else None,
        )

    def _answer(self, call, body, deadline, parsed, request):
        if call.name == "status":
            return self._status(call)
        if call.name == "metadata":
            return self._metadata(call)
        if call.name == "predict":
            return self._predict(call, body, deadline, parsed, request)
        return self._refuse_examples(call, body, request)

    def _predict(self, call, body, deadline, parsed, request):
        document = parse_document(body())
        asked = signature_name(document)
        request.signature = name = asked or DEFAULT_SIGNATURE
        with self._acquire(call) as loaded:
            signature = loaded.model.signature_defs.get(name)
            if signature is None:
                raise invalid(
                    f'Serving signature name: "{name}" not found in signature def'
                )
            inputs, row_format = predict_inputs(document, asked, signature.inputs)
            del document
            parsed()
            outputs = run_predict(loaded, name, inputs, (), deadline)
        shape = next(iter(inputs.values())).shape
        request.rows = shape[0] if shape else 1
        return predict_json(outputs, row_format)

    def _refuse_examples(self, call, body, request):
        document = parse_document(body())
        request.signature = signature_name(document)
        check_examples(document)
        refuse = refuse_classify if call.name == "classify" else refuse_regress
        with self._acquire(call) as loaded:
            refuse(loaded, request.signature)

    def _status(self, call):
        versions = self._manager.status(call.model, call.version, call.label)
        status = {
            "model_version_status": [
                {
                    "version": str(version.version),
                    "state": version.state,
                    "status": {
                        "error_code": version.error_code,
                        "error_message": version.error_message,
                    },
                }
                for version in versions
            ]
        }
        return _json(status)

    def _metadata(self, call):
        with self._acquire(call) as loaded:
            signatures = {
                name: json_format.MessageToDict(
                    signature,
                    preserving_proto_field_name=True,
                    always_print_fields_with_no_presence=True,
                )
                for name, signature in loaded.model.signature_defs.items()
            }
            version = str(loaded.version)
        spec = {"name": call.model, "signature_name": "", "version": version}
        metadata = {"signature_def": {"signature_def": signatures}}
        return _json({"model_spec": spec, "metadata": metadata})

    def _acquire(self, call):
        return self._manager.acquire(call.model, call.version, call.label)


class _Request:
    """What is found out about a request on the way, for the metrics."""

    signature = ""
    rows = None


def late():
    """Makes the error for a request that took too long."""
    return StatusError("DEADLINE_EXCEEDED", "The request took longer than allowed")


def failed(error):
    """Returns the HTTP status and the JSON that tell a `StatusError`."""
    return http_status(error), error_json(error.message)


def _check_time(deadline):
    if deadline is not None and time.monotonic() > deadline:
        raise late()


def _json(value):
    text = json.dumps(value, indent=1, ensure_ascii=False)
    return (text + "\n").encode("utf-8", "replace")
