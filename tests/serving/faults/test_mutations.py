"""Two thousand random mutations of valid requests: refused or answered, no worse."""

import copy
import json
import random

import grpc
import pytest
import tensorflow as tf
from helpers.model_server import ask_on
from serving_checks import assert_answers
from tensorflow_serving.apis import predict_pb2

REST_COUNT, GRPC_COUNT = 1200, 800
CHECK_EVERY = 200

REST_REQUESTS = (
    ("half_plus_two", {"instances": [1.0, 2.0, 5.0]}),
    ("half_plus_two", {"inputs": {"x": [[1, 2], [3, 4]]}}),
    ("pair", {"instances": [{"a": 1.5, "b": 2}, {"a": -0.5, "b": 3}]}),
    ("pair", {"inputs": {"a": [1.5], "b": [2]}}),
    ("pair", {"signature_name": "no_rows", "instances": [1.0]}),
    ("texts", {"instances": ["a", {"b64": "w6k="}]}),
    ("texts", {"signature_name": "echo_bytes", "inputs": [{"b64": "AP8="}, "b"]}),
    ("kinds", {"signature_name": "int64", "instances": [[1, 2], [3, 4]]}),
    ("kinds", {"signature_name": "bool", "inputs": [True, False]}),
    ("kinds", {"signature_name": "uint8", "inputs": [0, 255]}),
)
VALUES = (
    None,
    True,
    0,
    -1,
    1e308,
    -0.5,
    2**63,
    -(2**63) - 1,
    10**400,
    float("nan"),
    float("-inf"),
    "",
    "x",
    "\ud800",
    "\0",
    [],
    {},
    [[]],
    [{}],
    {"b64": "AA=="},
    {"b64": "?"},
    {"b64": 1},
    [1, [1]],
    [[[[[[1]]]]]],
    "instances",
)
TOKENS = (b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\0", b"\xff", b"1e9", b"-")
GRPC_TOKENS = (b"\xff" * 9, b"\x80" * 10, b"\0", b"\x7f", b"\x0a", b"\x12\x7f", b"\x08")


def mutated_bytes(content, random_source, tokens):
    """Flips, deletes, doubles, inserts or cuts off bytes, one to three times."""
    content = bytearray(content)
    for _ in range(random_source.randint(1, 3)):
        at = random_source.randrange(len(content) + 1)
        end = min(at + random_source.randint(1, 12), len(content))
        kind = random_source.choice(("flip", "delete", "double", "insert", "cut"))
        if kind == "flip" and at < len(content):
            content[at] ^= 1 << random_source.randrange(8)
        elif kind == "delete":
            del content[at:end]
        elif kind == "double":
            content[at:at] = content[at:end] * random_source.randint(1, 3)
        elif kind == "insert":
            content[at:at] = random_source.choice(tokens)
        elif random_source.random() < 0.3:
            del content[at:]
    return bytes(content)


def mutated_json(value, random_source):
    """Replaces, removes, doubles or wraps one random part of a JSON value."""
    value = copy.deepcopy(value)
    holders = [place for place in places(value)]
    holder, key = random_source.choice(holders)
    kind = random_source.choice(("replace", "remove", "double", "wrap", "rename"))
    if kind == "remove":
        del holder[key]
    elif kind == "double" and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif kind == "wrap":
        holder[key] = [holder[key]]
    elif kind == "rename" and isinstance(holder, dict):
        other = random_source.choice(["x", "inputs", "instances", "signature_name", ""])
        holder[other] = holder.pop(key)
    else:
        holder[key] = random_source.choice(VALUES)
    return value


def places(value):
    if isinstance(value, (dict, list)):
        keys = value.keys() if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield value, key
            yield from places(value[key])


def is_clients_fault(status):
    # 501 is the real server's answer to what is not implemented.
    return 400 <= status < 500 or status == 501


def test_mutated_rest_requests(unharmed):
    random_source = random.Random(0)
    connection = unharmed.address.connect()
    statuses = []
    for count in range(REST_COUNT):
        model, request = random_source.choice(REST_REQUESTS)
        path = f"/v1/models/{model}:predict"
        if count % 2:
            body = json.dumps(mutated_json(request, random_source)).encode()
        else:
            body = mutated_bytes(json.dumps(request).encode(), random_source, TOKENS)
        reply = ask_on(connection, "POST", path, body)
        assert reply.status == 200 or is_clients_fault(reply.status), (body, reply)
        answer = json.loads(reply.text)
        if reply.status == 200:
            assert answer.keys() <= {"predictions", "outputs"}
        else:
            assert isinstance(answer["error"], str), (body, reply)
        statuses.append(reply.status)
        if count % CHECK_EVERY == 0:
            assert_answers(unharmed.address)
    connection.close()
    # Both happened, often: else the mutations were too mild or too wild.
    assert statuses.count(200) > REST_COUNT // 20
    assert statuses.count(400) > REST_COUNT // 4


def grpc_requests():
    for model, signature, inputs in (
        ("half_plus_two", "", {"x": tf.constant([1.0, 2.0])}),
        ("half_plus_two", "serving_default", {"x": tf.constant([[1.0]])}),
        ("pair", "", {"a": tf.constant([1.5]), "b": tf.constant([2])}),
        ("texts", "echo", {"text": tf.constant(["a", b"\xff"])}),
        ("kinds", "int64", {"x": tf.constant([1, 2], tf.int64)}),
    ):
        for as_content in (True, False):
            request = predict_pb2.PredictRequest()
            request.model_spec.name = model
            request.model_spec.signature_name = signature
            for name, tensor in inputs.items():
                proto = tf.make_tensor_proto(tensor)
                if not as_content and proto.tensor_content:
                    field = {1: "float_val", 3: "int_val", 9: "int64_val"}[proto.dtype]
                    values = tensor.numpy().ravel().tolist()
                    proto.ClearField("tensor_content")
                    getattr(proto, field).extend(values)
                request.inputs[name].CopyFrom(proto)
            yield request.SerializeToString()


def test_mutated_grpc_requests(unharmed):
    random_source = random.Random(0)
    requests = list(grpc_requests())
    codes = []
    with unharmed.address.channel() as channel:
        predict = channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=None,
            response_deserializer=predict_pb2.PredictResponse.FromString,
        )
        for count in range(GRPC_COUNT):
            content = random_source.choice(requests)
            content = mutated_bytes(content, random_source, GRPC_TOKENS)
            try:
                predict(content, timeout=30)
                codes.append("OK")
            except grpc.RpcError as error:
                codes.append(error.code().name)
                assert error.code().name in (
                    "INVALID_ARGUMENT",
                    "NOT_FOUND",
                    "FAILED_PRECONDITION",
                ), (content, error.details())
            if count % CHECK_EVERY == 0:
                assert_answers(unharmed.address)
    assert codes.count("OK") > GRPC_COUNT // 20
    assert codes.count("INVALID_ARGUMENT") > GRPC_COUNT // 4


