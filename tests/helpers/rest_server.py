"""A REST server with a stand-in for the models, and a client for it."""

import contextlib
import http.client
import json
import socket
import threading
from types import SimpleNamespace

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from amalthea.serving.model_info import VersionStatus
from amalthea.serving.server.errors import StatusError
from amalthea.serving.server.metrics import Metrics
from amalthea.serving.server.options import ServerOptions
from amalthea.serving.server.rest import RestServer

MODEL = "/v1/models/half"
PREDICT = f"{MODEL}:predict"
LABELS = {"stable": 123}


def signature(dtype="DT_FLOAT"):
    proto = meta_graph_pb2.SignatureDef(method_name="tensorflow/serving/predict")
    proto.inputs["x"].name = "x:0"
    proto.inputs["x"].dtype = proto.outputs["y"].dtype = (
        meta_graph_pb2.TensorInfo.DESCRIPTOR.fields_by_name["dtype"]
        .enum_type.values_by_name[dtype]
        .number
    )
    proto.inputs["x"].tensor_shape.dim.add(size=-1)
    proto.outputs["y"].name = "y:0"
    return proto


class Runner:
    """y = x / 2 + 2. It can be told to wait, and says when it does."""

    def __init__(self):
        self.go, self.waiting = threading.Event(), threading.Semaphore(0)
        self.go.set()
        self.deadlines = []

    def run(self, signature, inputs, outputs, deadline=None):
        self.deadlines.append(deadline)
        self.waiting.release()
        assert self.go.wait(20)
        if np.any(inputs["x"] == -1):
            raise RuntimeError("secret")
        return {"y": inputs["x"] / 2 + 2}


class Manager:
    """One model, "half", in version 123."""

    def __init__(self):
        self.ready = True
        self.runner = Runner()
        model = SimpleNamespace(signature_defs={"serving_default": signature()})
        self.loaded = SimpleNamespace(
            name="half", version=123, model=model, runner=self.runner
        )

    @contextlib.contextmanager
    def acquire(self, name, version=None, label=None):
        if label is not None:
            version = LABELS.get(label)
            if version is None:
                raise StatusError(
                    "INVALID_ARGUMENT",
                    f"Unrecognized servable version label: {label}",
                )
        if name != "half" or version not in (None, 123):
            raise StatusError("NOT_FOUND", f"Servable not found for request: {name}")
        yield self.loaded

    def status(self, name, version=None, label=None):
        with self.acquire(name, version, label):
            return [VersionStatus(123, "AVAILABLE")]

    def is_ready(self):
        return self.ready


class Client:
    def __init__(self, manager, server, metrics):
        self.manager, self.server, self.metrics = manager, server, metrics
        self.runner = manager.runner

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)

    def ask(self, verb, path, body=None, headers=(), **options):
        with contextlib.closing(self.connect()) as connection:
            connection.request(verb, path, body, dict(headers), **options)
            return read(connection)

    def predict(self, body=b'{"instances": [1.0, 2.0]}', **options):
        return self.ask("POST", PREDICT, body, **options)

    def send(self, data):
        """Sends bytes on a socket of its own and returns that."""
        client = socket.create_connection(("127.0.0.1", self.server.port), 20)
        client.sendall(data)
        return client

    def predict_in_thread(self):
        """Starts a request that has come as far as the model."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.predict()))
        thread.start()
        assert self.runner.waiting.acquire(timeout=20)
        return thread, answers


def read(connection):
    answer = connection.getresponse()
    content = answer.read()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    if headers.get("content-type") == "application/json" and content:
        content = json.loads(content)
    return SimpleNamespace(status=answer.status, headers=headers, content=content)


@contextlib.contextmanager
def serve(**options):
    manager, metrics = Manager(), Metrics()
    metrics.know("half", 123, ["serving_default"], "/models/half/123")
    server = RestServer(manager, ServerOptions(rest_port=0, **options), metrics)
    server.start()
    try:
        yield Client(manager, server, metrics)
    finally:
        manager.runner.go.set()
        server.stop(10)
