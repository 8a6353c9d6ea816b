"""What RapidJSON says about a document that is not JSON, with its offsets."""

import pytest

from amalthea.serving.server.errors import StatusError
from amalthea.serving.server.json_document import parse_document


@pytest.mark.parametrize(
    ("body", "reason", "offset"),
    [
        ("  ", "The document is empty.", 2),
        ("instances = [1, 2]", "Invalid value.", 0),
        ('{"a": nul}', "Invalid value.", 9),
        ('{"a": -}', "Invalid value.", 7),
        ("[1,]", "Invalid value.", 3),
        ("[", "Invalid value.", 1),
        ("{", "Missing a name for object member.", 1),
        ('{"a": 1, }', "Missing a name for object member.", 9),
        ('{"a" 1}', "Missing a colon after a name of object member.", 5),
        ('{"a": [1 2]}', "Missing a comma or ] after an array element.", 9),
        ('{"a": ["]", 1', "Missing a comma or ] after an array element.", 13),
        ('{"a": [1] "b"}', "Missing a comma or } after an object member.", 10),
        ('{"é": [1] "b"}', "Missing a comma or } after an object member.", 11),
        ('{"a": 1', "Missing a comma or } after an object member.", 7),
        ("{} x", "The document root must not be followed by other values.", 3),
        (r'{"a": "\x"}', "Invalid escape character in string.", 7),
        ('{"a": "\n"}', "Invalid escape character in string.", 7),
        (r'{"a": "\u12x4"}', r"Incorrect hex digit after \u escape in string.", 7),
        ('{"a": "abc', "Missing a closing quotation mark in string.", 10),
        ('{"a": 1.}', "Miss fraction part in number.", 8),
        ('{"a": 1e}', "Miss exponent in number.", 8),
    ],
)
def test_parse_errors(body, reason, offset):
    with pytest.raises(StatusError) as caught:
        parse_document(body.encode())
    assert caught.value.code == "INVALID_ARGUMENT"
    assert caught.value.message == f"JSON Parse error: {reason} at offset: {offset}"


def test_an_empty_body():
    with pytest.raises(StatusError) as caught:
        parse_document(b"")
    assert caught.value.message == "JSON Parse error: The document is empty"


def test_a_byte_order_mark_is_skipped():
    assert parse_document(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_deep_nesting_is_refused(bracket):
    with pytest.raises(StatusError) as caught:
        parse_document(bracket * 1_000_000)
    assert caught.value.message == "JSON Parse error: The document is nested too deeply"
