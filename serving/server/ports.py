"""Ports to listen on."""

import errno
import socket

from ...errors import UserError


def free_port(host):
    """Returns a port of an address that nothing listens on.

    Args:
        host: The address, e.g. `"127.0.0.1"`.

    Raises:
        UserError: if this machine has no such address.
    """
    with _bound(host, 0) as probe:
        return probe.getsockname()[1]


def require_port(host, port):
    """Checks that a port can be listened on.

    Args:
        host: The address, e.g. `"127.0.0.1"`.
        port: The port; 0, any free one, always can.

    Raises:
        UserError: if it cannot: it is in use, or not for this user.
    """
    _bound(host, port).close()


def address(host, port):
    """Returns `"host:port"`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bound(host, port):
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        probe = socket.socket(family)
        try:
            # Connections of a server that has ended do not keep its port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen()
        except BaseException:
            probe.close()
            raise
        return probe
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                "the port is in use",
                address(host, port),
                "Stop what listens there or choose another port",
            ) from error
        reason = error.strerror or error
        raise UserError(
            f"cannot be listened on ({reason})", address(host, port)
        ) from error
