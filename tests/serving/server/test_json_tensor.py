"""Requests in JSON to arrays; the cases are those of TensorFlow Serving's own tests."""

import json
import random
from types import SimpleNamespace

import numpy as np
import pytest
from tensorflow.core.framework import types_pb2

from amalthea.serving.server.errors import StatusError
from amalthea.serving.server.json_document import parse_document, signature_name
from amalthea.serving.server.json_tensor import predict_inputs

NAN, INF = float("nan"), float("inf")


def parse(body, **dtypes):
    body = body if isinstance(body, bytes) else body.encode()
    infos = {
        name: SimpleNamespace(dtype=types_pb2.DataType.Value(f"DT_{dtype.upper()}"))
        for name, dtype in dtypes.items()
    }
    document = parse_document(body)
    return predict_inputs(document, signature_name(document), infos)


def error_of(body, **dtypes):
    with pytest.raises(StatusError) as caught:
        parse(body, **dtypes)
    return caught.value


def strings(*values):
    return np.array(values, object)


@pytest.mark.parametrize(
    ("body", "dtype", "expected"),
    [
        ("[[1,2],[3,4],[5,6]]", "int32", np.array([[1, 2], [3, 4], [5, 6]], "i4")),
        (
            "[1, 2.0, 3, 4, 5.003, 0.007, 0.0]",
            "float",
            np.array([1, 2, 3, 4, 5.003, 0.007, 0], "f4"),
        ),
        (
            "[1.0, 2, 3, 4, 0.662, 0, 0.0]",
            "double",
            np.array([1, 2, 3, 4, 0.662, 0, 0], "f8"),
        ),
        ("[NaN, Infinity, -Infinity]", "float", np.array([NAN, INF, -INF], "f4")),
        (
            '[{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}]',
            "string",
            strings(b"hello", b"world"),
        ),
        (
            '[[{"b64": "aGVsbG8="}], [{"b64": "d29ybGQ="}]]',
            "string",
            strings([b"hello"], [b"world"]),
        ),
        (
            '[{"default": [[{"b64": "aGVsbG8="}], [{"b64": "d29ybGQ="}]]}]',
            "string",
            strings([[b"hello"], [b"world"]]),
        ),
        ('["a", {"b64": "Yg=="}]', "string", strings(b"a", b"b")),
        ('["\\u00e9\\ud83d\\ude00"]', "string", strings("é😀".encode())),
        ("[true, false]", "bool", np.array([True, False])),
        ("[[], []]", "float", np.zeros((2, 0), "f4")),
        ("[-9223372036854775808]", "int64", np.array([-(2**63)], "i8")),
        ("[18446744073709551615]", "uint64", np.array([2**64 - 1], "u8")),
        ("[4294967295]", "uint32", np.array([2**32 - 1], "u4")),
        # Types below int32 take any int32 and keep its low bits.
        ("[300, -1]", "uint8", np.array([44, 255], "u1")),
        ("[300, -1]", "int8", np.array([44, -1], "i1")),
        # Beyond 64 bits an integer is a decimal number.
        ("[100000000000000000000]", "float", np.array([1e20], "f4")),
        ("[16777215, -16777215]", "float", np.array([16777215, -16777215], "f4")),
    ],
)
def test_row_format_of_one_input(body, dtype, expected):
    inputs, row_format = parse(f'{{"instances": {body}}}', default=dtype)
    assert row_format
    assert inputs["default"].dtype == expected.dtype
    np.testing.assert_array_equal(inputs["default"], expected)


def test_row_format_of_several_inputs():
    inputs, row_format = parse(
        """{"instances": [
            {"int_tensor": [[1,2],[3,4],[5,6]], "str_tensor": ["foo", "bar"],
             "float_tensor": [1.0, NaN], "dbl_tensor": [NaN]},
            {"int_tensor": [[7,8],[9,0],[1,2]], "str_tensor": ["baz", "bat"],
             "float_tensor": [2.0, Infinity], "dbl_tensor": [2.0]}]}""",
        int_tensor="int32",
        str_tensor="string",
        float_tensor="float",
        dbl_tensor="double",
    )
    assert row_format
    np.testing.assert_array_equal(
        inputs["int_tensor"], [[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 0], [1, 2]]]
    )
    assert inputs["str_tensor"].tolist() == [[b"foo", b"bar"], [b"baz", b"bat"]]
    np.testing.assert_array_equal(inputs["float_tensor"], [[1, NAN], [2, INF]])
    np.testing.assert_array_equal(inputs["dbl_tensor"], [[NAN], [2]])


