"""The body of a REST request, parsed, with the errors of TensorFlow Serving's parser.

TensorFlow Serving parses with RapidJSON 1.1. What Python's parser does
differently and a client can notice is put right here.
"""

import json
import os.path
import re

from .errors import StatusError
from .json_text import describe

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# These are for texts without escaped backslashes and quotes; see `_unescaped`. With
# them left out, no pattern can try one place twice: time grows with the text only.
_STRING = re.compile(r'"[^"]*"?')
_HIGH_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
# Ways to write these that Python does not know.
_INFINITY = re.compile(r"-?Inf(?:inity)?|-NaN")
_BRACKETS = re.compile(r"[][{}]")
# Longer documents are not worth the time of the exact text or a second look.
_LONGEST_SEARCH = 1 << 20
_WORDS = ("true", "false", "null")

PARSE_ERROR = "JSON Parse error: "
NUMBER_TOO_BIG = f"{PARSE_ERROR}Number too big to be stored in double."


class LiteralInfinity(float):
    """An infinity that the request names, unlike one from a number too big."""

    __slots__ = ()


def invalid(message):
    """Makes the error for a request that is wrong.

    Args:
        message: What is wrong.

    Returns:
        A `StatusError`.
    """
    return StatusError("INVALID_ARGUMENT", message)


def parse_document(body):
    """Parses the body of a request.

    Bytes that are not UTF-8 are kept as surrogate escapes, as TensorFlow Serving
    passes them on to a model.

    Args:
        body: `bytes`.

    Returns:
        A `dict`. Of equal keys the first counts.

    Raises:
        StatusError: `INVALID_ARGUMENT` if it is not JSON, or no JSON object.
    """
    if not body:
        raise invalid(f"{PARSE_ERROR}The document is empty")
    text = body.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", "surrogateescape")
    try:
        document = _decoded(text)
    except json.JSONDecodeError as error:
        raise _error_at(text, *_parse_error(text, error)) from None
    except RecursionError:
        raise invalid(f"{PARSE_ERROR}The document is nested too deeply") from None
    except ValueError:  # Python refuses integers of several thousand digits.
        raise invalid(NUMBER_TOO_BIG) from None
    _refuse_lone_surrogates(text)
    if not isinstance(document, dict):
        raise invalid(f"JSON Value: {describe(document)} Is not object")
    return document


def signature_name(document):
    """Returns the signature that a request asks for, empty for the default one.

    Args:
        document: What `parse_document` gave.

    Returns:
        A `str`.

    Raises:
        StatusError: `INVALID_ARGUMENT` if the name is not a string.
    """
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid(
            f"JSON Value: {describe(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name


def is_base64(value):
    """Tells whether a parsed value stands for bytes: `{"b64": "..."}`.

    Args:
        value: What the JSON parser gave.

    Returns:
        A `bool`.
    """
    return isinstance(value, dict) and len(value) == 1 and type(value.get("b64")) is str


def _constant(text):
    return float("nan") if text == "NaN" else LiteralInfinity(text)


def _object(pairs):
    result = dict(pairs)
    return result if len(result) == len(pairs) else dict(reversed(pairs))


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def _decoded(text):
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        short = text.startswith(("Inf", "-Inf", "-NaN"), error.pos)
        if not short or len(text) > _LONGEST_SEARCH:
            raise
    return _DECODER.decode(_spelled_out(text))


def _spelled_out(text):
    """The text with the infinities and NaNs as Python knows them."""
    pieces, at = [], 0
    for match in _INFINITY.finditer(_outside_strings(text)):
        word = match[0]
        full = "NaN" if word == "-NaN" else word.removesuffix("inity") + "inity"
        pieces += text[at : match.start()], full
        at = match.end()
    return "".join([*pieces, text[at:]])


def _unescaped(text):
    """The text with blanks for the escaped backslashes and quotes.

    A run of backslashes begins where an escape does, so that pairs can be taken from
    its left.
    """
    return text.replace(r"\\", "  ").replace(r"\"", "  ")


def _outside_strings(text):
    """The text with blanks for the strings, even for a last one without an end."""
    return _STRING.sub(lambda match: " " * len(match[0]), _unescaped(text))


def _refuse_lone_surrogates(text):
    if r"\ud" not in text and r"\uD" not in text:
        return
    match = _HIGH_SURROGATE.search(_unescaped(text))
    if match:
        reason = "The surrogate pair in string is invalid."
        raise _error_at(text, reason, match.start())


def _error_at(text, reason, position):
    offset = len(text[:position].encode("utf-8", "surrogateescape"))
    return invalid(f"{PARSE_ERROR}{reason} at offset: {offset}")


def _parse_error(text, error):
    """What RapidJSON says about a document that Python cannot parse, and where."""
    position, message = error.pos, error.msg
    rest = text[position : position + 8]
    if message.startswith("Invalid control character"):
        return "Invalid escape character in string.", position
    if message.startswith("Invalid \\u"):
        start = text.rfind("\\", 0, position + 1)
        return "Incorrect hex digit after \\u escape in string.", start
    if message.startswith("Invalid \\"):
        return "Invalid escape character in string.", position
    if message.startswith("Unterminated string"):
        return "Missing a closing quotation mark in string.", len(text)
    if message.startswith("Expecting value"):
        if not text[:position].strip(" \t\n\r") and not rest:
            return "The document is empty.", position
        return "Invalid value.", position + _good_start(rest)
    if message.startswith("Expecting property name"):
        return "Missing a name for object member.", position
    if message.startswith("Expecting ':'"):
        return "Missing a colon after a name of object member.", position
    if message.startswith("Illegal trailing comma"):
        position = len(text) - len(text[position + 1 :].lstrip())
        if "array" in message:
            return "Invalid value.", position
        return "Missing a name for object member.", position
    # What is left: a value is followed by something that cannot follow it.
    after_digit = text[position - 1 : position].isdigit()
    if after_digit and rest[:1] == ".":
        return "Miss fraction part in number.", position + 1
    if after_digit and rest[:1] in ("e", "E"):
        return "Miss exponent in number.", position + 1 + (rest[1:2] in ("+", "-"))
    if message.startswith("Extra data"):
        return "The document root must not be followed by other values.", position
    if _in_object(text, position):
        return "Missing a comma or } after an object member.", position
    return "Missing a comma or ] after an array element.", position


def _good_start(rest):
    """How many characters of a wrong value could still have become a right one."""
    if rest.startswith("-"):
        return 1
    return max(len(os.path.commonprefix((rest, word))) for word in _WORDS)


def _in_object(text, position):
    if position > _LONGEST_SEARCH:
        return False
    open_brackets = []
    for bracket in _BRACKETS.findall(_outside_strings(text[:position])):
        if bracket in "[{":
            open_brackets.append(bracket)
        elif open_brackets:
            open_brackets.pop()
    return open_brackets[-1:] == ["{"]
