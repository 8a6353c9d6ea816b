"""The REST API over real sockets, with a stand-in for the models."""

import contextlib
import gzip
import json
import logging
import random
import socket
import threading
import zlib

import pytest
from helpers.model_server import wait_until
from helpers.rest_server import MODEL, PREDICT, Client, Manager, serve

from amalthea.errors import UserError
from amalthea.serving.repository import METRICS_PATH
from amalthea.serving.server.options import ServerOptions
from amalthea.serving.server.rest import RestServer
from amalthea.serving.server.rest_api import RestApi


@pytest.fixture(scope="module")
def client():
    with serve() as client:
        yield client


@pytest.mark.parametrize("part", ["", "/versions/123", "/labels/stable"])
def test_predict(client, part):
    path = f"{MODEL}{part}:predict"
    answer = client.ask("POST", path, '{"instances": [[1.0, 2.0], [3.0, 4.0]]}')
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert "server" not in answer.headers
    assert answer.content == {"predictions": [[2.5, 3.0], [3.5, 4.0]]}
    body = '{"signature_name": "serving_default", "inputs": [3.0, 4.0]}'
    assert client.ask("POST", path, body).content == {"outputs": [3.5, 4.0]}


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("", "", 400, "JSON Parse error: The document is empty"),
        (
            "",
            "instances = [1, 2]",
            400,
            "JSON Parse error: Invalid value. at offset: 0",
        ),
        ("", '{"instances": ["x", "y"]}', 400, "not of expected type: float"),
        ("", '{"signature_name": 100}', 400, "'signature_name' key must be a string"),
        (
            "",
            '{"signature_name": "x", "instances": [1]}',
            400,
            'Serving signature name: "x" not found in signature def',
        ),
        ("", "{}", 400, "Missing 'inputs' or 'instances' key"),
        ("", "[" * 100_000, 400, "The document is nested too deeply"),
        ("/versions/99", '{"instances": [1]}', 404, "Servable not found for request"),
        # A document is looked at before a model.
        ("/versions/99", "{", 400, "Missing a name for object member."),
        ("/labels/none", '{"instances": [1]}', 400, "Unrecognized servable version"),
        ("/versions/99999999999999999999", "{}", 400, "Failed to convert version: 9"),
        ("/versions/HELLO", "{}", 400, f"Malformed request: POST {MODEL}/versions/HE"),
    ],
)
def test_predict_errors(client, path, body, status, text):
    answer = client.ask("POST", f"{MODEL}{path}:predict", body)
    assert answer.status == status
    assert list(answer.content) == ["error"]
    assert text in answer.content["error"]
    assert answer.headers["content-type"] == "application/json"


def test_what_goes_wrong_inside_is_not_told(client, caplog):
    with caplog.at_level(logging.CRITICAL):
        answer = client.predict(b'{"instances": [-1]}')
    assert answer.status == 500
    assert answer.content == {"error": "The server failed"}


def test_classify_and_regress_are_refused(client):
    body = '{"examples": [{"x": 20.0}]}'
    for call in ("classify", "regress"):
        answer = client.ask("POST", f"{MODEL}:{call}", body)
        assert answer.status == 400
        assert "inputs found in SignatureDef" in answer.content["error"]
        answer = client.ask("POST", f"{MODEL}:{call}", '{"examples": []}')
        assert "'examples' value is an empty array" in answer.content["error"]
        answer = client.ask("POST", f"/v1/models/other:{call}", body)
        assert answer.status == 404


