"""Many clients at once: each gets its own answer, and nobody is forgotten."""

import contextlib
import json
import threading
import time

import grpc
import pytest
from helpers.model_server import (
    ask_on,
    embedded_server,
    server_process,
    wait_until,
)
from serving_checks import (
    MANY_STEPS,
    grpc_request,
    in_threads,
    is_available,
    save_halves,
    save_patient,
    stub,
)
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub

MEBIBYTE = 1 << 20
BATCHING = """
max_batch_size { value: 16 }
batch_timeout_micros { value: 2000 }
num_batch_threads { value: 2 }
max_enqueued_batches { value: 100 }
allowed_batch_sizes: 1
allowed_batch_sizes: 4
allowed_batch_sizes: 16
"""
ONE_BY_ONE = """
max_batch_size { value: 1 }
batch_timeout_micros { value: 0 }
num_batch_threads { value: 1 }
max_enqueued_batches { value: 1 }
"""
PATH = "/v1/models/half_plus_two:predict"


def test_64_clients_get_their_own_answers(tmp_path):
    clients, rounds = 64, 10
    models = tmp_path / "models"
    save_halves(models / "half_plus_two", 1, tmp_path, batching=BATCHING)
    answered = []
    with embedded_server(models) as address, address.channel() as channel:
        predict = stub(channel).Predict

        def ask(index):
            connection = address.connect()
            for turn in range(rounds):
                first = (index * rounds + turn) * 8
                x = [float(first + row) for row in range(1 + (index + turn) % 7)]
                if index % 2:
                    body = json.dumps({"instances": x})
                    y = ask_on(connection, "POST", PATH, body).json()["predictions"]
                else:
                    response = predict(grpc_request(x), timeout=60)
                    y = list(response.outputs["y"].float_val)
                assert y == [value / 2 + 2 for value in x]
                answered.append(first)
            connection.close()

        with in_threads(clients, ask):
            pass
    assert len(set(answered)) == clients * rounds


