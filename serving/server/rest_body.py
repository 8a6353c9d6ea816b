"""The bodies of HTTP requests: read without trust in their size or speed."""

import asyncio
import zlib

from .errors import HTTP_STATUS, StatusError

_UNCOUNTED = 1 << 16  # bytes of each body


class HttpError(StatusError):
    """A failure that HTTP has a status of its own for.

    Args:
        http_status: The status, e.g. 413.
        code: The canonical code's name that comes nearest.
        message: What a client is told.
    """

    def __init__(self, http_status, code, message):
        super().__init__(code, message)
        self.http_status = http_status


class ClientGone(Exception):
    """The client closed the connection before it had sent everything."""


def http_status(error):
    """Returns the HTTP status of a `StatusError`."""
    if isinstance(error, HttpError):
        return error.http_status
    return HTTP_STATUS[error.code]


class BodyBudget:
    """Limits what the bodies of all requests under way may take together.

    The first 64 KiB of each are not counted: a connection takes as much anyway, and
    no number of large requests can keep small ones out. A body counts as far as it
    has come, not by its announced size: announcing costs a client nothing.

    All methods, those of the shares too, belong to the event loop's thread.

    Args:
        max_bytes: The limit, in bytes.
    """

    def __init__(self, max_bytes):
        self._free = max_bytes

    def share(self):
        """Returns a `BodyShare` of nothing yet."""
        return BodyShare(self)

    def take(self, size):
        """Counts bytes.

        Raises:
            StatusError: `RESOURCE_EXHAUSTED` if they are too many; then they are not
                counted.
        """
        self.check(size)
        self._free -= size

    def check(self, size):
        """Raises what `take` would, but counts nothing."""
        if size > self._free:
            raise StatusError(
                "RESOURCE_EXHAUSTED",
                "The requests under way are too large together; try again later",
            )

    def give_back(self, size):
        """Counts bytes no longer."""
        self._free += size


class BodyShare:
    """What one request has of a `BodyBudget`.

    It is a context manager, which gives all of it back in the end.

    Args:
        budget: The `BodyBudget`.
    """

    def __init__(self, budget):
        self._budget = budget
        self._size = 0

    def check(self, size):
        """Raises what `grow` would, but counts nothing."""
        self._budget.check(_counted(self._size + size) - _counted(self._size))

    def grow(self, size):
        """Counts so many bytes more.

        Raises:
            StatusError: `RESOURCE_EXHAUSTED` if they are too many.
        """
        grown = self._size + size
        self._budget.take(_counted(grown) - _counted(self._size))
        self._size = grown

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._budget.give_back(_counted(self._size))
        self._size = 0


def _counted(size):
    return max(size - _UNCOUNTED, 0)


async def read_body(receive, headers, max_bytes, seconds, share):
    """Reads a body, no more than allowed of it and no longer than allowed.

    Args:
        receive: ASGI's `receive`.
        headers: A dict of the request's headers, `bytes` by lower-case name.
        max_bytes: The largest size to take, in bytes.
        seconds: The longest time that the client may take to send it.
        share: The `BodyShare` of the request, which the body is counted in.

    Returns:
        `bytes`.

    Raises:
        HttpError: 413 if the body is larger, or is said to be; 408 if it takes
            longer.
        StatusError: `RESOURCE_EXHAUSTED` if there is no room for it now.
        ClientGone: if it ends too soon.
    """
    announced = int(headers.get(b"content-length", 0))
    if announced > max_bytes:
        raise _too_large(max_bytes)
    share.check(announced)
    chunks, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                share.grow(len(chunk))
                chunks.append(chunk)
                more = message.get("more_body", False)
    except TimeoutError:
        raise HttpError(
            408,
            "DEADLINE_EXCEEDED",
            f"The request was not sent whole within {seconds:g} s",
        ) from None
    return b"".join(chunks)


def gunzipped_size(data, max_bytes):
    """Tells how much `gunzip` unpacks at most.

    Args:
        data: `bytes`.
        max_bytes: The largest size to unpack to, in bytes.

    Returns:
        A number of bytes: what the stream says itself, if that is allowed.
    """
    return min(int.from_bytes(data[-4:], "little"), max_bytes)


def gunzip(data, max_bytes):
    """Unpacks a gzip stream, no more than allowed of it.

    Args:
        data: `bytes`.
        max_bytes: The largest size to unpack to, in bytes.

    Returns:
        `bytes`.

    Raises:
        StatusError: `INVALID_ARGUMENT` if it is no gzip stream, cut short or
            followed by something; 413 if it would be larger.
    """
    size = gunzipped_size(data, max_bytes)
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(data, size + 1)
    except zlib.error:
        raise _no_gzip() from None
    if len(unpacked) > max_bytes:
        raise _too_large(max_bytes)
    if len(unpacked) > size or not unpacker.eof or unpacker.unused_data:
        raise _no_gzip()
    return unpacked


def _too_large(max_bytes):
    return HttpError(
        413,
        "RESOURCE_EXHAUSTED",
        f"The request is larger than the {max_bytes} bytes allowed",
    )


def _no_gzip():
    return StatusError("INVALID_ARGUMENT", "Failed to uncompress the gzipped body")