@pytest.mark.parametrize(
    "value", ['{"int_tensor": [[[1,2],[3,4],[5,6]]]}', "[[[1,2],[3,4],[5,6]]]"]
)
def test_columnar_format_of_one_input(value):
    inputs, row_format = parse(f'{{"inputs": {value}}}', int_tensor="int32")
    assert not row_format
    np.testing.assert_array_equal(inputs["int_tensor"], [[[1, 2], [3, 4], [5, 6]]])


def test_columnar_format_of_several_inputs():
    inputs, row_format = parse(
        """{"inputs": {"int_tensor": [[[1,2],[3,4],[5,6]]],
                       "str_tensor": ["foo", "bar"],
                       "bin_tensor": {"b64": "aGVsbG8="}, "unknown": 1}}""",
        int_tensor="int32",
        str_tensor="string",
        bin_tensor="string",
    )
    assert not row_format
    assert list(inputs) == ["int_tensor", "str_tensor", "bin_tensor"]
    assert inputs["int_tensor"].shape == (1, 3, 2)
    assert inputs["str_tensor"].tolist() == [b"foo", b"bar"]
    assert inputs["bin_tensor"].shape == ()
    assert inputs["bin_tensor"].item() == b"hello"


def test_of_equal_keys_the_first_counts():
    inputs, _ = parse('{"inputs": [1], "inputs": [2, 3]}', x="int32")
    assert inputs["x"].tolist() == [1]


ROW = "Failed to process element: {} of 'instances' list. Error: INVALID_ARGUMENT: "
KEY = "Failed to process element: {} key: {} of 'instances' list. Error: "


@pytest.mark.parametrize(
    ("body", "dtype", "text"),
    [
        ("[[1,2],[3,4],[5,6,7]]", "int32", "Expecting tensor size: 2 but got: 3"),
        ("[[1,2],[3,4],[[5,6]]]", "int32", "Expecting shape [2] but got: [1,2]"),
        (
            '[[1,2],[3,4],["a", "b"]]',
            "int32",
            'JSON Value: "a" Type: String is not of expected type: int32',
        ),
        (
            "[1,2,1.5]",
            "int32",
            "JSON Value: 1.5 Type: Number is not of expected type: int32",
        ),
        (
            "[1,2,2147483648]",
            "uint8",
            "JSON Value: 2147483648 Type: Number is not of expected type: uint8",
        ),
        (
            "[1,2,true]",
            "float",
            "JSON Value: true Type: True is not of expected type: float",
        ),
        (
            "[true,true,1]",
            "bool",
            "JSON Value: 1 Type: Number is not of expected type: bool",
        ),
        (
            "[1,2,-1]",
            "uint64",
            "JSON Value: -1 Type: Number is not of expected type: uint64",
        ),
        (
            '["a","b",null]',
            "string",
            "JSON Value: null Type: Null is not of expected type: string",
        ),
        (
            "[1,2,1.7976931348623157e308]",
            "float",
            "Cannot convert JSON value: 1.7976931348623157e+308 to float without "
            "loss of precision.",
        ),
        (
            "[1,2,16777217]",
            "float",
            "Cannot convert JSON value: 16777217 to float without loss of precision.",
        ),
        (
            "[1,2,9007199254740993]",
            "double",
            "Cannot convert JSON value: 9007199254740993 to double without loss of "
            "precision.",
        ),
        ('["a","b",{"b64": "a?=="}]', "string", "Unable to base64 decode"),
        ('["a","b",{"b64": "aGVsbG8=="}]', "string", "Unable to base64 decode"),
        ('["a","b",{"b64": "aGVsb"}]', "string", "Unable to base64 decode"),
        (
            '[["a"],["b"],[{"b64": 1}]]',
            "string",
            'JSON Value: {\n    "b64": 1\n} not formatted correctly for base64 data',
        ),
        (
            '[[1],[2],[{"b64": "aa"}]]',
            "float",
            'JSON Value: {\n    "b64": "aa"\n} Type: Object is not of expected type: '
            "float",
        ),
    ],
)
def test_errors_in_the_third_row(body, dtype, text):
    error = error_of(f'{{"instances": {body}}}', default=dtype)
    assert (error.code, error.message) == ("INVALID_ARGUMENT", ROW.format(2) + text)


