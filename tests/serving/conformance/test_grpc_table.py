"""Every row of the gRPC part of the conformance table, over a real socket."""

import re

import grpc
import pytest
from cases import GRPC_CASES
from google.protobuf import text_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

REQUESTS = {
    "Predict": predict_pb2.PredictRequest,
    "Classify": classification_pb2.ClassificationRequest,
    "Regress": regression_pb2.RegressionRequest,
    "MultiInference": inference_pb2.MultiInferenceRequest,
    "GetModelMetadata": get_model_metadata_pb2.GetModelMetadataRequest,
    "GetModelStatus": get_model_status_pb2.GetModelStatusRequest,
    "HandleReloadConfigRequest": model_management_pb2.ReloadConfigRequest,
}


@pytest.fixture(scope="module")
def stubs(table_server):
    with table_server.channel() as channel:
        yield (
            prediction_service_pb2_grpc.PredictionServiceStub(channel),
            model_service_pb2_grpc.ModelServiceStub(channel),
        )


def call(stubs, name, request):
    prediction, model = stubs
    stub = prediction if hasattr(prediction, name) else model
    return getattr(stub, name)(request, timeout=30)


@pytest.mark.parametrize("case", GRPC_CASES, ids=lambda case: case.name)
def test_grpc_answers_as_tensorflow_serving_does(stubs, case):
    request = text_format.Parse(case.request, REQUESTS[case.call]())
    if case.code == "OK":
        response = call(stubs, case.call, request)
        answer = text_format.MessageToString(response)
        expected = case.answer
        if case.which == "equal":
            # As text, for not-a-number is not equal to itself.
            expected = text_format.Parse(case.answer, type(response)())
            expected = text_format.MessageToString(expected)
    else:
        with pytest.raises(grpc.RpcError) as raised:
            call(stubs, case.call, request)
        assert raised.value.code().name == case.code, raised.value.details()
        answer, expected = raised.value.details(), case.answer
    if case.which == "equal":
        assert answer == expected
    else:
        assert re.search(expected, answer), answer


def test_metadata_holds_the_signatures(stubs):
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "half_plus_two"
    request.metadata_field.append("signature_def")
    response = call(stubs, "GetModelMetadata", request)
    assert response.model_spec.version.value == 123
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    signature = signatures.signature_def["serving_default"]
    assert signature.method_name == "tensorflow/serving/predict"
    assert signature.inputs.keys() == {"x"}
    assert signature.outputs.keys() == {"y"}


def test_names_are_unique():
    names = [case.name for case in GRPC_CASES]
    assert len(set(names)) == len(names)
