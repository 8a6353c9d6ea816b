"""A request against a signature: TensorFlow Serving's checks, codes and texts."""

import types

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from helpers.half_plus_two import save_half_plus_two
from helpers.small_models import save
from tensorflow.core.protobuf import meta_graph_pb2

from amalthea.serving.model import ServedModel
from amalthea.serving.server.batching import DirectRunner
from amalthea.serving.server.errors import StatusError
from amalthea.serving.server.predict import run_predict

X = np.float32([2])
TEXT = np.array([b"any_value"], object)


@pytest.fixture(scope="module")
def half_plus_two(tmp_path_factory):
    """The model of TensorFlow Serving's own tests of these checks."""
    folder = save_half_plus_two(tmp_path_factory.mktemp("half") / "123")
    with ServedModel(folder) as model:
        yield types.SimpleNamespace(model=model, runner=DirectRunner(model))


@pytest.fixture(scope="module")
def two_inputs(tmp_path_factory):
    def serve(a, b):
        return {"sum": a + tf.cast(tf.strings.length(b), tf.float32), "same": a}

    folder = save(
        tmp_path_factory.mktemp("two") / "1",
        serve,
        tf.TensorSpec([None], tf.float32, name="a"),
        tf.TensorSpec([None], tf.string, name="b"),
    )
    with ServedModel(folder) as model:
        yield types.SimpleNamespace(model=model, runner=DirectRunner(model))


class Recorder:
    """A runner that notes what it is asked for."""

    def run(self, signature, inputs, outputs, deadline):
        self.asked = signature, inputs, outputs, deadline
        return {name: np.zeros(1) for name in outputs}


def version_of(signature):
    """A version whose one signature is a text proto."""
    proto = text_format.Parse(signature, meta_graph_pb2.SignatureDef())
    model = types.SimpleNamespace(signature_defs={"serving_default": proto})
    return types.SimpleNamespace(model=model, runner=Recorder())


def failure(version, *args, **kwargs):
    with pytest.raises(StatusError) as raised:
        run_predict(version, *args, **kwargs)
    return raised.value.code, raised.value.message


def test_a_prediction(half_plus_two):
    result = run_predict(half_plus_two, "", {"x": X})
    assert list(result) == ["y"]
    assert result["y"].tolist() == [3]


def test_a_scalar_stays_one(half_plus_two):
    result = run_predict(half_plus_two, "serving_default", {"x": np.float32(2)})
    assert result["y"].shape == ()
    assert result["y"] == 3


def test_an_unknown_signature(half_plus_two):
    assert failure(half_plus_two, "x", {"x": X}) == (
        "FAILED_PRECONDITION",
        'Serving signature key "x" not found.',
    )


def test_a_model_without_the_default_signature():
    version = types.SimpleNamespace(model=types.SimpleNamespace(signature_defs={}))
    assert failure(version, "", {"x": X}) == (
        "FAILED_PRECONDITION",
        'Serving signature key "serving_default" not found.',
    )


@pytest.mark.parametrize(
    "inputs, message",
    [
        (
            {},
            "input size does not match signature: 0!=1 len({}) != len({x}). Sent "
            "extra: {}. Missing but required: {x}.",
        ),
        (
            {"unknown_key2": X, "unknown_key1": TEXT},
            "input size does not match signature: 2!=1 len({unknown_key1,"
            "unknown_key2}) != len({x}). Sent extra: {unknown_key1,unknown_key2}. "
            "Missing but required: {x}.",
        ),
        (
            {"z": X},
            "Signature input alias: x(feed name: serving_default_x:0) not found in "
            "request and no default value provided. Inputs expected to be in the "
            "request {z}, or default input alias set: ",
        ),
    ],
)
def test_inputs_that_are_not_the_signatures(half_plus_two, inputs, message):
    assert failure(half_plus_two, "", inputs) == ("INVALID_ARGUMENT", message)


@pytest.mark.parametrize(
    "output_filter, message",
    [
        (
            ["output_filter"],
            "output tensor alias not found in signature: output_filter Outputs "
            "expected to be in the set {y}.",
        ),
        (["y", "y"], "duplicate output tensor alias: y"),
        (
            ["y", "z"],
            "output tensor alias not found in signature: z Outputs expected "
            "to be in the set {y}.",
        ),
    ],
)
def test_an_output_filter_that_does_not_fit(half_plus_two, output_filter, message):
    found = failure(half_plus_two, "", {"x": X}, output_filter)
    assert found == ("INVALID_ARGUMENT", message)


@pytest.mark.parametrize(
    "array, name",
    [
        (TEXT, "string"),
        (np.array(["any_value"]), "string"),
        (np.float64([2]), "double"),
        (np.float16([2]), "half"),
        (np.array([2]), "int64"),
        (np.array([2], np.uint8), "uint8"),
        (np.array([True]), "bool"),
        (np.complex64([2]), "complex64"),
        (tf.constant([2.0], tf.bfloat16).numpy(), "bfloat16"),
    ],
)
def test_a_dtype_is_never_converted(half_plus_two, array, name):
    assert failure(half_plus_two, "", {"x": array}) == (
        "INVALID_ARGUMENT",
        f"Expects arg[0] to be float but {name} is provided",
    )