SEVERAL = {"int_tensor": "int32", "str_tensor": "string"}
FIRST = '{"int_tensor": [[1,2],[3,4],[5,6]], "str_tensor": ["foo", "bar"]}'


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            FIRST + ', {"int_tensor": [[[7,8],[9,0],[1,2]]], "str_tensor": ["a", "b"]}',
            KEY.format(1, "int_tensor")
            + "INVALID_ARGUMENT: Expecting shape [3,2] but got: [1,3,2]",
        ),
        (
            FIRST + ', {"int_tensor": [[7,8],[9,0]], "str_tensor": ["a", "b"]}',
            KEY.format(1, "int_tensor")
            + "INVALID_ARGUMENT: Expecting tensor size: 6 but got: 4",
        ),
        (
            FIRST + ", [1, 20, 30]",
            "Expecting object but got list at item 1 of input list",
        ),
        (
            FIRST + ', {"int_tensor": [[1,2],[3,4],[5,6]], "other": 1}',
            KEY.format(1, "other")
            + "INVALID_ARGUMENT: JSON object: does not have named input: other",
        ),
        (
            FIRST + ', {"str_tensor": ["a", "b"]}',
            "Failed to process element: 1 of 'instances' list. JSON object: {\n"
            '    "str_tensor": [\n        "a",\n        "b"\n    ]\n} keys must be '
            "equal to: int_tensor,str_tensor",
        ),
        (
            "[1], [2]",
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map",
        ),
    ],
)
def test_errors_in_rows_of_several_inputs(rows, text):
    assert error_of(f'{{"instances": [{rows}]}}', **SEVERAL).message == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            '{"instances": [["baz", "bar"], {"x": ["baz", "bat"]}]}',
            "Expecting value/list but got object at item 1 of input list",
        ),
        (
            '{"signature_name": 5, "instances": [[1]]}',
            'JSON Value: {\n    "signature_name": 5,\n    "instances": [\n        [\n'
            "            1\n        ]\n    ]\n} not formatted correctly. "
            "'signature_name' key must be a string value.",
        ),
        (
            '{"instances": [], "inputs": []}',
            'JSON Value: {\n    "instances": [],\n    "inputs": []\n} Not formatted '
            "correctly expecting only one of 'inputs' or 'instances' keys to exist ",
        ),
        (
            '{"instances": 1}',
            "JSON Value: {\n    \"instances\": 1\n} Excepting 'instances' to be an "
            "list/array",
        ),
        (
            '{"instances": []}',
            "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array",
        ),
        ("{}", "Missing 'inputs' or 'instances' key"),
        ("[1]", "JSON Value: [\n    1\n] Is not object"),
        ("3.5", "JSON Value: 3.5 Is not object"),
        ('{"inputs": {"y": ["a"]}}', "Missing named input: x in 'inputs' object."),
        (
            '{"inputs": [["a", "b"], ["c"]]}',
            "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
        ),
        (
            '{"inputs": ["a", ["b"]]}',
            "Encountered list at unexpected level: 1 expected < 1",
        ),
        (
            '{"inputs": [["a"], "b"]}',
            'JSON Value: "b" found at incorrect level: 2 in the JSON DOM. Expected at '
            "level: 2",
        ),
        (
            '{"inputs": ' + "[" * 65 + "]" * 65 + "}",
            "Lists are nested deeper than 64 levels",
        ),
    ],
)
def test_errors_of_the_document(body, text):
    error = error_of(body, x="string")
    assert (error.code, error.message) == ("INVALID_ARGUMENT", text)


def test_errors_of_the_signature():
    assert error_of('{"inputs": [1]}', x="int32", y="int32").message == (
        "inputs is a plain value/list, but expecting an object as multiple input "
        "tensors required as per tensorinfo_map"
    )
    text = "Failed to get input map for signature: "
    assert error_of("{}").message == text + "DEFAULT"
    assert error_of('{"signature_name": "a"}').message == text + "a"


@pytest.mark.parametrize("dtype", ["half", "bfloat16", "uint16", "complex64"])
def test_types_that_json_cannot_give(dtype):
    error = error_of('{"inputs": [1]}', x=dtype)
    assert error.code == "UNIMPLEMENTED"
    assert error.message == f"Conversion of JSON Value: 1 to type: {dtype}"
    # Within rows the code is told in the text only.
    error = error_of('{"instances": [1]}', x=dtype)
    assert error.code == "INVALID_ARGUMENT"
    assert "Error: UNIMPLEMENTED: Conversion of JSON Value: 1" in error.message


