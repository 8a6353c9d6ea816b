"""Clients that are slow, or gone: they cost nobody else an answer."""

import contextlib
import json
import socket
import struct
import threading
import time

import pytest
from helpers.model_server import HOST, embedded_server, wait_until
from serving_checks import assert_answers, grpc_request, save_patient, stub

PATH = "/v1/models/half_plus_two:predict"
BODY = b'{"instances": [1.0]}'
HEAD = (
    f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
)


@contextlib.contextmanager
def connections(address, count):
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                socket.create_connection((HOST, address.rest_port), timeout=10)
            )
            for _ in range(count)
        ]


@pytest.mark.parametrize("content", [HEAD, HEAD + BODY[:-1]], ids=["head", "body"])
def test_others_are_served_while_slow_clients_send(unharmed, content):
    """More slow clients than a server has threads, each a few bytes at a time."""
    at, step = 0, max(len(content) // 10, 1)
    with connections(unharmed.address, 100) as clients:
        while at < len(content):
            for client in clients:
                client.sendall(content[at : at + step])
            at += step
            begun = time.monotonic()
            assert_answers(unharmed.address)
            assert time.monotonic() - begun < 5
        # And in the end each slow one gets its answer.
        rest = (HEAD + BODY)[len(content) :]
        for client in clients:
            client.sendall(rest)
        for client in clients:
            assert client.recv(1 << 16).startswith(b"HTTP/1.1 200")


def test_clients_that_leave_within_a_request(unharmed):
    for content in (HEAD[:20], HEAD, HEAD + BODY[:5], HEAD + BODY):
        with connections(unharmed.address, 50) as clients:
            for client in clients:
                client.sendall(content)
                # Closed with a reset, as by a client that crashed.
                client.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )


def test_clients_that_leave_before_the_answer_free_their_places(tmp_path):
    save_patient(tmp_path / "patient" / "1")
    inputs = {"x": [1.0], "steps": [100_000]}  # half a second or more
    body = json.dumps({"inputs": inputs}).encode()
    request = (
        f"POST /v1/models/patient:predict HTTP/1.1\r\nHost: a\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    with embedded_server(tmp_path, max_requests=4) as address:
        with connections(address, 3) as clients:
            for client in clients:
                client.sendall(request)
        with address.channel() as channel:
            for _ in range(3):
                call = stub(channel).Predict.future(
                    grpc_request([1.0], "patient", steps=[100_000]), timeout=30
                )
                call.cancel()
        quick = {"inputs": {"x": [1.0], "steps": [0]}}

        def four_at_once():
            statuses = []
            threads = [
                threading.Thread(
                    target=lambda: statuses.append(
                        address.predict("patient", quick).status
                    )
                )
                for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return statuses == [200] * 4

        wait_until(four_at_once, seconds=30)


def test_a_connection_is_kept_and_answers_in_order(unharmed):
    """Requests sent before the answers to those before them were read."""
    bodies = [b'{"instances": [%d.0]}' % number for number in range(20)]
    with connections(unharmed.address, 1) as [client]:
        for body in bodies:
            head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}"
            client.sendall(head.encode() + b"\r\n\r\n" + body)
        received = b""
        while received.count(b"predictions") < len(bodies):
            part = client.recv(1 << 16)
            assert part
            received += part
        client.settimeout(1)
    answers = [
        float(part.split(b"[", 1)[1].split()[0])
        for part in received.split(b"predictions")[1:]
    ]
    assert answers == [number / 2 + 2 for number in range(20)]
