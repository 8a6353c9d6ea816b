"""How a server runs."""

import dataclasses

from ...errors import UserError

MEBIBYTE = 1 << 20


@dataclasses.dataclass(frozen=True)
class ServerOptions:
    """Settings of a model server.

    Args:
        host: The address to listen on. `"0.0.0.0"` lets other machines in.
        rest_port: The port of the REST API; 0 takes a free one.
        grpc_port: The port of the gRPC API; 0 takes a free one.
        poll_seconds: How often the model folders are looked at, in seconds.
        batching: Whether requests are run together, as each version's
            `batching_params.pbtxt` says.
        timeout_seconds: How long a REST request may take, in seconds; 0 for
            ever. A gRPC request brings its own deadline.
        max_body_bytes: The largest request, in bytes, after decompression.
        max_requests: How many requests may be under way; more are refused with
            `RESOURCE_EXHAUSTED`.
        cors: Whether pages of any origin may use the REST API.
        grace_seconds: How long a stop waits for requests under way, in seconds.

    Raises:
        UserError: if a value is out of its range.
    """

    host: str = "127.0.0.1"
    rest_port: int = 8501
    grpc_port: int = 8500
    poll_seconds: float = 1.0
    batching: bool = True
    timeout_seconds: float = 30.0
    max_body_bytes: int = 64 * MEBIBYTE
    max_requests: int = 1000
    cors: bool = False
    grace_seconds: float = 30.0

    def __post_init__(self):
        for name in ("rest_port", "grpc_port"):
            port = getattr(self, name)
            if not 0 <= port <= 65535:
                raise _invalid(name, "a port from 0 to 65535", port)
        if self.rest_port == self.grpc_port != 0:
            raise _invalid("grpc_port", "another than `rest_port`", self.grpc_port)
        if self.poll_seconds <= 0:
            raise _invalid("poll_seconds", "more than 0", self.poll_seconds)
        for name in ("timeout_seconds", "grace_seconds"):
            if getattr(self, name) < 0:
                raise _invalid(name, "0 or more", getattr(self, name))
        for name in ("max_body_bytes", "max_requests"):
            if getattr(self, name) < 1:
                raise _invalid(name, "1 or more", getattr(self, name))


def _invalid(name, expected, received):
    return UserError(
        f"Invalid value for `{name}`: expected {expected}, received {received}"
    )
