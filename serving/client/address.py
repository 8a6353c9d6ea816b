"""The URL of a model server."""

import dataclasses
from urllib.parse import urlsplit

from ...errors import UserError

_SCHEMES = {
    "http": ("rest", False, 80),
    "https": ("rest", True, 443),
    "grpc": ("grpc", False, 8500),
    "grpcs": ("grpc", True, 443),
}


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a model server listens, and for what.

    Attributes:
        url: As the user wrote it, for messages.
        api: `"rest"` or `"grpc"`.
        secure: Whether the connection is encrypted.
        host: The name or IP address, IPv6 without brackets.
        port: The port.
        prefix: What stands before `/v1/models` in a path, empty or e.g.
            `"/models"`.
    """

    url: str
    api: str
    secure: bool
    host: str
    port: int
    prefix: str


def parse_address(url, api=None):
    """Reads a URL.

    Args:
        url: `http://HOST:PORT` or `https://...` for REST, `grpc://HOST:PORT`
            or `grpcs://...` (encrypted) for gRPC; or `HOST:PORT`.
        api: `"rest"` or `"grpc"`, needed where the URL has no scheme.

    Returns:
        An `Address`.

    Raises:
        UserError: if it is no such URL.
    """
    if api not in (None, "rest", "grpc"):
        raise UserError(
            f"Invalid value for `api`: expected rest or grpc, received {api}"
        )
    if "://" not in url and api is not None:
        url = f"{'http' if api == 'rest' else 'grpc'}://{url}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UserError(f"not the URL of a server ({error})", url) from error
    if parts.scheme not in _SCHEMES or not host:
        raise UserError(
            "not the URL of a server",
            url,
            "Write http://HOST:PORT for REST or grpc://HOST:PORT for gRPC",
        )
    kind, secure, usual_port = _SCHEMES[parts.scheme]
    if api not in (None, kind):
        raise UserError(f"this is a URL for {kind}, not for {api}", url)
    prefix = parts.path.rstrip("/")
    if parts.query or parts.fragment or parts.username is not None:
        raise UserError("more than a host and a port", url)
    if prefix and (kind == "grpc" or "/v1" in prefix):
        raise UserError("has a path", url, "Write the host and the port alone")
    return Address(url, kind, secure, host, port or usual_port, prefix)
