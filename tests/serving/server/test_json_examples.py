"""Bodies of classify and regress; the cases are TensorFlow Serving's own."""

import pytest

from amalthea.serving.server.errors import StatusError
from amalthea.serving.server.json_document import parse_document
from amalthea.serving.server.json_examples import check_examples


@pytest.mark.parametrize(
    "body",
    [
        """{"examples": [{"names": ["foo", "bar"], "ratings": [8.0, 9.0], "age": 20},
                         {"names": ["baz"], "ratings": 6.0}]}""",
        """{"context": {"query": "pizza", "location": ["sfo"]}, "examples": [
            {"ratings": [8.0, NaN, Infinity], "age": 20},
            {"names": ["baz", {"b64": "aGVsbG8="}], "intboolmix": [1, true, false]},
            {"ratings": -Infinity}]}""",
    ],
)
def test_good_examples(body):
    check_examples(parse_document(body.encode()))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"context": [{"names": ["foo"]}]}', "Example must be JSON object but got "),
        ('{"examples": {"names": ["foo"]}}', "Expecting 'examples' value to be an "),
        ('{"examples": []}', "'examples' value is an empty array"),
        ("{}", "When method is classify, key 'examples' is expected and was not"),
        (
            '{"examples": [[{"a": 1}]]}',
            "Example must be JSON object but got JSON ",
        ),
        (
            '{"examples": [{"names": [10, null]}]}',
            "Feature: names has element with unexpected JSON type: Null",
        ),
        (
            '{"examples": [{"names": [10, 10.0]}]}',
            "Unexpected element type in feature: names expecting type: int64",
        ),
        (
            '{"examples": [{"names": [10, {"test": 10}]}]}',
            "Feature: names has element with unexpected JSON type: Object",
        ),
        (
            '{"examples": [{"names": [[10], 20]}]}',
            "Feature: names has element with unexpected JSON type: Array",
        ),
        (
            '{"examples": [{"names": [20, 18446744073709551603]}]}',
            "Feature: names has uint64 element. Only int64 is supported.",
        ),
        (
            '{"examples": [{"names": 1.7976931348623157e308}]}',
            "Cannot convert JSON value: 1.7976931348623157e+308 to float without loss",
        ),
        ('{"examples": [{"names": 1e999}]}', "Number too big to be stored in double."),
        (
            '{"examples": [{"names": 1' + "0" * 400 + "}]}",
            "Number too big to be stored in double.",
        ),
        ('{"examples": [{"names": {"b64": "?"}}]}', "Unable to base64 decode"),
    ],
)
def test_bad_examples(body, text):
    with pytest.raises(StatusError) as caught:
        check_examples(parse_document(body.encode()))
    assert caught.value.code == "INVALID_ARGUMENT"
    assert text in caught.value.message
