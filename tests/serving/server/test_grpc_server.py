"""The gRPC server: its port, deadlines, limits and stop."""

import logging
import socket
import threading
import time

import grpc
import numpy as np
import pytest
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
from helpers.model_server import wait_until
from tensorflow_serving.apis import (
    get_model_status_pb2,
)

from amalthea.errors import UserError
from amalthea.serving.server.batching import DirectRunner
from amalthea.serving.server.errors import StatusError
from amalthea.serving.server.grpc_services import GrpcServer
from amalthea.serving.server.options import ServerOptions


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return save_models(tmp_path_factory.mktemp("models"))


class Gate:
    """Runners that wait until they are let go."""

    def __init__(self):
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()
        self.deadlines = []

    def make_runner(self, model, version_dir, name, version):
        return _Gated(DirectRunner(model), self)


class _Gated:
    def __init__(self, runner, gate):
        self._runner, self._gate = runner, gate
        self.close = runner.close

    def run(self, signature, inputs, outputs, deadline=None):
        self._gate.deadlines.append(deadline)
        self._gate.entered.release()
        assert self._gate.open.wait(TIMEOUT)
        return self._runner.run(signature, inputs, outputs, deadline)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


def test_a_port_in_use_is_said_in_one_line(models):
    with serving(models) as server:
        second = GrpcServer(None, ServerOptions(grpc_port=server.port))
        with pytest.raises(UserError, match=rf"127.0.0.1:{server.port}.*in use"):
            second.start()
        second.stop(0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UserError, match="in use"):
            GrpcServer(None, ServerOptions(grpc_port=port)).start()


def test_an_address_that_is_not_this_machine_s():
    options = ServerOptions(host="203.0.113.1", grpc_port=0)
    with pytest.raises(UserError, match="203.0.113.1"):
        GrpcServer(None, options).start()


def test_a_stopped_server_frees_its_port(models):
    with serving(models) as server:
        port = server.port
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_client_s_deadline_is_the_runner_s(models, gate):
    gate.open.set()
    with serving(models, gate.make_runner) as server, connected(server) as client:
        begin = time.monotonic()
        client.predict(ask(), timeout=15)
        client.predict(ask(), timeout=None)
    given, none = gate.deadlines
    assert begin < given < begin + 16
    assert none is None


def test_a_deadline_that_passes_in_the_runner(models, gate):
    with serving(models, gate.make_runner) as server, connected(server) as client:
        with raises("DEADLINE_EXCEEDED"):
            client.predict(ask(), timeout=0.2)
        gate.open.set()
        gate.deadlines.clear()
        assert client.predict(ask()).outputs


def test_a_client_that_goes_away_is_not_run(models, gate, monkeypatch):
    # One thread: the second request waits for it until its client has gone.
    monkeypatch.setattr("amalthea.serving.server.grpc_services._MAX_THREADS", 1)
    with (
        serving(models, gate.make_runner, max_requests=2) as server,
        connected(server) as client,
    ):
        first = client.prediction.Predict.future(ask(), timeout=TIMEOUT)
        assert gate.entered.acquire(timeout=TIMEOUT)
        second = client.prediction.Predict.future(ask(), timeout=TIMEOUT)
        # A connection keeps the order: when the third is refused, because there
        # are two, the server has what was sent before it.
        with raises("RESOURCE_EXHAUSTED"):
            client.predict(ask())
        assert second.cancel()
        with raises("RESOURCE_EXHAUSTED"):
            client.predict(ask())
        gate.open.set()
        assert first.result().outputs
        wait_until(lambda: accepted(client))
    assert len(gate.deadlines) == 2  # the first and the last


def accepted(client):
    try:
        return client.predict(ask()).outputs
    except grpc.RpcError as error:
        assert error.code().name == "RESOURCE_EXHAUSTED"


def test_more_requests_than_allowed_are_refused(models, gate):
    with (
        serving(models, gate.make_runner, max_requests=2) as server,
        connected(server) as client,
    ):
        futures = [
            client.prediction.Predict.future(ask(), timeout=TIMEOUT) for _ in range(2)
        ]
        for _ in futures:
            assert gate.entered.acquire(timeout=TIMEOUT)
        with raises("RESOURCE_EXHAUSTED"):
            client.predict(ask())
        gate.open.set()
        for future in futures:
            assert future.result().outputs
        assert client.predict(ask()).outputs


