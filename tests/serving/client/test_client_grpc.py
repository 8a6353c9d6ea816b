import socket
import threading

import grpc
import numpy as np
import pytest
import tensorflow as tf
from helpers.fake_serving import FakeGrpc, half_of_two
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
)

from amalthea.serving import Client, client


def _metadata(inputs, outputs):
    signatures = get_model_metadata_pb2.SignatureDefMap()
    signature = signatures.signature_def["serving_default"]
    for infos, tensors in ((signature.inputs, inputs), (signature.outputs, outputs)):
        for name, (dtype, shape) in tensors.items():
            infos[name].dtype = dtype.as_datatype_enum
            infos[name].tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.metadata["signature_def"].Pack(signatures)
    return response


def _answer(**outputs):
    response = predict_pb2.PredictResponse()
    for name, value in outputs.items():
        response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
    return response


HALF = _metadata({"x": (tf.float32, [None])}, {"y": (tf.float32, [None])})
ANSWER = _answer(y=np.float32([2.5, 3.0]))


def _predicted(server):
    return [
        predict_pb2.PredictRequest.FromString(request)
        for method, request in server.requests
        if method == "Predict"
    ]


def test_a_request_is_what_the_proto_says():
    metadata = _metadata(
        {"image_bytes": (tf.string, [None]), "top": (tf.int32, [None])},
        {"label": (tf.string, [None]), "n": (tf.int64, [None])},
    )
    answer = _answer(label=np.array([b"\xff", "ä".encode()], object))
    script = {"GetModelMetadata": [metadata], "Predict": [answer]}
    with FakeGrpc(script) as server, Client(server.url) as asking:
        found = asking.predict(
            "m",
            {"image_bytes": [b"\xff\0", "ä"], "top": [1, 2]},
            label="stable",
            outputs=["label"],
        )
        (request,) = _predicted(server)
    assert found["label"].tolist() == [b"\xff", "ä".encode()]
    assert (request.model_spec.name, request.model_spec.signature_name) == (
        "m",
        "serving_default",
    )
    assert request.model_spec.version_label == "stable"
    assert list(request.output_filter) == ["label"]
    sent = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
    assert sent["image_bytes"].tolist() == [b"\xff\0", "ä".encode()]
    assert sent["top"].tolist() == [1, 2] and sent["top"].dtype == np.int32


def test_without_a_wish_all_outputs_are_asked_for():
    script = {"GetModelMetadata": [HALF], "Predict": [ANSWER]}
    with FakeGrpc(script) as server:
        assert half_of_two(server)["y"].tolist() == [2.5, 3.0]
    assert list(_predicted(server)[0].output_filter) == []
    assert not _predicted(server)[0].model_spec.HasField("version")


def test_answers_larger_than_grpc_takes_by_itself():
    big = np.zeros(2_000_000, np.float32)  # 8 MB, where 4 are the usual limit
    metadata = _metadata({"x": (tf.float32, None)}, {"y": (tf.float32, None)})
    script = {"GetModelMetadata": [metadata], "Predict": [_answer(y=big)]}
    with FakeGrpc(script) as server, Client(server.url) as asking:
        assert asking.predict("m", {"x": big})["y"].shape == (2_000_000,)


def test_parts_keep_below_the_limit_of_bytes():
    metadata = _metadata({"t": (tf.string, [None])}, {"y": (tf.float32, [None])})
    answers = [_answer(y=np.float32([1, 2])), _answer(y=np.float32([3]))]
    script = {"GetModelMetadata": [metadata], "Predict": answers}
    with (
        FakeGrpc(script) as server,
        Client(server.url, max_request_bytes=1000) as asking,
    ):
        texts = [b"a" * 400, b"b" * 400, b"c" * 400]
        assert asking.predict("m", {"t": texts})["y"].tolist() == [1, 2, 3]
        assert max(request.ByteSize() for request in _predicted(server)) < 1000


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_ARGUMENT", client.InvalidArgument),
        ("FAILED_PRECONDITION", client.FailedPrecondition),
        ("NOT_FOUND", client.NotFound),
        ("INTERNAL", client.Internal),
        ("UNIMPLEMENTED", client.Unimplemented),
        ("DEADLINE_EXCEEDED", client.DeadlineExceeded),
    ],
)
def test_errors_have_types_and_are_not_tried_again(code, kind, no_pause):
    failure = (grpc.StatusCode[code], "the reason")
    script = {"GetModelMetadata": [HALF], "Predict": [failure]}
    with FakeGrpc(script) as server, pytest.raises(kind) as caught:
        half_of_two(server)
    assert (caught.value.code, caught.value.message) == (code, "the reason")
    assert len(_predicted(server)) == 1 and no_pause == []


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_a_busy_server_is_asked_again(code, no_pause):
    busy = (grpc.StatusCode[code], "busy")
    script = {"GetModelMetadata": [HALF], "Predict": [busy, busy, ANSWER]}
    with FakeGrpc(script) as server:
        assert half_of_two(server)["y"].size == 2
    assert len(_predicted(server)) == 3 and len(no_pause) == 2


