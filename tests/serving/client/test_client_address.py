import pytest

from amalthea import UserError
from amalthea.serving.client.address import parse_address


@pytest.mark.parametrize(
    ("url", "api", "expected"),
    [
        ("http://localhost:8501", None, ("rest", False, "localhost", 8501, "")),
        ("https://models.example", None, ("rest", True, "models.example", 443, "")),
        ("http://host/tf/", None, ("rest", False, "host", 80, "/tf")),
        ("grpc://10.0.0.1", None, ("grpc", False, "10.0.0.1", 8500, "")),
        ("grpcs://host:1", None, ("grpc", True, "host", 1, "")),
        ("http://[::1]:8501", None, ("rest", False, "::1", 8501, "")),
        ("localhost:8501", "rest", ("rest", False, "localhost", 8501, "")),
        ("localhost:8500", "grpc", ("grpc", False, "localhost", 8500, "")),
    ],
)
def test_urls(url, api, expected):
    found = parse_address(url, api)
    assert (found.api, found.secure, found.host, found.port, found.prefix) == expected


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("localhost:8501", None),
        ("ftp://localhost", None),
        ("http://", None),
        ("", None),
        ("http://host:many", None),
        ("http://host:99999", None),
        ("http://host:8501/v1/models/pets:predict", None),
        ("http://host?x=1", None),
        ("http://me:secret@host", None),
        ("grpc://host/path", None),
        ("http://host", "grpc"),
        ("http://host", "soap"),
    ],
)
def test_what_is_no_url_of_a_server(url, api):
    with pytest.raises(UserError) as caught:
        parse_address(url, api)
    assert "\n" not in str(caught.value)