def test_mutated_paths(unharmed):
    random_source = random.Random(0)
    body = b'{"instances": [1.0]}'
    safe = [bytes([code]) for code in range(0x21, 0x7F)]
    for _ in range(200):
        path = b"/v1/models/half_plus_two/versions/123:predict"
        path = mutated_bytes(path, random_source, safe)
        path = bytes(code for code in path if 0x21 <= code < 0x7F) or b"/"
        reply = unharmed.address.ask("POST", path.decode(), body)
        assert reply.status == 200 or is_clients_fault(reply.status), (path, reply)


@pytest.mark.parametrize("call", ["Classify", "Regress", "MultiInference"])
def test_mutated_other_calls(unharmed, call):
    random_source = random.Random(0)
    valid = b"\x0a\x0f\x0a\x0dhalf_plus_two\x12\x06\x0a\x04\x0a\x02\x0a\x00"
    with unharmed.address.channel() as channel:
        ask = channel.unary_unary(f"/tensorflow.serving.PredictionService/{call}")
        for _ in range(50):
            content = mutated_bytes(valid, random_source, GRPC_TOKENS)
            with pytest.raises(grpc.RpcError) as raised:
                ask(content, timeout=30)
            assert raised.value.code().name not in ("INTERNAL", "UNKNOWN"), content