@pytest.mark.parametrize(
    "text",
    [
        "SERVER: Received message larger than max (5 vs. 4)",
        "OOM when allocating tensor with shape[9] and type float",
    ],
)
def test_what_would_fail_again_is_not_tried_again(text, no_pause):
    failure = (grpc.StatusCode.RESOURCE_EXHAUSTED, text)
    script = {"GetModelMetadata": [HALF], "Predict": [failure]}
    with FakeGrpc(script) as server, pytest.raises(client.ResourceExhausted):
        half_of_two(server)
    assert len(_predicted(server)) == 1


def test_where_nobody_listens_the_connection_is_tried_again(no_pause):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        Client(f"grpc://127.0.0.1:{port}") as asking,
        pytest.raises(client.ConnectionFailed, match="refused") as caught,
    ):
        asking.status("m")
    assert len(no_pause) == 2 and "\n" not in str(caught.value)


def test_an_unknown_host_is_said_plainly(no_pause):
    # gRPC refuses this name without looking it up.
    with (
        Client("grpc://a..b:8500") as asking,
        pytest.raises(client.ConnectionFailed) as caught,
    ):
        asking.status("m")
    assert caught.value.message == "no such host"


def test_a_connection_that_breaks_is_not_tried_again(no_pause):
    accepted = []

    def accept(listener):
        connection, _ = listener.accept()
        accepted.append(connection)
        # An empty SETTINGS frame opens HTTP/2; the request follows the client's.
        connection.sendall(b"\0\0\0\x04\0\0\0\0\0")
        received = b""
        while b"GetModelStatus" not in received:
            received += connection.recv(65536)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,))
        thread.start()
        url = f"grpc://127.0.0.1:{listener.getsockname()[1]}"
        with Client(url) as asking, pytest.raises(client.ConnectionFailed):
            asking.status("m")
        thread.join()
    assert len(accepted) == 1 and no_pause == []


def test_a_server_that_does_not_answer_ends_in_time(no_pause):
    done = threading.Event()

    def hang(request, context):
        done.wait(10)
        return ANSWER

    script = {"GetModelMetadata": [HALF], "Predict": [hang]}
    with FakeGrpc(script) as server:
        try:
            with pytest.raises(client.DeadlineExceeded, match=r"within 0\.3 s"):
                half_of_two(server, timeout=0.3)
        finally:
            done.set()
    assert len(_predicted(server)) == 1


def test_status():
    response = get_model_status_pb2.GetModelStatusResponse()
    version = response.model_version_status.add(version=3, state=50)
    version.status.error_code, version.status.error_message = 13, "broken"
    with (
        FakeGrpc({"GetModelStatus": [response]}) as server,
        Client(server.url) as asking,
    ):
        expected = client.VersionStatus(3, "END", "INTERNAL", "broken")
        assert asking.status("m", version=3) == [expected]
        (sent,) = [request for _, request in server.requests]
    request = get_model_status_pb2.GetModelStatusRequest.FromString(sent)
    assert (request.model_spec.name, request.model_spec.version.value) == ("m", 3)


def test_metadata_lists_the_signatures():
    script = {
        "GetModelMetadata": [
            _metadata(
                {"x": (tf.string, [None, 3])},
                {"y": (tf.bool, None), "z": (tf.float64, [])},
            )
        ]
    }
    with FakeGrpc(script) as server, Client(server.url) as asking:
        (signature,) = asking.metadata("m").values()
    assert [str(info) for info in signature.inputs.values()] == ["x: string[?, 3]"]
    assert [str(info) for info in signature.outputs.values()] == [
        "y: bool of unknown rank",
        "z: float64[]",
    ]