def test_large_messages_up_to_the_limit(models):
    values = np.zeros(3 << 20, np.float32)  # 12 MiB: above gRPC's own limit of 4
    with (
        serving(models, max_body_bytes=13 << 20) as server,
        connected(server) as client,
    ):
        response = client.predict(ask(values))
        assert len(response.outputs["y"].float_val) == len(values)
        with raises("RESOURCE_EXHAUSTED"):
            client.predict(ask(np.zeros(4 << 20, np.float32)))
        compressed = client.channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict"
        )
        with raises("RESOURCE_EXHAUSTED"):  # small on the wire
            compressed(
                bytes(14 << 20), timeout=TIMEOUT, compression=grpc.Compression.Gzip
            )


def test_stop_finishes_what_was_accepted(models, gate):
    with serving(models, gate.make_runner) as server, connected(server) as client:
        future = client.prediction.Predict.future(ask(), timeout=TIMEOUT)
        assert gate.entered.acquire(timeout=TIMEOUT)
        stopping = threading.Thread(target=server.stop, args=[TIMEOUT])
        stopping.start()
        with connected(server) as other, raises("UNAVAILABLE"):
            wait_until(lambda: not other.predict(ask()))
        gate.open.set()
        assert list(future.result().outputs["y"].float_val) == [3.5, 4.0, 5.5]
        stopping.join(TIMEOUT)
        assert not stopping.is_alive()


def test_stop_gives_up_after_the_grace(models, gate):
    with serving(models, gate.make_runner) as server, connected(server) as client:
        future = client.prediction.Predict.future(ask(), timeout=TIMEOUT)
        assert gate.entered.acquire(timeout=TIMEOUT)
        # A request that never ends must not keep the process alive.
        threads = [t for t in threading.enumerate() if t.name.startswith("grpc-")]
        assert threads and all(thread.daemon for thread in threads)
        server.stop(0.1)
        assert future.exception().code().name in ("CANCELLED", "UNAVAILABLE")
        gate.open.set()


def test_a_fault_is_logged_and_tells_nothing(models, caplog):
    def make_runner(model, version_dir, name, version):
        class Faulty:
            close = staticmethod(lambda: None)

            def run(self, *_):
                raise RuntimeError("the secret path")

        return Faulty()

    with serving(models, make_runner) as server, connected(server) as client:
        with (
            caplog.at_level(logging.ERROR, "amalthea.serving"),
            raises("INTERNAL") as caught,
        ):
            client.predict(ask())
        assert "secret" not in caught.value.details()
        assert "the secret path" in caplog.text


def test_a_status_of_the_runner_is_the_answer(models):
    def make_runner(model, version_dir, name, version):
        class Full:
            close = staticmethod(lambda: None)

            def run(self, *_):
                raise StatusError("UNAVAILABLE", "the queue is full")

        return Full()

    with (
        serving(models, make_runner) as server,
        connected(server) as client,
        raises("UNAVAILABLE", "the queue is full"),
    ):
        client.predict(ask())


class Counts:
    def __init__(self):
        self.calls = []

    def request(self, *call):
        self.calls.append(call)


def test_requests_are_counted(models):
    metrics = Counts()
    with serving(models, metrics=metrics) as server, connected(server) as client:
        client.predict(ask(signature="serving_default"))
        client.predict(ask(name=TOOLS, signature="half", x=np.float32(1)))
        with raises("NOT_FOUND"):
            client.predict(ask(name="nobody"))
        request = spec(get_model_status_pb2.GetModelStatusRequest())
        client.model.GetModelStatus(request, timeout=TIMEOUT)
    assert [(*call[:5], call[6]) for call in metrics.calls] == [
        (MODEL, "GRPC", "Predict", "serving_default", "OK", 3),
        (TOOLS, "GRPC", "Predict", "half", "OK", None),
        ("nobody", "GRPC", "Predict", "", "NOT_FOUND", None),
        (MODEL, "GRPC", "GetModelStatus", "", "OK", None),
    ]
    assert all(0 < call[5] < TIMEOUT for call in metrics.calls)
