"""What RapidJSON says about a document that is not JSON, with its offsets."""

import contextlib
import gc
import time

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


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        (r'{"a": "\ud83d"}', 7),
        (r'{"a": "\uD83D\ud83d\ude00"}', 7),
        (r'{"a": "\ud83d\ude00", "b": "é\\\udbff"}', 32),
        (r'{"a": "\"\ud83dx"}', 9),
    ],
)
def test_lone_high_surrogates_are_refused(text, offset):
    with pytest.raises(StatusError) as caught:
        parse_document(text.encode())
    reason = "The surrogate pair in string is invalid."
    assert caught.value.message == f"JSON Parse error: {reason} at offset: {offset}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\\ud83d\\\ud83d\ude00", "\\\\ud83d\\\U0001f600"),
        (r"\ude00", "\ude00"),  # RapidJSON takes low ones
    ],
)
def test_surrogates_that_are_taken(text, value):
    assert parse_document(f'{{"a": "{text}"}}'.encode()) == {"a": value}


def test_short_infinities():
    text = r'{"Inf": ["Inf\"Inf", Inf, -Inf, -Infinity, Infinity, "\\", -NaN, "-NaN"]}'
    values = parse_document(text.encode())["Inf"]
    assert [values[0], values[5], values[7]] == ['Inf"Inf', "\\", "-NaN"]
    assert values[1:5] == [float("inf"), float("-inf"), float("-inf"), float("inf")]
    assert values[6] != values[6]


def test_a_string_without_an_end_after_a_short_infinity():
    with pytest.raises(StatusError, match="Missing a closing quotation mark"):
        parse_document(rb'{"a": [Inf, "\"Inf\", ')


_MILLION = 1_000_000
_EMOJI = r'"\ud83d\ude00"'


@pytest.fixture(scope="module")
def a_small_heap():
    """What other tests have left in memory is not searched for garbage meanwhile."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize(
    "text",
    [
        "\\" * _MILLION,
        '"' * _MILLION,
        '\\"' * (_MILLION // 2),
        f'[{_EMOJI}, "' + "\\" * _MILLION + '"]',
        f'[{_EMOJI}, "' + '\\"' * (_MILLION // 2) + '"]',
        '["' + r"\ud83d\ude00" * (_MILLION // 12) + '"]',
        '["' + r"\\ud83d" * (_MILLION // 7) + '"]',
        '["' + r"\ud83d" * (_MILLION // 6) + '"]',
        '[Inf, "' + '\\"' * (_MILLION // 2),
        '[Inf, "' + "\\" * _MILLION,
        '[Inf, "' + "\\" * _MILLION + '"]',
        "[Inf, " + '"' * _MILLION,
        "[Inf, " + "-" * _MILLION,
        "[" + "Inf, " * (_MILLION // 5) + "1]",
        "Inf" * (_MILLION // 3),
        "[Inf, " + '"", ' * (_MILLION // 4) + "1 2",
        '["' + '\\"' * (_MILLION // 2) + '" 1',
        '["' + "\\\\" * (_MILLION // 2) + '" 1',
        "[" + '"a", ' * (_MILLION // 5) + "1 2",
        "1" * _MILLION,
        "-" * _MILLION,
        f"1.{'1' * _MILLION}",
        f"{'9' * _MILLION}.0",
        f"0.{'0' * _MILLION}1",
        f"{'9' * _MILLION}e-{_MILLION}",
        f"1e{'9' * _MILLION}",
        "[" + ("9" * 4000 + ",") * (_MILLION // 4001) + "1]",
        "[" * _MILLION,
        "]" * _MILLION,
        "[" + "[]," * (_MILLION // 3) + "[]]",
        "[" + "[" * 900 + "]" * 900 + ",[]" * (_MILLION // 3) + "}",
        '{"":' * (_MILLION // 4),
        '{"a":1,' + '"a":1,' * (_MILLION // 6) + '"a":1}',
        "," * _MILLION,
        " " * _MILLION,
        "1" + " " * _MILLION + "x",
        "[1," + " " * _MILLION + "]",
        "\n" * _MILLION + "x",
        "é" * (_MILLION // 2),
    ],
    ids=lambda text: text[:16],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_no_document_takes_long(text, wrapped, a_small_heap):
    if wrapped:
        text = f'{{"signature_name": "a", "inputs": {text}}}'
    body = text.encode()
    started = time.thread_time()
    with contextlib.suppress(StatusError):
        parse_document(body)
    assert time.thread_time() - started < 2
