"""The gRPC server on models made for it, and a client of the stubs."""

import contextlib

import grpc
import numpy as np
import pytest
import tensorflow as tf
from helpers.half_plus_two import save_half_plus_two
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from amalthea.serving.server.batching import runner_factory
from amalthea.serving.server.grpc_services import GrpcServer
from amalthea.serving.server.manager import ModelManager
from amalthea.serving.server.options import ServerOptions

MODEL, TOOLS = "half_plus_two", "tools"
TIMEOUT = 20  # seconds, where a test does not mean another


def save_models(folder):
    """`half_plus_two` in two versions, and a model of many signatures."""
    save_half_plus_two(folder / MODEL / "1")
    save_half_plus_two(folder / MODEL / "2", offset=3.0)
    save_tools(folder / TOOLS / "7")
    (folder / "models.config").write_text(
        f"""
        model_config_list {{
          config {{
            name: "{MODEL}" base_path: "{folder / MODEL}" model_platform: "tensorflow"
            model_version_policy {{ all {{}} }}
            version_labels {{ key: "stable" value: 1 }}
          }}
          config {{
            name: "{TOOLS}" base_path: "{folder / TOOLS}" model_platform: "tensorflow"
          }}
        }}
        """
    )
    return folder


def save_tools(folder):
    def signature(function, *specs):
        return tf.function(function, input_signature=specs)

    numbers = tf.TensorSpec([None], tf.float32, "inputs")
    module = tf.Module()
    signatures = {
        "serving_default": signature(
            lambda a, b: {"sum": a + b, "difference": a - b},
            tf.TensorSpec([None], tf.float32, "a"),
            tf.TensorSpec([None], tf.float32, "b"),
        ),
        "echo": signature(
            lambda text: {"text": text, "length": tf.strings.length(text)},
            tf.TensorSpec([None], tf.string, "text"),
        ),
        "half": signature(
            lambda x: {"y": tf.cast(x, tf.float16)}, tf.TensorSpec([], tf.float32, "x")
        ),
        "scores": signature(lambda inputs: {"scores": inputs}, numbers),
        "outputs": signature(lambda inputs: {"outputs": inputs}, numbers),
    }
    tf.saved_model.save(module, str(folder), signatures=signatures)


@contextlib.contextmanager
def serving(models, make_runner=None, metrics=None, **settings):
    options = ServerOptions(grpc_port=0, grace_seconds=TIMEOUT, **settings)
    manager = ModelManager(models, options, make_runner or runner_factory(options))
    manager.start()
    server = GrpcServer(manager, options, metrics)
    try:
        server.start()
        yield server
    finally:
        server.stop(TIMEOUT)
        manager.stop()


class Client:
    """The stubs of `tensorflow-serving-api` on one channel."""

    def __init__(self, port):
        self.channel = grpc.insecure_channel(
            f"127.0.0.1:{port}",
            [
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", -1),
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(
            self.channel
        )
        self.model = model_service_pb2_grpc.ModelServiceStub(self.channel)

    def predict(self, request, timeout=TIMEOUT):
        return self.prediction.Predict(request, timeout=timeout)


@contextlib.contextmanager
def connected(server):
    client = Client(server.port)
    with client.channel:
        yield client


def ask(values=(1.0, 2.0, 5.0), name=MODEL, signature="", **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    for key, value in (inputs or {"x": np.array(values, np.float32)}).items():
        if isinstance(value, tensor_pb2.TensorProto):
            request.inputs[key].CopyFrom(value)
        else:
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return request


def spec(request, name=MODEL, **values):
    request.model_spec.name = name
    if "version" in values:
        request.model_spec.version.value = values["version"]
    if "label" in values:
        request.model_spec.version_label = values["label"]
    if "signature" in values:
        request.model_spec.signature_name = values["signature"]
    return request


@contextlib.contextmanager
def raises(code, text=None):
    """Expects a gRPC error: its code's name, and its whole text."""
    with pytest.raises(grpc.RpcError) as caught:
        yield caught
    assert (caught.value.code().name, caught.value.details()) == (
        code,
        caught.value.details() if text is None else text,
    )
