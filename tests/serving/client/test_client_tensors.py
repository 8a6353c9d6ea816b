import numpy as np
import pytest

from amalthea.serving.client import InvalidArgument, Signature, TensorInfo
from amalthea.serving.client.tensors import (
    count_rows,
    input_arrays,
    join_parts,
    no_rows,
    split_rows,
    with_empty_axes,
)


def _signature(**inputs):
    inputs = {name: TensorInfo(name, *kind) for name, kind in inputs.items()}
    return Signature("serve", inputs, {"y": TensorInfo("y", "float32", (None,))})


def _one(value, dtype, shape=(None,)):
    return input_arrays(_signature(x=(dtype, shape)), {"x": value})["x"]


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1, 2], "float32"),
        ([0.5, float("nan"), float("inf")], "float32"),
        (np.array([0.1, 3.0]), "float32"),
        (np.array([1, 255]), "uint8"),
        (np.array([2**63, 1], "uint64"), "uint64"),
        ([True, False], "bool"),
        ([], "int64"),
        (np.float32([1.5]), "float64"),
    ],
)
def test_numbers_become_the_dtype_of_the_signature(value, dtype):
    array = _one(value, dtype)
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, np.array(value, dtype))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1.5], "int32"),
        ([256], "uint8"),
        ([-1], "uint8"),
        ([2**31], "int32"),
        ([1e300], "float32"),
        (["1"], "float32"),
        ([True], "float32"),
        ([1], "bool"),
        ([None], "float32"),
        ([[1], [1, 2]], "float32"),
        (3.0, "float32"),
        ([[1.0]], "float32"),
        ([1], "string"),
        ([None], "string"),
        ("cat", "string"),
        (b"cat", "string"),
        ([["a"], ["b", "c"]], "string"),
        (["\udc80"], "string"),
    ],
)
def test_values_that_do_not_fit_are_refused_in_one_line(value, dtype):
    with pytest.raises(InvalidArgument, match="x: ") as caught:
        _one(value, dtype)
    assert "\n" not in str(caught.value)


def test_strings_keep_their_zero_bytes():
    assert _one([b"a\0", "ä"], "string").tolist() == [b"a\0", "ä"]


def test_a_fixed_axis_is_checked():
    assert _one([[1, 2]], "float32", (None, 2)).shape == (1, 2)
    with pytest.raises(InvalidArgument, match=r"float32\[\?, 2\].*shape \[1, 3\]"):
        _one([[1, 2, 3]], "float32", (None, 2))


def test_names_have_to_be_those_of_the_signature():
    signature = _signature(a=("float32", (None,)), b=("float32", (None,)))
    with pytest.raises(InvalidArgument, match="inputs a, b; received a, c"):
        input_arrays(signature, {"a": [1], "c": [1]})


def test_examples_are_counted_where_they_can_be_sent_apart():
    signature = _signature(a=("float32", (None,)), b=("float32", (None, 2)))
    arrays = input_arrays(signature, {"a": [1, 2], "b": [[1, 2], [3, 4]]})
    assert count_rows(signature, arrays) == 2
    with pytest.raises(InvalidArgument, match="a 1, b 2"):
        count_rows(signature, {"a": np.zeros(1), "b": np.zeros((2, 2))})


@pytest.mark.parametrize("shape", [None, (), (4,)])
def test_other_requests_stay_whole(shape):
    signature = _signature(a=("float32", (None,)), b=("float32", shape))
    assert count_rows(signature, {"a": np.zeros(4), "b": np.zeros(4)}) is None


@pytest.mark.parametrize(
    ("sizes", "most_rows", "most_bytes", "expected"),
    [
        ([1] * 5, 2, 100, [(0, 2), (2, 4), (4, 5)]),
        ([1] * 4, 2, 100, [(0, 2), (2, 4)]),
        ([1] * 5, None, 100, [(0, 5)]),
        ([40, 40, 40], 32, 100, [(0, 2), (2, 3)]),
        ([10, 500, 10], 32, 100, [(0, 1), (1, 2), (2, 3)]),
        ([500], 32, 100, [(0, 1)]),
    ],
)
def test_parts_of_a_request(sizes, most_rows, most_bytes, expected):
    assert list(split_rows(sizes, most_rows, most_bytes)) == expected


def test_answers_are_put_together_and_filled_up():
    joined = join_parts(
        [
            (2, {"n": np.ones((2, 1), int), "s": np.array([[b"a"], [b"b"]], object)}),
            (1, {"n": np.ones((1, 3), int), "s": np.array([[b"c", b"d"]], object)}),
        ],
        ["n", "s"],
    )
    assert joined["n"].tolist() == [[1, 0, 0], [1, 0, 0], [1, 1, 1]]
    assert joined["s"].tolist() == [[b"a", b""], [b"b", b""], [b"c", b"d"]]


@pytest.mark.parametrize("shape", [(), (5,)])
def test_answers_that_are_not_by_example_are_not_put_together(shape):
    part = (2, {"y": np.zeros(shape)})
    with pytest.raises(InvalidArgument, match="output `y`"):
        join_parts([part, part], ["y"])
    assert join_parts([part], ["y"])["y"].shape == shape


def test_an_answer_to_nothing_has_the_shape_of_the_signature():
    outputs = {
        "boxes": TensorInfo("boxes", "float32", (None, None, 4)),
        "label": TensorInfo("label", "string", (None,)),
    }
    empty = no_rows(Signature("serve", {}, outputs), ["boxes", "label"])
    assert empty["boxes"].shape == (0, 0, 4) and empty["boxes"].dtype == "float32"
    assert empty["label"].shape == (0,) and empty["label"].dtype == object
    boxes = with_empty_axes(np.zeros((2, 0)), outputs["boxes"])
    assert boxes.shape == (2, 0, 4)