@pytest.mark.parametrize("text", ["aGVsbG8", "aGVs\\nbG8=", "aGVsbG8.", " aGVsbG8= "])
def test_lenient_base64(text):
    inputs, _ = parse(f'{{"instances": [{{"b64": "{text}"}}]}}', x="string")
    assert inputs["x"].tolist() == [b"hello"]


def test_bytes_that_are_not_utf8_reach_the_model():
    inputs, _ = parse(b'{"instances": ["\xff\xfe", "\xc3\xa9"]}', x="string")
    assert inputs["x"].tolist() == [b"\xff\xfe", "é".encode()]


@pytest.mark.parametrize(
    "number", ["1e999", "-1e999", "1" + "0" * 400, "1" + "0" * 5000]
)
@pytest.mark.parametrize("dtype", ["float", "double", "int32"])
def test_numbers_that_no_double_holds(number, dtype):
    text = "JSON Parse error: Number too big to be stored in double."
    for body in ('{{"instances": [1, {}]}}', '{{"inputs": [1, {}]}}'):
        assert error_of(body.format(number), x=dtype).message == text


@pytest.mark.parametrize("dtype", ["string", "float"])
@pytest.mark.parametrize(
    "text", [r"\ud800", r"\uD83D\u0041", r"\ud83d\ud83d", r"\\\uDBFFx"]
)
def test_high_surrogates_alone(text, dtype):
    error = error_of(f'{{"inputs": ["é{text}"]}}', x=dtype)
    offset = 15 + text.index(r"\ud" if r"\ud" in text else r"\uD")
    assert error.message == (
        "JSON Parse error: The surrogate pair in string is invalid. "
        f"at offset: {offset}"
    )


def test_other_surrogates():
    text = r"\ud83d\ude00 \\ud800 \udc00"
    inputs, _ = parse(f'{{"inputs": ["{text}"]}}', x="string")
    assert inputs["x"].tolist() == ["😀 \\ud800 ".encode() + b"\xed\xb0\x80"]


def test_short_infinities():
    inputs, _ = parse('{"inputs": [Inf, -Inf, -NaN, -Infinity, 1]}', x="float")
    np.testing.assert_array_equal(inputs["x"], [INF, -INF, NAN, -INF, 1])
    inputs, _ = parse('{"inputs": {"x": [Inf], "Inf": "-NaN"}}', x="float")
    np.testing.assert_array_equal(inputs["x"], [INF])
    assert "Invalid value." in error_of('{"inputs": [Inf, Nan]}', x="float").message


@pytest.mark.parametrize("dtype", ["half", "uint16", "complex64", "complex128"])
def test_nothing_of_a_type_that_json_cannot_give(dtype):
    inputs, _ = parse('{"inputs": []}', x=dtype)
    assert inputs["x"].shape == (0,)
    assert inputs["x"].dtype == {"half": "float16"}.get(dtype, dtype)


def test_long_values_are_shortened_in_errors():
    image = "A" * 100_000
    assert len(error_of(f'{{"inputs": ["{image}"]}}', x="float").message) < 1200
    assert (
        len(error_of(f'{{"input": ["{image}"], "signature_name": 1}}').message) < 1200
    )
    deep = '{"signature_name": ' + "[" * 900 + "]" * 900 + "}"
    assert len(error_of(deep).message) < 1200


def random_value(generator, depth=0):
    kind = generator.randrange(8 if depth < 3 else 6)
    if kind >= 6:
        size = generator.randrange(3)
        return [random_value(generator, depth + 1) for _ in range(size)]
    return [1, -5, 2.5, "x", {"b64": "aGk="}, True][kind]


def test_rows_are_converted_as_if_each_came_alone():
    generator = random.Random(7)
    converted = 0
    for _ in range(3000):
        rows = [random_value(generator, 2) for _ in range(generator.randrange(1, 4))]
        dtype = generator.choice(["float", "int32", "string", "bool"])
        alone = []
        for row in rows:
            try:
                alone.append(parse(json.dumps({"inputs": row}), x=dtype)[0]["x"])
            except StatusError:
                break
        regular = len(alone) == len(rows) and len({a.shape for a in alone}) == 1
        try:
            together = parse(json.dumps({"instances": rows}), x=dtype)[0]["x"]
        except StatusError:
            assert not regular
        else:
            assert regular
            np.testing.assert_array_equal(together, np.stack(alone))
            converted += 1
    assert converted > 300
