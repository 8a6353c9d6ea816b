"""The methods of the gRPC services: what they answer and what they refuse."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from helpers.grpc_server import (
    MODEL,
    TIMEOUT,
    TOOLS,
    ask,
    connected,
    raises,
    save_models,
    serving,
    spec,
)
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return save_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def client(models):
    with serving(models) as server, connected(server) as client:
        yield client


def test_predict(client):
    response = client.predict(ask())
    assert tf.make_ndarray(response.outputs["y"]).tolist() == [3.5, 4.0, 5.5]
    # The typed field, as by the server's default.
    assert list(response.outputs["y"].float_val) == [3.5, 4.0, 5.5]
    assert response.model_spec.name == MODEL
    assert response.model_spec.version.value == 2
    assert response.model_spec.signature_name == "serving_default"


@pytest.mark.parametrize("choice", [{"version": 1}, {"label": "stable"}])
def test_predict_by_version_or_label(client, choice):
    response = client.predict(spec(ask(), **choice))
    assert list(response.outputs["y"].float_val) == [2.5, 3.0, 4.5]
    assert response.model_spec.version.value == 1
    assert not response.model_spec.version_label


def test_every_encoding_of_a_tensor_is_read(client):
    values = np.array([2, 2, 2], np.float32)
    by_content = tf.make_tensor_proto(values)
    assert by_content.tensor_content
    one_for_all = tensor_pb2.TensorProto(dtype=1, float_val=[2])
    one_for_all.tensor_shape.dim.add(size=3)
    for proto in (by_content, one_for_all):
        response = client.predict(ask(x=proto))
        assert list(response.outputs["y"].float_val) == [4, 4, 4]


def test_strings_and_a_scalar(client):
    texts = np.array([b"a\0", b"\xff\xfe", b""], object)
    response = client.predict(ask(name=TOOLS, signature="echo", text=texts))
    assert list(response.outputs["text"].string_val) == texts.tolist()
    assert list(response.outputs["length"].int_val) == [2, 2, 0]
    response = client.predict(ask(name=TOOLS, signature="half", x=np.float32(0.5)))
    assert tf.make_ndarray(response.outputs["y"]) == np.float16(0.5)
    assert not response.outputs["y"].tensor_shape.dim


def test_an_empty_batch(client):
    response = client.predict(ask(values=[]))
    assert [axis.size for axis in response.outputs["y"].tensor_shape.dim] == [0]


def test_output_filter(client):
    one = np.ones(2, np.float32)
    request = ask(name=TOOLS, a=one, b=one)
    assert set(client.predict(request).outputs) == {"sum", "difference"}
    request.output_filter.append("difference")
    response = client.predict(request)
    assert list(response.outputs) == ["difference"]
    assert list(response.outputs["difference"].float_val) == [0, 0]
    request.output_filter.append("difference")
    with raises("INVALID_ARGUMENT", "duplicate output tensor alias: difference"):
        client.predict(request)
    request.output_filter[:] = ["quotient"]
    with raises(
        "INVALID_ARGUMENT",
        "output tensor alias not found in signature: quotient"
        " Outputs expected to be in the set {difference,sum}.",
    ):
        client.predict(request)


def broken(**fields):
    proto = tensor_pb2.TensorProto(dtype=1, **fields)
    proto.tensor_shape.dim.add(size=2)
    return proto


NUMBERS = np.array([1, 2], np.float32)


HUGE = tensor_pb2.TensorProto(dtype=1, float_val=[1])
HUGE.tensor_shape.dim.add(size=1 << 40)


# From predict_impl.cc, predict_util.cc, server_core.cc and saved_model/util.cc.
BAD_PREDICTS = {
    "no_spec": (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
    "no_name": (
        ask(name=""),
        "INVALID_ARGUMENT",
        "ModelSpec has no name specified.",
    ),
    "no_model": (
        ask(name="nobody"),
        "NOT_FOUND",
        "Servable not found for request: Latest(nobody)",
    ),
    "no_version": (
        spec(ask(), version=9),
        "NOT_FOUND",
        "Servable not found for request: Specific(half_plus_two, 9)",
    ),
    "version_0_is_a_version": (
        spec(ask(), version=0),
        "NOT_FOUND",
        "Servable not found for request: Specific(half_plus_two, 0)",
    ),
    "no_label": (
        spec(ask(), label="canary"),
        "INVALID_ARGUMENT",
        "Unrecognized servable version label: canary",
    ),
    "no_signature": (
        ask(signature="other"),
        "FAILED_PRECONDITION",
        'Serving signature key "other" not found.',
    ),
    "wrong_name": (
        ask(z=NUMBERS),
        "INVALID_ARGUMENT",
        None,
    ),
    "too_many": (
        ask(x=NUMBERS, z=NUMBERS),
        "INVALID_ARGUMENT",
        "input size does not match signature: 2!=1 len({x,z}) != len({x}). "
        "Sent extra: {z}. Missing but required: {}.",
    ),
    "wrong_dtype": (
        ask(x=np.array([b"a"], object)),
        "INVALID_ARGUMENT",
        "Expects arg[0] to be float but string is provided",
    ),
    "content_of_wrong_size": (
        ask(x=broken(tensor_content=b"123")),
        "INVALID_ARGUMENT",
        "tensor parsing error: x",
    ),
    "no_dtype": (
        ask(x=tensor_pb2.TensorProto()),
        "INVALID_ARGUMENT",
        "tensor parsing error: x",
    ),
    "bomb": (ask(x=HUGE), "INVALID_ARGUMENT", "tensor parsing error: x"),
    # What is wrong with the request comes before what is wrong with a tensor.
    "bad_tensor_of_no_signature": (
        ask(signature="other", x=HUGE),
        "FAILED_PRECONDITION",
        'Serving signature key "other" not found.',
    ),
    "bad_tensors_too_many": (
        ask(x=HUGE, z=HUGE),
        "INVALID_ARGUMENT",
        "input size does not match signature: 2!=1 len({x,z}) != len({x}). "
        "Sent extra: {z}. Missing but required: {}.",
    ),
}


@pytest.mark.parametrize(
    "request_, code, text", BAD_PREDICTS.values(), ids=BAD_PREDICTS
)
def test_what_is_wrong_with_a_predict_request(client, request_, code, text):
    with raises(code, text):
        client.predict(request_)


def test_all_inputs_together_keep_below_the_limit(models):
    two = tensor_pb2.TensorProto(dtype=1, float_val=[1])
    two.tensor_shape.dim.add(size=2)
    request = ask(name=TOOLS, a=two, b=two)
    with serving(models, max_body_bytes=200) as server, connected(server) as client:
        client.predict(request)
        two.tensor_shape.dim[0].size = 30  # 120 bytes each
        with raises("INVALID_ARGUMENT", "tensor parsing error: b"):
            client.predict(ask(name=TOOLS, a=two, b=two))


def test_a_long_string_cannot_be_asked_for_many_times(models):
    text = tensor_pb2.TensorProto(dtype=tf.string.as_datatype_enum)
    text.string_val.append(b"z" * 100)
    text.tensor_shape.dim.add(size=2)
    with serving(models, max_body_bytes=300) as server, connected(server) as client:
        response = client.predict(ask(name=TOOLS, signature="echo", text=text))
        assert list(response.outputs["length"].int_val) == [100, 100]
        text.tensor_shape.dim[0].size = 3
        with raises("INVALID_ARGUMENT", "tensor parsing error: text"):
            client.predict(ask(name=TOOLS, signature="echo", text=text))


def test_an_error_of_the_model_is_the_client_s(client):
    one, two = np.ones(1, np.float32), np.ones((3,), np.float32)
    with raises("INVALID_ARGUMENT") as caught:
        client.predict(ask(name=TOOLS, a=np.stack([two] * 2), b=np.stack([one] * 3)))
    assert caught.value.details()


def test_long_texts_are_cut(client):
    with raises("NOT_FOUND") as caught:
        client.predict(ask(name="n" * 2000))
    details = caught.value.details()
    assert details.endswith("n...TRUNCATED") and len(details) == 1024 + 12


def test_bytes_that_are_no_request(client):
    call = client.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    for content in (b"\xff\xff\xff", b"\x0a\x03\x0a\x01\xff"):  # the last: no UTF-8
        with raises("INVALID_ARGUMENT", "not a tensorflow.serving.PredictRequest"):
            call(content, timeout=TIMEOUT)


def test_an_unknown_method(client):
    call = client.channel.unary_unary("/tensorflow.serving.PredictionService/Guess")
    with raises("UNIMPLEMENTED"):
        call(b"", timeout=TIMEOUT)


def test_metadata(client):
    request = spec(get_model_metadata_pb2.GetModelMetadataRequest())
    request.metadata_field.append("signature_def")
    response = client.prediction.GetModelMetadata(request, timeout=TIMEOUT)
    assert response.model_spec.name == MODEL
    assert response.model_spec.version.value == 2
    assert not response.model_spec.signature_name
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    signature = signatures.signature_def["serving_default"]
    assert signature.inputs["x"].dtype == tf.float32.as_datatype_enum
    assert signature.method_name == "tensorflow/serving/predict"


@pytest.mark.parametrize(
    "fields, code, text",
    [
        (
            [],
            "INVALID_ARGUMENT",
            "GetModelMetadataRequest must specify at least one metadata_field",
        ),
        (
            ["signature_def", "more"],
            "INVALID_ARGUMENT",
            "Metadata field %s is not supportedmore",
        ),
    ],
)
def test_metadata_of_nothing_known(client, fields, code, text):
    request = spec(get_model_metadata_pb2.GetModelMetadataRequest())
    request.metadata_field.extend(fields)
    with raises(code, text):
        client.prediction.GetModelMetadata(request, timeout=TIMEOUT)


# From classifier.cc and regressor.cc, whose check of the method's name is off.
CLASSIFY = [
    ({"signature": "no"}, "No signature was found with the name: no"),
    ({"name": TOOLS}, "Expected one input Tensor."),
    (
        {"name": TOOLS, "signature": "outputs"},
        'Expected classification signature outputs to contain at least one of "classes"'
        ' or "scores". Signature was: ',
    ),
    ({}, "No classification inputs found in SignatureDef: "),
]


REGRESS = [
    ({"signature": "no"}, "No signature was found with the name: no"),
    ({"name": TOOLS, "signature": "echo"}, "Expected one output Tensor."),
    (
        {"name": TOOLS, "signature": "scores"},
        "No regression outputs found in SignatureDef: ",
    ),
    ({}, "No regression inputs found in SignatureDef: "),
]


@pytest.mark.parametrize("which, text", CLASSIFY)
def test_classify_is_refused(client, which, text):
    request = spec(classification_pb2.ClassificationRequest(), **which)
    with raises("INVALID_ARGUMENT") as caught:
        client.prediction.Classify(request, timeout=TIMEOUT)
    assert caught.value.details().startswith(text)


@pytest.mark.parametrize("which, text", REGRESS)
def test_regress_is_refused(client, which, text):
    request = spec(regression_pb2.RegressionRequest(), **which)
    with raises("INVALID_ARGUMENT") as caught:
        client.prediction.Regress(request, timeout=TIMEOUT)
    assert caught.value.details().startswith(text)


def test_signatures_made_for_examples_are_refused_too(client):
    classification = classification_pb2.ClassificationRequest()
    with raises("UNIMPLEMENTED", "Classify is not supported by this server"):
        client.prediction.Classify(
            spec(classification, TOOLS, signature="scores"), timeout=TIMEOUT
        )
    regression = regression_pb2.RegressionRequest()
    with raises("UNIMPLEMENTED", "Regress is not supported by this server"):
        client.prediction.Regress(
            spec(regression, TOOLS, signature="outputs"), timeout=TIMEOUT
        )


def test_classify_without_a_spec(client):
    with raises("INVALID_ARGUMENT", "Missing ModelSpec"):
        client.prediction.Classify(
            classification_pb2.ClassificationRequest(), timeout=TIMEOUT
        )


def tasks(*names_and_methods):
    request = inference_pb2.MultiInferenceRequest()
    for name, signature, method in names_and_methods:
        task = request.tasks.add(method_name=method)
        spec(task, name, signature=signature)
    return request


CLASSIFY_METHOD = "tensorflow/serving/classify"


REGRESS_METHOD = "tensorflow/serving/regress"


# From multi_inference.cc, with the cases of its test.
MULTI = {
    "no_tasks": (tasks(), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
    "other_model": (
        tasks((TOOLS, "scores", CLASSIFY_METHOD), (MODEL, "", CLASSIFY_METHOD)),
        "INVALID_ARGUMENT",
        "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
    ),
    "empty_name": (
        tasks((TOOLS, "scores", CLASSIFY_METHOD), ("", "", CLASSIFY_METHOD)),
        "INVALID_ARGUMENT",
        "Found ModelSpec with an empty model name.",
    ),
    "twice": (
        tasks(*[(TOOLS, "scores", CLASSIFY_METHOD)] * 2),
        "INVALID_ARGUMENT",
        "Duplicate evaluation of signature: scores",
    ),
    "no_signature": (
        tasks((TOOLS, "no", CLASSIFY_METHOD)),
        "INVALID_ARGUMENT",
        "Requested signature not found in model graph: no",
    ),
    "predict": (
        tasks((MODEL, "", "tensorflow/serving/predict")),
        "UNIMPLEMENTED",
        "Unsupported signature method_name: tensorflow/serving/predict",
    ),
    "two_inputs": (
        tasks((TOOLS, "scores", CLASSIFY_METHOD), (TOOLS, "outputs", REGRESS_METHOD)),
        "INVALID_ARGUMENT",
        "Input tensor must be the same for all Signatures.",
    ),
    "no_regression": (
        tasks((TOOLS, "echo", REGRESS_METHOD)),
        "INVALID_ARGUMENT",
        "Expected one output Tensor.",
    ),
}


@pytest.mark.parametrize("case", MULTI)
def test_multi_inference_is_refused(client, case):
    request, code, text = MULTI[case]
    with raises(code, text):
        client.prediction.MultiInference(request, timeout=TIMEOUT)


def test_status(client):
    request = spec(get_model_status_pb2.GetModelStatusRequest())
    response = client.model.GetModelStatus(request, timeout=TIMEOUT)
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert [
        (status.version, status.state, status.status.error_code)
        for status in response.model_version_status
    ] == [(2, available, 0), (1, available, 0)]
    response = client.model.GetModelStatus(spec(request, version=1), timeout=TIMEOUT)
    assert [status.version for status in response.model_version_status] == [1]


@pytest.mark.parametrize(
    "request_, code, text",
    [
        (
            get_model_status_pb2.GetModelStatusRequest(),
            "INVALID_ARGUMENT",
            "Missing ModelSpec",
        ),
        (
            spec(get_model_status_pb2.GetModelStatusRequest(), name="nobody"),
            "NOT_FOUND",
            "Could not find any versions of model nobody",
        ),
        (
            spec(get_model_status_pb2.GetModelStatusRequest(), version=9),
            "NOT_FOUND",
            "Could not find version 9 of model half_plus_two",
        ),
    ],
)
def test_status_of_what_is_not_there(client, request_, code, text):
    with raises(code, text):
        client.model.GetModelStatus(request_, timeout=TIMEOUT)


def test_reload(models):
    request = model_management_pb2.ReloadConfigRequest()
    with serving(models) as server, connected(server) as client:
        with raises(
            "INVALID_ARGUMENT",
            "ServerModelConfig type not supported by HandleReloadConfigRequest."
            " Only ModelConfigList is currently supported",
        ):
            client.model.HandleReloadConfigRequest(request, timeout=TIMEOUT)
        request.config.model_config_list.config.add(
            name="renamed", base_path=str(models / MODEL), model_platform="tensorflow"
        )
        response = client.model.HandleReloadConfigRequest(request, timeout=TIMEOUT)
        assert response.status.error_code == 0
        assert client.predict(ask(name="renamed")).model_spec.name == "renamed"
        with raises("NOT_FOUND"):
            client.predict(ask())


def test_mutated_requests_never_fail_the_server(client):
    random = np.random.default_rng(3)
    call = client.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    good = ask(x=tf.make_tensor_proto(NUMBERS)).SerializeToString()
    codes = set()
    for _ in range(300):
        content = bytearray(good)
        for _ in range(random.integers(1, 5)):
            content[random.integers(len(content))] = random.integers(256)
        try:
            call(
                bytes(content[: random.integers(1, len(content) + 9)]), timeout=TIMEOUT
            )
            codes.add("OK")
        except grpc.RpcError as error:
            codes.add(error.code().name)
    assert {"OK", "INVALID_ARGUMENT", "NOT_FOUND"} <= codes
    assert codes <= {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"}
