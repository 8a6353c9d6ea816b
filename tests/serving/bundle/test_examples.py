import json

import numpy as np
import pytest

from amalthea.errors import UserError
from amalthea.serving.bundle.examples import (
    batch,
    check_examples,
    rest_request,
    size,
)
from amalthea.serving.model_info import Signature
from amalthea.serving.signatures import GraphTensor

SIGNATURES = {
    "serving_default": Signature(
        "serving_default",
        {
            "a": GraphTensor("a", "float32", (None, 2), "a:0"),
            "b": GraphTensor("b", "string", (None,), "b:0"),
        },
        {},
    )
}


def texts(*values):
    return np.array(values, object)


def test_fitting_examples_pass():
    inputs = {"a": np.zeros((2, 2), "float32"), "b": texts(b"x", b"y")}
    check_examples({"serving_default": inputs}, SIGNATURES)
    check_examples({}, SIGNATURES)
    for kind in "SU":
        inputs["b"] = np.array(["x", "y"], kind)
        check_examples({"serving_default": inputs}, SIGNATURES)


@pytest.mark.parametrize(
    "examples, text",
    [
        ({"other": {}}, "among serving_default, received other"),
        ({"serving_default": {"a": np.zeros((1, 2))}}, "the inputs a, b"),
        ({"serving_default": {}}, "received none"),
        ({"serving_default": {"a": np.zeros((2, 2)), "b": texts(b"x")}}, "equally"),
        (
            {"serving_default": {"a": np.zeros((1, 2)), "b": texts(b"x")}},
            "dtype float32 for `a` of `serving_default`, received float64",
        ),
        (
            {"serving_default": {"a": np.zeros((1, 2), "f4"), "b": np.zeros(1)}},
            "dtype string for `b` of `serving_default`, received float64",
        ),
        (
            {"serving_default": {"a": np.zeros((1, 2), "f4"), "b": texts(7)}},
            "dtype string for `b` of `serving_default`, received object with int",
        ),
        ({"serving_default": {"a": np.zeros((0, 2)), "b": texts()}}, "one row"),
        ({"serving_default": {"a": np.float32(1), "b": np.float32(1)}}, "one row"),
    ],
)
def test_other_examples_are_told(examples, text):
    with pytest.raises(UserError, match=text):
        check_examples(examples, SIGNATURES)


def test_a_batch_repeats_the_rows():
    inputs = {"a": np.arange(3), "b": texts(b"x", b"y", b"z")}
    assert batch(inputs, 5)["a"].tolist() == [0, 1, 2, 0, 1]
    assert batch(inputs, 5)["b"].tolist() == [b"x", b"y", b"z", b"x", b"y"]
    assert batch(inputs, 1)["a"].tolist() == [0]


def test_the_size_counts_bytes_of_text_and_of_numbers():
    assert size({"a": np.zeros((2, 3), "float32"), "b": texts(b"12345", "ü")}) == 31


def test_a_request_has_two_rows_by_name():
    inputs = {
        "image_bytes": texts(b"\xff\x00", b"", b"c"),
        "text": texts("grün".encode(), "plain", b"c"),
        "raw": texts(b"\xff", b"ok", b"c"),
        "x": np.array([[1.5, 2], [3, 4], [5, 6]], "float32"),
        "n": np.array([1, 2, 3], "int64"),
        "flag": np.array([True, False, True]),
    }
    assert json.loads(rest_request(inputs)) == {
        "instances": [
            {
                "image_bytes": {"b64": "/wA="},
                "text": "grün",
                "raw": {"b64": "/w=="},
                "x": [1.5, 2.0],
                "n": 1,
                "flag": True,
            },
            {
                "image_bytes": {"b64": ""},
                "text": "plain",
                "raw": "ok",
                "x": [3.0, 4.0],
                "n": 2,
                "flag": False,
            },
        ]
    }


@pytest.mark.parametrize("kind", ["S", "U", object])
def test_a_request_takes_any_array_of_text(kind):
    values = np.array([["a", "b"]], kind)
    request = rest_request({"text": values, "raw_bytes": values[:, 0]})
    assert json.loads(request) == {
        "instances": [{"text": ["a", "b"], "raw_bytes": {"b64": "YQ=="}}]
    }


@pytest.mark.parametrize(
    "values", [texts(b"x"), texts(b"x" * 900_000, b"y" * 900_000)], ids=["few", "large"]
)
def test_a_request_has_one_row_if_there_are_few_or_they_are_large(values):
    request = json.loads(rest_request({"text": values}))
    assert request == {"instances": [{"text": values[0].decode()}]}