def test_a_wrong_dtype_is_numbered_by_the_tensors_name():
    version = version_of("""
        inputs { key: "a" value { name: "late:0" dtype: DT_FLOAT } }
        inputs { key: "b" value { name: "early:0" dtype: DT_STRING } }
        outputs { key: "y" value { name: "y:0" dtype: DT_FLOAT } }
    """)
    found = failure(version, "", {"b": TEXT, "a": TEXT})
    assert found[1] == "Expects arg[1] to be float but string is provided"
    found = failure(version, "", {"b": X, "a": TEXT})
    assert found[1] == "Expects arg[0] to be string but float is provided"


def test_what_is_no_string_is_no_tensor(two_inputs):
    array = np.array([b"a", None], object)
    found = failure(two_inputs, "", {"a": np.float32([1, 2]), "b": array})
    assert found == ("INVALID_ARGUMENT", "tensor parsing error: b")


def test_a_dtype_that_tensorflow_does_not_have(half_plus_two):
    array = np.array(["2026-01-01"], "datetime64[D]")
    found = failure(half_plus_two, "", {"x": array})
    assert found[1] == "Expects arg[0] to be float but invalid is provided"


def test_the_initialiser_has_nothing_to_fetch(half_plus_two):
    code, message = failure(half_plus_two, "__saved_model_init_op", {})
    assert code == "INVALID_ARGUMENT"
    assert message.startswith("Tried to fetch data for 'NoOp', which produces no")


def test_the_models_own_complaint_is_the_clients_mistake(two_inputs):
    texts = np.array([b"a", b"b", b"c"], object)
    code, message = failure(two_inputs, "", {"a": np.float32([1, 2]), "b": texts})
    assert code == "INVALID_ARGUMENT"
    assert "Incompatible shapes" in message


def test_strings_keep_their_zero_bytes_and_text_is_taken(two_inputs):
    texts = np.array([b"a\0\0", "é"], object)
    result = run_predict(two_inputs, "", {"a": np.float32([1, 2]), "b": texts})
    assert result["sum"].tolist() == [4, 4]


def test_all_outputs_or_those_of_the_filter_in_its_order(two_inputs):
    inputs = {"a": np.float32([1]), "b": TEXT}
    assert list(run_predict(two_inputs, "", inputs)) == ["same", "sum"]
    assert list(run_predict(two_inputs, "", inputs, ["sum", "same"])) == ["sum", "same"]
    assert list(run_predict(two_inputs, "", inputs, ("sum",))) == ["sum"]


def test_the_runner_gets_one_order_of_names_and_the_deadline():
    version = version_of("""
        inputs { key: "b" value { name: "b:0" dtype: DT_FLOAT } }
        inputs { key: "a" value { name: "a:0" dtype: DT_FLOAT } }
        outputs { key: "z" value { name: "z:0" dtype: DT_FLOAT } }
        outputs { key: "y" value { name: "y:0" dtype: DT_FLOAT } }
    """)
    result = run_predict(version, "", {"b": X, "a": X}, ["z", "y"], deadline=12.5)
    signature, inputs, outputs, deadline = version.runner.asked
    assert (signature, list(inputs), outputs) == (
        "serving_default",
        ["a", "b"],
        ["y", "z"],
    )
    assert deadline == 12.5
    assert list(result) == ["z", "y"]


@pytest.fixture
def with_default():
    return version_of("""
        inputs { key: "x" value { name: "x:0" dtype: DT_FLOAT } }
        inputs { key: "scale" value { name: "scale:0" dtype: DT_FLOAT } }
        outputs { key: "y" value { name: "y:0" dtype: DT_FLOAT } }
        defaults {
          key: "scale"
          value { dtype: DT_FLOAT tensor_shape { dim { size: 1 } } float_val: 4 }
        }
    """)


def test_an_input_left_out_has_its_default(with_default):
    run_predict(with_default, "", {"x": X})
    assert with_default.runner.asked[1]["scale"].tolist() == [4]
    run_predict(with_default, "", {"x": X, "scale": X})
    assert with_default.runner.asked[1]["scale"].tolist() == [2]


def test_a_default_does_not_excuse_other_names(with_default):
    assert failure(with_default, "", {"scale": X}) == (
        "INVALID_ARGUMENT",
        "Signature input alias: x(feed name: x:0) not found in request and no "
        "default value provided. Inputs expected to be in the request {scale}, or "
        "default input alias set: scale",
    )
    assert failure(with_default, "", {"x": X, "z": X}) == (
        "INVALID_ARGUMENT",
        "Inputs contains invalid name. Used request inputs: x, request input: x,z",
    )
