"""Paths of the REST API; the cases are those of TensorFlow Serving's own tests."""

import pytest

from amalthea.serving.server.errors import StatusError
from amalthea.serving.server.rest_paths import Call, is_api_path, parse_call

RESERVED = "%21%23%24%25%26%27%28%29%2A%2B%2C%2F%3A%3B%3D%3F%40%5B%5D"
PLAIN = "!#$%&'()*+,/:;=?@[]"


@pytest.mark.parametrize(
    ("verb", "path", "call"),
    [
        ("GET", f"m{RESERVED}", Call("status", f"m{PLAIN}", None, None)),
        ("GET", "m/versions/99", Call("status", "m", 99, None)),
        ("GET", "m/labels/latest", Call("status", "m", None, "latest")),
        (
            "GET",
            f"m{RESERVED}/labels/l{RESERVED}/metadata",
            Call("metadata", f"m{PLAIN}", None, f"l{PLAIN}"),
        ),
        ("GET", "m/metadata", Call("metadata", "m", None, None)),
        ("GET", "m/METADATA", Call("status", "m", None, None)),
        ("GET", "m?x=1", Call("status", "m?x=1", None, None)),
        ("POST", f"m{RESERVED}:predict", Call("predict", f"m{PLAIN}", None, None)),
        ("POST", "m/versions/99:predict", Call("predict", "m", 99, None)),
        ("POST", "m/VERSIONS/99:classify", Call("classify", "m", 99, None)),
        ("POST", "m/labels/latest:regress", Call("regress", "m", None, "latest")),
    ],
)
def test_calls(verb, path, call):
    assert is_api_path(f"/v1/models/{path}")
    assert parse_call(verb, f"/v1/models/{path}") == call


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/v1/foo"),
        ("POST", "/v1/foo"),
        ("POST", "/v1/models"),
        ("GET", "/v1/models/debug/model_name"),
        ("GET", "/v1/models/foo:predict"),
        ("GET", "/v1/models/foo/version/50:predict"),
        ("POST", "/v1/models/foo/version/50:regress"),
        ("POST", "/v1/models/foo/versions/HELLO:regress"),
        ("POST", "/v1/models/foo/versions/٣:regress"),
        ("POST", "/v1/models/foo/metadata"),
        ("POST", "/v1/models/foo/label/some_label:regress"),
        ("POST", "/v1/models/foo/versions/50/labels/some_label:regress"),
        ("POST", "/v1/models/foo:predict?x=1"),
        ("POST", "/v1/models/foo:PREDICT"),
        ("PUT", "/v1/models/foo"),
        ("OPTIONS", "/v1/models/foo:predict"),
    ],
)
def test_malformed_calls(verb, path):
    with pytest.raises(StatusError) as caught:
        parse_call(verb, path)
    assert caught.value.code == "INVALID_ARGUMENT"
    assert caught.value.message == f"Malformed request: {verb} {path}"


def test_a_version_out_of_range():
    largest = 2**63 - 1
    assert parse_call("GET", f"/v1/models/m/versions/{largest}").version == largest
    assert parse_call("GET", "/v1/models/m/versions/" + "0" * 9000).version == 0
    for version in (2**63, 2**64 - 1, "9" * 5000):
        with pytest.raises(StatusError) as caught:
            parse_call("POST", f"/v1/models/foo/versions/{version}:predict")
        assert caught.value.message == (
            f"Failed to convert version: {version} to numeric."
        )


def test_no_model_name():
    for path in ("/v1/models", "/v1/models/versions/3"):
        with pytest.raises(StatusError) as caught:
            parse_call("GET", path)
        assert caught.value.message == "Missing model name in request."


@pytest.mark.parametrize("path", ["/", "/statuspage", "/v1", "/v2/models/m", ""])
def test_other_paths(path):
    assert not is_api_path(path)
