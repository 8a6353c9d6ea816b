"""The paths of the REST API, read by TensorFlow Serving's rules."""

import dataclasses
import re
from urllib.parse import unquote_to_bytes

from .json_document import invalid

_API = re.compile(r"/v1/.*", re.ASCII | re.IGNORECASE)
_VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(
    rf"/v1/models/(?P<model>[^/:]+){_VERSION}:(?P<call>classify|regress|predict)",
    re.ASCII | re.IGNORECASE,
)
_GET = re.compile(
    rf"/v1/models(?:/(?P<model>[^/:]+))?{_VERSION}(?:/(?P<call>metadata))?",
    re.ASCII | re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class Call:
    """What a request asks for.

    Attributes:
        name: `"predict"`, `"classify"`, `"regress"`, `"metadata"` or `"status"`.
        model: The model's name.
        version: Its version, or `None`.
        label: The label of a version, or `None`.
    """

    name: str
    model: str
    version: int | None
    label: str | None


def is_api_path(path):
    """Tells whether a path belongs to the API, be it malformed.

    Args:
        path: The path as it was sent.

    Returns:
        A `bool`.
    """
    return _API.fullmatch(path) is not None


def parse_call(verb, path):
    """Finds out what a request asks for.

    Args:
        verb: E.g. `"POST"`.
        path: The path as it was sent, percent-encoded, with its query if there is
            one: TensorFlow Serving takes that for a part of the path.

    Returns:
        A `Call`.

    Raises:
        StatusError: `INVALID_ARGUMENT` if the path means nothing.
    """
    pattern = {"POST": _POST, "GET": _GET}.get(verb)
    match = pattern.fullmatch(path) if pattern else None
    if match is None:
        raise _malformed(verb, path)
    version = match["version"]
    if version is not None:
        digits = version.lstrip("0") or "0"
        # The length is looked at first: Python refuses to read very long numbers.
        if len(digits) > 19 or int(digits) >= 1 << 63:
            raise invalid(f"Failed to convert version: {version} to numeric.")
        version = int(digits)
    name = match["call"]
    # The patterns ignore case, what follows from a call's name does not.
    if verb == "GET":
        name = "metadata" if name == "metadata" else "status"
        if match["model"] is None:
            raise invalid("Missing model name in request.")
    elif name != name.lower():
        raise _malformed(verb, path)
    return Call(name, _decoded(match["model"]), version, _decoded(match["label"]))


def _decoded(part):
    if part is None:
        return None
    return unquote_to_bytes(part).decode("utf-8", "replace")


def _malformed(verb, path):
    return invalid(f"Malformed request: {verb} {path}")
