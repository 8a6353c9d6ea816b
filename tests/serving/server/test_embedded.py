import json
import socket
import threading
import time
import urllib.error
import urllib.request

import grpc
import pytest
import tensorflow as tf
from helpers.half_plus_two import save_half_plus_two
from helpers.model_server import wait_until
from helpers.serving import embedded
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from amalthea.errors import UserError
from amalthea.serving.server.options import ServerOptions

MODEL = "half_plus_two"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_half_plus_two(folder / MODEL / "1")
    return folder


def ask_rest(server, values):
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.rest_port}/v1/models/{MODEL}:predict",
        json.dumps({"instances": values}).encode(),
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["predictions"]


def ask_grpc(server, values):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(values, tf.float32))
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        return list(stub.Predict(request, timeout=20).outputs["y"].float_val)


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.fixture(autouse=True)
def threads_before(monkeypatch):
    # Those of a server that other tests share.
    monkeypatch.setattr(serving_threads, "known", set(threading.enumerate()))


def serving_threads():
    return [
        thread
        for thread in set(threading.enumerate()) - serving_threads.known
        if thread.name.startswith(("rest", "model-poll", "batch-"))
    ]


serving_threads.known = set()


def test_both_apis_give_the_same_answer(models):
    with embedded(models) as server:
        assert server.rest_port != server.grpc_port
        assert ask_rest(server, [1, 2, 5]) == [2.5, 3.0, 4.5]
        assert ask_grpc(server, [1, 2, 5]) == [2.5, 3.0, 4.5]
        assert server.manager.is_ready()
        assert 'request_count{model_name="half_plus_two",status="OK"} 2' in (
            server.metrics.text()
        )
        ports = server.rest_port, server.grpc_port
    assert not any(map(listens, ports))
    assert not serving_threads()


def test_a_new_version_is_served_without_a_restart(models, tmp_path):
    save_half_plus_two(tmp_path / MODEL / "1")
    with embedded(tmp_path) as server:
        assert ask_grpc(server, [2]) == [3]
        save_half_plus_two(tmp_path / "next", offset=10)
        (tmp_path / "next").rename(tmp_path / MODEL / "2")
        wait_until(lambda: ask_grpc(server, [2]) == [11])
        assert ask_rest(server, [2]) == [11]


@pytest.mark.parametrize("taken", ["rest_port", "grpc_port"])
def test_a_failed_start_leaves_nothing_running(models, taken):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f":{port}: the port is in use"):
            embedded(models, **{taken: port}).start()
    assert not serving_threads()


@pytest.mark.parametrize("broken", ["_rest", "_grpc"])
def test_a_part_that_fails_stops_the_others(models, broken, monkeypatch):
    server = embedded(models)

    def fail():
        raise UserError("taken in between")

    monkeypatch.setattr(getattr(server, broken), "start", fail)
    with pytest.raises(UserError, match="taken in between"):
        server.start()
    wait_until(lambda: not serving_threads())  # one may be on its way out
    assert not server.manager.is_ready()


def test_no_models(tmp_path):
    with pytest.raises(UserError, match="no models"):
        embedded(tmp_path).start()
    with pytest.raises(UserError, match="nowhere"):
        embedded(tmp_path / "nowhere").start()
    assert not serving_threads()


def test_stop_finishes_a_request_of_either_api(models):
    entered, go_on = threading.Semaphore(0), threading.Event()
    answers = {}
    with embedded(models) as server:
        with server.manager.acquire(MODEL) as version:
            run = version.runner.run

            def slow(*arguments):
                entered.release()
                assert go_on.wait(20)
                return run(*arguments)

            version.runner.run = slow
        clients = [
            threading.Thread(
                target=lambda ask=ask: answers.update({ask: ask(server, [2])})
            )
            for ask in (ask_rest, ask_grpc)
        ]
        for client in clients:
            client.start()
            assert entered.acquire(timeout=20)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        wait_until(lambda: not listens(server.rest_port))
        wait_until(lambda: not listens(server.grpc_port))
        go_on.set()
        for thread in (*clients, stopping):
            thread.join(20)
            assert not thread.is_alive()
    assert answers == {ask_rest: [3.0], ask_grpc: [3.0]}


def test_a_stop_takes_no_longer_than_its_grace(models):
    entered, go_on = threading.Semaphore(0), threading.Event()
    failures = []

    def ask(how):
        try:
            how(server, [2])
        except (grpc.RpcError, urllib.error.HTTPError) as error:
            failures.append(error)

    with embedded(models) as server:
        with server.manager.acquire(MODEL) as version:

            def stuck(*_):
                entered.release()
                assert go_on.wait(20)

            version.runner.run = stuck
        clients = [
            threading.Thread(target=ask, args=[how]) for how in (ask_rest, ask_grpc)
        ]
        for client in clients:
            client.start()
            assert entered.acquire(timeout=20)
        start = time.monotonic()
        server.stop(1.5)
        # Both APIs and the models share the time; they do not get it in turn.
        assert 1.5 <= time.monotonic() - start < 2.8
        go_on.set()
        for client in clients:
            client.join(20)
    assert len(failures) == 2


def test_stopping_twice_and_without_a_start(models):
    server = embedded(models)
    server.stop()
    with embedded(models) as server:
        pass
    server.stop(0)


def test_the_defaults_are_those_of_tensorflow_serving():
    options = ServerOptions()
    assert (options.rest_port, options.grpc_port) == (8501, 8500)