def test_memory_stays_flat_over_10000_requests(table_models):
    threads = 4
    body = json.dumps({"instances": [[float(n) for n in range(64)]]})

    def ask_many(server, count):
        with server.address.channel() as channel:
            predict = stub(channel).Predict
            request = grpc_request([[float(n) for n in range(64)]])

            def ask(index):
                connection = server.address.connect()
                for _ in range(count // threads):
                    if index % 2:
                        assert ask_on(connection, "POST", PATH, body).status == 200
                    else:
                        predict(request, timeout=30)
                connection.close()

            with in_threads(threads, ask):
                pass

    with server_process(table_models) as server:
        ask_many(server, 2000)  # caches, pools and arenas fill
        before = server.memory()
        ask_many(server, 10_000)
        # A leak of 1 kB a request would show.
        assert server.memory() - before < 8 * MEBIBYTE


def test_a_new_version_under_load_fails_no_request(tmp_path):
    models = tmp_path / "models"
    save_halves(models / "half_plus_two", 1, tmp_path, batching=BATCHING)
    last = 4
    stop = threading.Event()
    seen = [[] for _ in range(6)]
    with embedded_server(models) as address, address.channel() as channel:
        predict = stub(channel).Predict

        def ask(index):
            connection = address.connect()
            while not stop.is_set():
                if index % 2:
                    reply = ask_on(connection, "POST", PATH, '{"instances": [0.0]}')
                    assert reply.status == 200, reply.text
                    [y] = reply.json()["predictions"]
                else:
                    response = predict(grpc_request([0.0]), timeout=30)
                    [y] = response.outputs["y"].float_val
                    # The version that is named is the one that answered.
                    assert y == 1 + response.model_spec.version.value
                seen[index].append(y)
            connection.close()

        with in_threads(len(seen), ask):
            try:
                for version in range(2, last + 1):
                    # Version 1 adds 2, version 2 adds 3 ...
                    save_halves(
                        models / "half_plus_two",
                        version,
                        tmp_path,
                        offset=1 + version,
                        batching=BATCHING,
                    )
                    wait_until(lambda v=version: is_available(address, v))
            finally:
                stop.set()
    for answers in seen:
        assert answers == sorted(answers)  # never back to an older version
        assert {2.0, 3.0, 4.0} <= set(answers)


@pytest.fixture
def patient(tmp_path):
    """A folder with a model that takes as many steps as it is told to."""
    save_patient(tmp_path / "patient" / "1")
    return tmp_path


def patient_inputs(steps):
    return {"inputs": {"x": [1.0], "steps": [steps]}}


def ask_quickly(address):
    assert address.predict("patient", patient_inputs(0)).status == 200


def steps_for(address, seconds):
    """Returns how many steps the model does in a time on this machine."""
    steps = 5_000
    ask_quickly(address)  # the first call takes longer
    begun = time.monotonic()
    assert address.predict("patient", patient_inputs(steps)).status == 200
    return int(steps * seconds / (time.monotonic() - begun))


def test_a_stop_finishes_what_was_accepted(patient):
    answers = {}
    sent = threading.Barrier(3)

    def ask_rest(address, inputs):
        connection = address.connect()
        body = json.dumps(inputs)
        connection.request("POST", "/v1/models/patient:predict", body)
        sent.wait()
        answers["rest"] = json.loads(connection.getresponse().read())
        connection.close()

    def ask_grpc(channel, request):
        call = stub(channel).Predict.future(request, timeout=60)
        sent.wait()
        answers["grpc"] = list(call.result().outputs["y"].float_val)

    with contextlib.ExitStack() as stack:
        with embedded_server(patient) as address:
            # Left after the server, which is to send its answers through it.
            channel = stack.enter_context(address.channel())
            steps = steps_for(address, 1.5)
            request = grpc_request([1.0], "patient", steps=[steps])
            # The channel is connected before, so that the call is sent at once.
            stub(channel).Predict(grpc_request([1.0], "patient", steps=[0]), timeout=30)
            threads = [
                threading.Thread(
                    target=ask_rest, args=(address, patient_inputs(steps))
                ),
                threading.Thread(target=ask_grpc, args=(channel, request)),
            ]
            for thread in threads:
                thread.start()
            sent.wait()
            # Answers to later requests show that the earlier ones were taken. They do
            # not run the model: the long ones may hold all of TensorFlow's threads.
            status = get_model_status_pb2.GetModelStatusRequest()
            status.model_spec.name = "patient"
            for _ in range(5):
                assert is_available(address, 1, "patient")
                ModelServiceStub(channel).GetModelStatus(status, timeout=30)
            assert not answers
        # The server has stopped.
        for thread in threads:
            thread.join(30)
    assert answers == {"rest": {"outputs": [2.5]}, "grpc": [2.5]}
    with pytest.raises(OSError):
        address.ask("GET", "/v1/models/patient")


def test_a_deadline_ends_the_wait(tmp_path):
    """Without batching a run cannot be left; behind it, a request can give up."""
    save_patient(tmp_path / "patient" / "1", batching=ONE_BY_ONE)
    with embedded_server(tmp_path, timeout_seconds=0.3) as address:
        steps = steps_for(address, 1.5)
        begun = time.monotonic()
        reply = address.predict("patient", patient_inputs(steps))
        assert reply.status == 504, reply.text
        assert reply.json()["error"]
        request = grpc_request([1.0], "patient", steps=[0])
        with address.channel() as channel, pytest.raises(grpc.RpcError) as raised:
            stub(channel).Predict(request, timeout=0.2)
        assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - begun < 1.2
        wait_until(lambda: address.predict("patient", patient_inputs(0)).status == 200)


def test_requests_beyond_the_limit_are_refused(patient):
    with embedded_server(patient, max_requests=2) as address:
        body = patient_inputs(steps_for(address, 1.0))
        statuses, codes = [], []

        def ask(index):
            reply = address.predict("patient", body)
            assert "error" in reply.json() or reply.status == 200
            statuses.append(reply.status)

        with in_threads(6, ask):
            pass
        assert set(statuses) == {200, 429}
        assert statuses.count(200) >= 2

        with address.channel() as channel:
            request = grpc_request([1.0], "patient", steps=body["inputs"]["steps"])
            calls = [
                stub(channel).Predict.future(request, timeout=60) for _ in range(6)
            ]
            codes = [call.code().name for call in calls]
        assert set(codes) == {"OK", "RESOURCE_EXHAUSTED"}
        assert codes.count("OK") >= 2
        ask_quickly(address)


def test_a_full_batching_queue_refuses(tmp_path):
    save_patient(tmp_path / "patient" / "1", batching=ONE_BY_ONE)
    with embedded_server(tmp_path) as address:
        body = patient_inputs(steps_for(address, 0.5))
        statuses = []

        def ask(index):
            statuses.append(address.predict("patient", body).status)

        with in_threads(6, ask):
            pass
        assert set(statuses) == {200, 429}
        with address.channel() as channel:
            request = grpc_request([1.0], "patient", steps=body["inputs"]["steps"])
            calls = [
                stub(channel).Predict.future(request, timeout=60) for _ in range(6)
            ]
            codes = {call.code().name for call in calls}
        assert codes == {"OK", "RESOURCE_EXHAUSTED"}
        ask_quickly(address)


def test_a_process_ends_though_a_request_does_not(patient):
    """What is under way after the grace is left behind."""
    with server_process(patient, grace_seconds=0.5) as server:
        ask_quickly(server.address)
        connection = server.address.connect()
        body = json.dumps(patient_inputs(MANY_STEPS))
        connection.request("POST", "/v1/models/patient:predict", body)
        assert is_available(server.address, 1, "patient")
    connection.close()
