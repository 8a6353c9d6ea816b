"""Arrays to answers; the cases are those of TensorFlow Serving's own tests."""

import json

import numpy as np
import pytest

from amalthea.serving.server.errors import StatusError
from amalthea.serving.server.json_answers import predict_json
from amalthea.serving.server.json_text import error_json

INTS = np.array([[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 0], [1, 2]]], "i4")
WORDS = np.array([["foo", "bar"], ["baz", "bat"]], object)
BYTES = np.array([[b"hello", b"world"], [b"tf", b"serving"]], object)
SEVERAL = {
    "double_scalar_tensor": np.array([8.0, 9.0]),
    "float_tensor": np.array([[1.0], [2.0]], "f4"),
    "int_tensor": INTS,
    "str_tensor": WORDS,
    "str_tensor_bytes": BYTES,
}


def rows(outputs):
    return predict_json(outputs, True).decode()


def columns(outputs):
    return predict_json(outputs, False).decode()


def error_of(outputs, row_format=True):
    with pytest.raises(StatusError) as caught:
        predict_json(outputs, row_format)
    assert caught.value.code == "INVALID_ARGUMENT"
    return caught.value.message


def test_one_output_has_no_name():
    assert json.loads(rows({"a": INTS})) == {"predictions": INTS.tolist()}
    assert json.loads(columns({"a": INTS})) == {"outputs": INTS.tolist()}
    assert json.loads(columns({"a": INTS[0, 0, 0]})) == {"outputs": 1}


def test_several_outputs():
    encoded = [
        [{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}],
        [{"b64": "dGY="}, {"b64": "c2VydmluZw=="}],
    ]
    assert json.loads(rows(SEVERAL)) == {
        "predictions": [
            {
                "double_scalar_tensor": 8.0 + row,
                "float_tensor": [1.0 + row],
                "int_tensor": INTS[row].tolist(),
                "str_tensor": WORDS[row].tolist(),
                "str_tensor_bytes": encoded[row],
            }
            for row in range(2)
        ]
    }
    assert json.loads(columns(SEVERAL)) == {
        "outputs": {
            "double_scalar_tensor": [8.0, 9.0],
            "float_tensor": [[1.0], [2.0]],
            "int_tensor": INTS.tolist(),
            "str_tensor": WORDS.tolist(),
            "str_tensor_bytes": encoded,
        }
    }


def test_the_layout_of_rows():
    numbers = np.array([[2.5, 3.0], [3.5, 4.0]], "f4")
    assert rows({"y": numbers}) == (
        '{\n    "predictions": [[2.5, 3.0], [3.5, 4.0]\n    ]\n}'
    )
    outputs = {"a": numbers, "b_bytes": np.array([[b"x"], [b""]], object)}
    assert rows(outputs) == (
        '{\n    "predictions": [\n'
        '        {\n            "a": [2.5, 3.0],\n            "b_bytes": [{\n'
        '                    "b64": "eA=="\n                }]\n        },\n'
        '        {\n            "a": [3.5, 4.0],\n            "b_bytes": [{\n'
        '                    "b64": ""\n                }]\n        }\n    ]\n}'
    )


def test_the_layout_of_columns():
    assert columns({"y": np.array([[1], [2]])}) == (
        '{\n    "outputs": [\n        [\n            1\n        ],\n'
        "        [\n            2\n        ]\n    ]\n}"
    )
    assert columns({"a": np.array([True]), "b": np.zeros((1, 0))}) == (
        '{\n    "outputs": {\n        "a": [\n            true\n        ],\n'
        '        "b": [\n            []\n        ]\n    }\n}'
    )


@pytest.mark.parametrize(
    ("dtype", "numbers", "texts"),
    [
        (
            "float32",
            [9000000, 999999, 0.5, 0.0003, 0.00003, 555557.5],
            ["9e+06", "999999.0", "0.5", "0.0003", "3e-05", "555557.5"],
        ),
        (
            "float32",
            [float("nan"), float("inf"), 3, -float("inf"), -0.0],
            ["NaN", "Infinity", "3.0", "-Infinity", "-0.0"],
        ),
        # Where six digits lose something: nine, or seventeen for a double.
        (
            "float32",
            [0.1, 1 / 3, 16777216, 123456.7, 3.4028235e38],
            ["0.1", "0.333333343", "16777216.0", "123456.703", "3.40282347e+38"],
        ),
        ("float64", [0.1, 1 / 3, 1e300], ["0.1", "0.33333333333333331", "1e+300"]),
        ("int8", [-128, 127], ["-128", "127"]),
        ("uint8", [0, 255], ["0", "255"]),
        ("int64", [-(2**63), 2**63 - 1], [str(-(2**63)), str(2**63 - 1)]),
        ("uint64", [2**64 - 1], [str(2**64 - 1)]),
        ("bool", [True, False], ["true", "false"]),
    ],
)
def test_numbers(dtype, numbers, texts):
    text = rows({"y": np.array(numbers, dtype)})
    assert text == f'{{\n    "predictions": [{", ".join(texts)}\n    ]\n}}'


def test_all_floats_can_be_read_back():
    bits = np.random.default_rng(3).integers(0, 2**32, 20_000, np.uint32)
    numbers = bits.view(np.float32)
    text = rows({"y": numbers})
    read = np.array(json.loads(text)["predictions"], np.float64).astype(np.float32)
    np.testing.assert_array_equal(read, numbers)


@pytest.mark.parametrize("dtype", ["float16", "complex64", "uint16"])
def test_types_that_json_has_not(dtype):
    name = {"float16": "half"}.get(dtype, dtype)
    text = f"Failed to write JSON value for tensor type: {name}"
    assert error_of({"y": np.zeros(1, dtype)}) == text
    assert error_of({"y": np.zeros(1, dtype)}, False) == text
    assert json.loads(columns({"y": np.zeros(0, dtype)})) == {"outputs": []}


def test_errors_of_rows():
    assert error_of({}) == "Cannot convert empty tensor map to JSON"
    text = "Tensor name: a has no shape information "
    assert error_of({"a": np.int32(1)}) == text
    text = "Tensor name: b has inconsistent batch size: 1 expecting: 2"
    assert error_of({"a": np.zeros(2), "b": np.zeros(1)}) == text
    text = "Tensor name: b has inconsistent batch size: 1 expecting: 0"
    assert error_of({"a": np.zeros((0, 2)), "b": np.zeros(1)}) == text


def test_no_rows():
    nothing = '{\n    "predictions": []\n}'
    assert rows({"a": np.zeros((0, 2), "i4")}) == nothing
    assert rows({"a": np.zeros((0, 1, 2)), "b": np.zeros((0, 3))}) == nothing


def test_strings_are_written_as_they_are():
    outputs = {"text": np.array(['q"\\\n\x01é'.encode(), b"\xff"], object)}
    answer = predict_json(outputs, True)
    assert json.loads(answer.decode("latin-1"))["predictions"] == [
        'q"\\\n\x01é'.encode().decode("latin-1"),
        "\xff",
    ]


def test_error_bodies():
    assert error_json('Bad key: "key"') == (b'{\n    "error": "Bad key: \\"key\\""\n}')
    assert json.loads(error_json("\ud800\n")) == {"error": "?\n"}
