"""What a row of the conformance table is, and short ways to write one."""

import dataclasses

JSON_TEST = "json_tensor_test.cc"
JSON = "json_tensor.cc"
REST_TEST = "http_rest_api_handler_test.cc"
REST = "http_rest_api_handler.cc"
UTIL = "http_rest_api_util.cc"
PREDICT = "predict_util.cc"
STATUS_TEST = "get_model_status_impl_test.cc"
METADATA = "get_model_metadata_impl.cc"


@dataclasses.dataclass(frozen=True)
class Case:
    """One HTTP request and its answer.

    Args:
        name: What is tried; unique.
        method: The verb.
        path: The path as it is sent.
        headers: Pairs of name and value.
        body: `None`, text, `bytes`, or a tuple of `bytes` to be sent in chunks.
        status: The HTTP status.
        answer: What the body must be.
        which: How `answer` is read. `"text"`: the very text. `"json"`: a JSON text
            with the same values, each number written with the same characters.
            `"part"`: a JSON value whose keys and values the body must contain.
            `"regex"`: found in the body. `"error"`: the text under the key `error`.
            `"error_regex"`: found in that text. `"status"`: any body.
        source: The file of TensorFlow Serving that says so.
    """

    name: str
    method: str
    path: str
    headers: tuple
    body: str | bytes | tuple | None
    status: int
    answer: object
    which: str
    source: str


@dataclasses.dataclass(frozen=True)
class GrpcCase:
    """One gRPC call and its answer.

    Args:
        name: What is tried; unique.
        call: The method, e.g. `"Predict"`.
        request: The request as a text proto.
        code: The status code's name.
        answer: With `"OK"` the response as a text proto, else the status' text.
        which: `"equal"` or `"regex"` (found in the response's text proto or in the
            status' text).
        source: The file of TensorFlow Serving that says so.
    """

    name: str
    call: str
    request: str
    code: str
    answer: str
    which: str = "equal"
    source: str = PREDICT


HALF = "/v1/models/half_plus_two"
FAILED = "Failed to process element: {} of 'instances' list. Error: INVALID_ARGUMENT: "


def rest_case(name, path, body, answer, which, status=200, source=JSON, method="POST"):
    return Case(name, method, path, (), body, status, answer, which, source)


def predict(name, body, answer, which="json", source=JSON, model="half_plus_two"):
    status = 200 if which in ("json", "text", "part", "regex") else 400
    return rest_case(
        name, f"/v1/models/{model}:predict", body, answer, which, status, source
    )


def kinds(name, signature, value, answer, which="json", source=JSON):
    """A column for a signature of the model `kinds`, which gives it back."""
    body = f'{{"signature_name": "{signature}", "inputs": {value}}}'
    if which == "json":
        answer = f'{{"outputs": {answer}}}'
    return predict(name, body, answer, which, source, model="kinds")


def pair(name, body, answer, which="error", source=JSON):
    return predict(name, body, answer, which, source, model="pair")


def texts(name, body, answer, which="json", source=JSON):
    return predict(name, body, answer, which, source, model="texts")


def get(name, path, status, answer, which, source=REST_TEST):
    return rest_case(name, path, None, answer, which, status, source, method="GET")


def malformed(name, method, path, source=REST_TEST):
    answer = f"Malformed request: {method} {path}"
    body = "" if method == "POST" else None
    return Case(name, method, path, (), body, 400, answer, "error", source)


def refused(name, request, code, answer, which="equal", call="Predict", source=PREDICT):
    return GrpcCase(name, call, request, code, answer, which, source)
