"""The REST API of a model server."""

import contextlib
import json
import re
import socket
from http.client import BadStatusLine, RemoteDisconnected
from urllib.parse import quote

import urllib3

from ..model_info import TensorInfo, VersionStatus, dtype_name
from .errors import ConnectionFailed, is_out_of_memory, server_error
from .rest_json import ColumnarRequest, outputs_of
from .targets import signatures_of

_CONNECTIONS = 64  # kept open for the next call; more can be in use
_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_TRANSIENT = (429, 503)
_CHUNK = 1 << 20  # bytes
_HEADERS = {"Content-Type": "application/json"}


class RestTransport:
    """Connections to one server's REST API; threads may share it.

    Args:
        address: The server's `Address`.
    """

    def __init__(self, address):
        self._url, self._prefix = address.url, address.prefix
        pool = urllib3.HTTPConnectionPool
        if address.secure:
            pool = urllib3.HTTPSConnectionPool
        self._pool = pool(address.host, address.port, maxsize=_CONNECTIONS)

    def status(self, target, deadline):
        """Asks how the versions of a model stand.

        Args:
            target: The `Target`.
            deadline: The `Deadline`.

        Returns:
            A list of `VersionStatus`.

        Raises:
            ServerError: if there is no answer.
        """
        answer = self._get(target, "", deadline)
        with self._understood():
            return [
                VersionStatus(
                    int(version["version"]),
                    version["state"],
                    version["status"]["error_code"],
                    version["status"]["error_message"],
                )
                for version in answer.get("model_version_status", ())
            ]

    def signatures(self, target, deadline):
        """Asks for the signatures of a model.

        Args:
            target: The `Target`.
            deadline: The `Deadline`.

        Returns:
            A dict of `Signature` by name.

        Raises:
            ServerError: if there is no answer.
        """
        answer = self._get(target, "/metadata", deadline)
        with self._understood():
            defs = answer["metadata"]["signature_def"]["signature_def"]
            return signatures_of(
                {
                    name: (value.get("inputs", {}), value.get("outputs", {}))
                    for name, value in defs.items()
                },
                _tensor_info,
            )

    def request(self, target, signature, arrays, outputs):
        """Prepares a request, whole or in parts.

        Args:
            target: The `Target`.
            signature: The `Signature`.
            arrays: Dict from input name to array.
            outputs: The names of the wanted outputs. REST has no way to say
                so: all come.

        Returns:
            An object with `path` and `encode(start, stop)`, what `send` takes,
            and `row_sizes()`, the bytes of each row.
        """
        return ColumnarRequest(self._path(target) + ":predict", signature, arrays)

    def send(self, path, body, deadline):
        """Sends a prepared request.

        Args:
            path: Of the request.
            body: What its `encode` returned.
            deadline: The `Deadline`.

        Returns:
            The answer as bytes.

        Raises:
            ServerError: if there is none.
        """
        return self._exchange("POST", path, body, deadline)

    def outputs(self, answer, signature, names):
        """Reads the answer to a request.

        Args:
            answer: What `send` returned.
            signature: The `Signature`.
            names: The outputs' names.

        Returns:
            A dict from output name to array.

        Raises:
            AnswerMismatch: if the answer is not of this signature.
        """
        return outputs_of(answer, signature, names)

    def close(self):
        """Closes the connections."""
        self._pool.close()

    def _path(self, target):
        path = f"{self._prefix}/v1/models/{quote(target.model, safe='')}"
        if target.version is not None:
            path += f"/versions/{target.version}"
        if target.label is not None:
            path += f"/labels/{quote(target.label, safe='')}"
        return path

    def _get(self, target, resource, deadline):
        answer = self._exchange("GET", self._path(target) + resource, None, deadline)
        with self._understood():
            return json.loads(answer)

    def _exchange(self, verb, path, body, deadline):
        response = None
        try:
            response = self._pool.urlopen(
                verb,
                path,
                body=body,
                headers=_HEADERS if body is not None else None,
                timeout=urllib3.Timeout(deadline.check()),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            content = _read(response, deadline)
            response.release_conn()
        except (
            urllib3.exceptions.NewConnectionError,
            urllib3.exceptions.LocationParseError,  # the name cannot be one
        ) as error:
            raise self._not_sent(error) from error
        except urllib3.exceptions.TimeoutError as error:
            raise deadline.error() from error
        except urllib3.exceptions.HTTPError as error:
            raise self._broken(error) from error
        finally:
            if response is not None and response.connection is not None:
                response.close()  # not read to the end: of no use for another call
        if response.status != 200:
            raise self._error(response, content)
        return content

    def _not_sent(self, error):
        message, mend = "no such host", "Look at the host's name"
        if not _is_unknown_host(error):
            message = f"cannot connect ({_reason(error)})"
            mend = "Is the server running there?"
        return ConnectionFailed(
            "UNAVAILABLE", message, self._url, mend=mend, transient=True
        )

    def _broken(self, error):
        inner = error.args[-1] if error.args else None
        message = f"the connection broke ({_reason(error)})"
        if isinstance(inner, BadStatusLine) and not isinstance(
            inner, RemoteDisconnected
        ):
            message = "the answer is not HTTP"
        return ConnectionFailed(
            "UNAVAILABLE",
            message,
            self._url,
            mend="Is this the port of the REST API?",
        )

    def _error(self, response, content):
        code = _CODES.get(response.status)
        if code is None:
            code = "INTERNAL" if response.status >= 500 else "UNKNOWN"
        try:
            message = str(json.loads(content)["error"])
        except (ValueError, KeyError, TypeError):
            message = content.decode(errors="replace").strip()
        return server_error(
            code,
            message or f"HTTP status {response.status} {response.reason}",
            self._url,
            transient=response.status in _TRANSIENT and not is_out_of_memory(message),
        )

    @contextlib.contextmanager
    def _understood(self):
        """Turns whatever an answer of another form causes into one error."""
        try:
            yield
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise server_error(
                "INTERNAL",
                "the answer is not that of a model server",
                self._url,
                mend="Is this the port of the REST API?",
            ) from error


def _read(response, deadline):
    """Reads a body; a server that sends it bit by bit gains no time by that."""
    parts = []
    while True:
        socket = getattr(response.connection, "sock", None)
        if socket is not None:
            socket.settimeout(deadline.check())
        part = response.read1(_CHUNK, decode_content=True)
        if not part:
            return b"".join(parts)
        parts.append(part)


def _is_unknown_host(error):
    cause = error.__cause__
    if isinstance(cause, socket.gaierror):
        # Not where the name could not be looked up just now.
        return cause.errno == socket.EAI_NONAME
    return isinstance(error, urllib3.exceptions.LocationParseError)


def _reason(error):
    """The innermost reason of an error of urllib3, in words."""
    inner = error.args[-1] if error.args else error
    text = str(inner if isinstance(inner, Exception) else error)
    text = text.rpartition("new connection: ")[2]
    return re.sub(r"^\[Errno -?\d+\] ", "", text)


def _tensor_info(name, description):
    shape = description.get("tensor_shape", {})
    axes = None
    if not shape.get("unknown_rank"):
        sizes = [int(axis["size"]) for axis in shape.get("dim", ())]
        axes = tuple(None if size < 0 else size for size in sizes)
    return TensorInfo(name, dtype_name(description["dtype"]), axes)
