"""The bodies of HTTP requests: read without trust in their size or speed."""

import asyncio
import zlib

from .errors import HTTP_STATUS, StatusError


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


async def read_body(receive, headers, max_bytes, seconds):
    """Reads a body, no more than allowed of it and no longer than allowed.

    Args:
        receive: ASGI's `receive`.
        headers: A dict of the request's headers, `bytes` by lower-case name.
        max_bytes: The largest size to take, in bytes.
        seconds: The longest time that the client may take to send it.

    Returns:
        `bytes`.

    Raises:
        HttpError: 413 if the body is larger, or is said to be; 408 if it takes
            longer.
        ClientGone: if it ends too soon.
    """
    if int(headers.get(b"content-length", 0)) > max_bytes:
        raise _too_large(max_bytes)
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
                chunks.append(chunk)
                more = message.get("more_body", False)
    except TimeoutError:
        raise HttpError(
            408,
            "DEADLINE_EXCEEDED",
            f"The request was not sent whole within {seconds:g} s",
        ) from None
    return b"".join(chunks)


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
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(data, max_bytes + 1)
    except zlib.error:
        raise _no_gzip() from None
    if len(unpacked) > max_bytes:
        raise _too_large(max_bytes)
    if not unpacker.eof or unpacker.unused_data:
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