@pytest.mark.parametrize("part", ["", "/versions/123", "/labels/stable"])
def test_status(client, part):
    answer = client.ask("GET", MODEL + part)
    assert answer.status == 200
    assert answer.content == {
        "model_version_status": [
            {
                "version": "123",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }


def test_metadata(client):
    answer = client.ask("GET", f"{MODEL}/metadata")
    shape = {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    x = {"dtype": "DT_FLOAT", "tensor_shape": shape, "name": "x:0"}
    y = {"dtype": "DT_FLOAT", "name": "y:0"}
    assert answer.content == {
        "model_spec": {"name": "half", "signature_name": "", "version": "123"},
        "metadata": {
            "signature_def": {
                "signature_def": {
                    "serving_default": {
                        "inputs": {"x": x},
                        "outputs": {"y": y},
                        "method_name": "tensorflow/serving/predict",
                        "defaults": {},
                    }
                }
            }
        },
    }
    assert client.ask("GET", f"{MODEL}/versions/5/metadata").status == 404


def test_health_and_readiness(client):
    assert client.ask("GET", "/healthz").status == 200
    assert client.ask("GET", "/readyz").status == 200
    client.manager.ready = False
    try:
        assert client.ask("GET", "/readyz").status == 503
        assert client.ask("GET", "/healthz").status == 200
    finally:
        client.manager.ready = True


def test_metrics_page():
    with serve() as client:
        assert client.predict().status == 200
        assert client.ask("POST", "/v1/models/none:predict", "{}").status == 404
        page = client.ask("GET", METRICS_PATH)
        assert page.status == 200
        assert page.headers["content-type"].startswith("text/plain")
        text = page.content.decode()
        counter = ":tensorflow:serving:request_count"
        assert f'{counter}{{model_name="half",status="OK"}} 1' in text
        assert f'{counter}{{model_name="",status="NOT_FOUND"}} 1' in text


@pytest.mark.parametrize("path", ["/", "/v1", "/metrics", "//v1/models/half"])
def test_paths_outside_the_api(client, path):
    answer = client.ask("GET", path)
    assert answer.status == 404
    assert "error" in answer.content


@pytest.mark.parametrize("verb", ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_verbs(client, verb):
    answer = client.ask(verb, MODEL)
    assert answer.status == 400
    if verb != "HEAD":
        assert answer.content["error"] == f"Malformed request: {verb} {MODEL}"


def test_cross_origin_headers_are_sent_only_if_asked_for(client):
    allowed = "access-control-allow-origin"
    assert allowed not in client.predict().headers
    with serve(cors=True) as open_client:
        for answer in (open_client.predict(), open_client.predict(b"")):
            assert answer.headers[allowed] == "*"
        answer = open_client.ask("OPTIONS", PREDICT)
        assert answer.status == 200
        assert answer.headers["access-control-allow-methods"] == "POST, GET"
        assert answer.headers["access-control-allow-headers"] == "Content-Type"


GZIP = {"Content-Encoding": "gzip"}


def test_gzip(client):
    body = gzip.compress(b'{"instances": [1.0]}')
    answer = client.predict(body, headers=GZIP)
    assert answer.content == {"predictions": [2.5]}


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances": [1.0]}',
        b"",
        # The time would be in the test's name, which all workers must agree on.
        gzip.compress(b'{"instances": [1.0]}', mtime=0)[:-3],
        gzip.compress(b'{"instances": [1.0]}', mtime=0) + b"x",
        zlib.compress(b'{"instances": [1.0]}'),
    ],
)
def test_bad_gzip(client, body):
    answer = client.predict(body, headers=GZIP)
    assert answer.status == 400
    assert answer.content["error"] == "Failed to uncompress the gzipped body"


def test_a_large_body_is_refused_however_it_comes():
    with serve(max_body_bytes=1000) as client:
        fits = b'{"instances": [1.0]}'.ljust(1000)
        assert client.predict(fits).status == 200
        refused = [
            client.predict(fits + b" "),
            client.predict(iter([fits, b" "]), encode_chunked=True),
            client.predict(gzip.compress(fits + b" "), headers=GZIP),
            client.predict(gzip.compress(bytes(10_000_000)), headers=GZIP),
        ]
        for answer in refused:
            assert answer.status == 413
            assert answer.content == {
                "error": "The request is larger than the 1000 bytes allowed"
            }
        assert client.predict(gzip.compress(fits), headers=GZIP).status == 200
        # It is not waited for.
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 1{'0' * 12}\r\n"
        with client.send(head.encode() + b"\r\n") as connection:
            assert b" 413 " in connection.recv(1000)


def test_more_requests_than_allowed_are_refused():
    with serve(max_requests=1) as client:
        client.runner.go.clear()
        thread, answers = client.predict_in_thread()
        refused = client.predict()
        assert refused.status == 429
        assert refused.content == {"error": "1 requests are under way already"}
        client.runner.go.set()
        thread.join()
        assert answers[0].status == 200
        assert client.predict().status == 200


def test_a_request_that_takes_too_long():
    with serve(timeout_seconds=0.2) as client:
        client.runner.go.clear()
        answer = client.predict()
        assert answer.status == 504
        assert answer.content == {"error": "The request took longer than allowed"}
        client.runner.go.set()
        assert client.predict().status == 200
        assert all(deadline is not None for deadline in client.runner.deadlines)


def test_slow_bodies_hold_nobody_up():
    with serve(timeout_seconds=0.5, max_requests=300) as client:
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n"
        # As many as there are threads.
        slow = [client.send(head.encode() + b'{"in') for _ in range(256)]
        assert client.predict().status == 200
        for connection in slow:
            with connection:
                assert b" 408 " in connection.recv(1000)


def test_a_client_that_goes_away_leaves_nothing_behind(caplog):
    body = b'{"instances": [1.0]}'
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    with serve(max_requests=1, timeout_seconds=0) as client:
        with client.send(head.encode() + body[:5]):
            pass
        wait_until(lambda: client.predict().status == 200)
        assert client.runner.waiting.acquire(timeout=20)
        client.runner.go.clear()
        with client.send(head.encode() + body):
            assert client.runner.waiting.acquire(timeout=20)
        client.runner.go.set()
        wait_until(lambda: client.predict().status == 200)
    assert not caplog.records


def test_a_stop_finishes_what_was_accepted():
    with serve() as client:
        client.runner.go.clear()
        thread, answers = client.predict_in_thread()
        stop = threading.Thread(target=client.server.stop, args=(20,))
        stop.start()
        wait_until(lambda: not listens(client.server.port))
        client.runner.go.set()
        stop.join()
        thread.join()
        assert answers[0].content == {"predictions": [2.5, 3.0]}


def test_a_stop_does_not_wait_for_ever():
    with serve() as client:
        client.runner.go.clear()
        thread, answers = client.predict_in_thread()
        client.server.stop(0)
        thread.join()
        assert answers[0].status == 503
        assert answers[0].content == {"error": "The server is stopping"}


def listens(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    return False


def test_a_port_in_use(client):
    options = ServerOptions(rest_port=client.server.port)
    server = RestServer(client.manager, options)
    with pytest.raises(UserError, match="the port is in use") as caught:
        server.start()
    assert "\n" not in str(caught.value)
    server.stop(1)


def test_a_server_without_metrics():
    server = RestServer(Manager(), ServerOptions(rest_port=0))
    server.start()
    try:
        client = Client(server=server, manager=Manager(), metrics=None)
        assert client.predict().status == 200
        assert client.ask("GET", METRICS_PATH).status == 404
    finally:
        server.stop(5)


def test_mutated_requests_are_the_clients_fault():
    api = RestApi(Manager())
    generator = random.Random(11)
    seeds = [
        b'{"instances": [{"x": [1.0, 2e3]}, {"x": [-0.5, NaN]}]}',
        b'{"signature_name": "serving_default", "inputs": {"x": [[1, 2], [3, 4]]}}',
        b'{"instances": ["\\u00e9\\ud83d\\ude00", {"b64": "aGVsbG8="}]}',
    ]
    statuses = set()
    for _ in range(2000):
        body = bytearray(generator.choice(seeds))
        for _ in range(generator.randrange(1, 4)):
            at = generator.randrange(len(body))
            mutation = generator.randrange(3)
            if mutation == 0:
                body[at] = generator.randrange(256)
            elif mutation == 1:
                del body[at : at + generator.randrange(1, 9)]
            else:
                body[at:at] = generator.choice(
                    [b"[", b"}", b"1e999", b'"', b"\\", b"-"]
                )
            body = body or bytearray(b" ")
        status, answer = api.answer("POST", PREDICT, lambda body=body: bytes(body))
        assert status in (200, 400), bytes(body)
        json.loads(answer)
        statuses.add(status)
    assert statuses == {200, 400}
