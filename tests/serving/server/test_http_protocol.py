"""Odd, slow and ill-meaning clients, on raw sockets."""

import contextlib
import time

import pytest
from helpers.rest_server import MODEL, PREDICT, serve

from amalthea.serving.server import http_protocol

BODY = b'{"instances": [1.0]}'
# As Java's HttpClient sends it, where it is not told to keep to HTTP/1.1.
JAVA = (
    b"Connection: Upgrade, HTTP2-Settings\r\n"
    b"Host: localhost\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
    b"Upgrade: h2c\r\n"
)
TIMED_OUT = 0.5


def post(headers=b"Host: x\r\n", body=BODY):
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    return f"POST {PREDICT} HTTP/1.1\r\n".encode() + headers + length + body


def statuses(connection, count):
    """The statuses of so many answers, read from a connection."""
    received = b""
    while received.count(b"HTTP/1.1 ") < count or received.rstrip()[-1:] != b"}":
        part = connection.recv(1 << 16)
        if not part:
            break
        received += part
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def is_closed(connection):
    """Waits until the server closes a connection."""
    with contextlib.suppress(ConnectionResetError):
        return connection.recv(100) == b""
    return True


@pytest.fixture(scope="module")
def client():
    with serve() as client:
        yield client


@pytest.fixture(scope="module")
def hasty_client():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_protocol, "HEADER_SECONDS", TIMED_OUT)
        with serve() as client:
            yield client


def test_a_wish_for_http_2_is_passed_over(client):
    with client.send(post(JAVA)) as connection:
        assert statuses(connection, 1) == [200]
        for headers in (JAVA, b"Host: x\r\n", JAVA):
            connection.sendall(post(headers))
            assert statuses(connection, 1) == [200]
    with client.send(post(JAVA) * 3 + post() + post(JAVA)) as connection:
        assert statuses(connection, 5) == [200] * 5
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
    head, _, _ = post(JAVA).partition(b"Content-Length")
    with client.send(head + chunked % (len(BODY), BODY)) as connection:
        assert statuses(connection, 1) == [200]
    with client.send(f"GET {MODEL} HTTP/1.1\r\n".encode() + JAVA + b"\r\n") as got:
        assert statuses(got, 1) == [200]


def test_a_wish_for_http_2_in_parts(client):
    request = post(JAVA)
    with client.send(b"") as connection:
        for at in range(1, len(request), 7):
            connection.sendall(request[:at])
            # An answer between them, so that the parts do not come as one.
            assert client.ask("GET", "/healthz").status == 200
            connection.sendall(request[at:])
            assert statuses(connection, 1) == [200]


def test_very_many_wishes_at_once(client):
    request = b"GET /v1 HTTP/1.1\r\n" + JAVA + b"\r\n"
    with client.send(request * 2000) as connection:
        assert statuses(connection, 2000) == [404] * 2000


@pytest.mark.parametrize("headers", [b"Host: x\r\n", JAVA])
def test_connect_is_refused(client, headers):
    with client.send(b"CONNECT x:1 HTTP/1.1\r\n" + headers + b"\r\n") as connection:
        assert b" 400 " in connection.recv(1000)
        assert is_closed(connection)


@pytest.mark.parametrize(
    "start", [b"", b"\r\n", b"P", post()[:30], post()[: -len(BODY) - 2]]
)
def test_a_connection_without_a_whole_header_is_closed(hasty_client, start):
    begun = time.monotonic()
    with hasty_client.send(start) as first, hasty_client.send(post()) as second:
        assert statuses(second, 1) == [200]
        answered = time.monotonic()
        second.sendall(start or b"\r\n")
        assert is_closed(first)
        assert time.monotonic() - begun >= TIMED_OUT * 0.9
        assert is_closed(second)
        assert time.monotonic() - answered >= TIMED_OUT * 0.9


def test_bytes_that_trickle_do_not_keep_a_connection(hasty_client):
    begun = time.monotonic()
    with hasty_client.send(b"GET /healthz HTTP/1.1\r\nX: ") as connection:
        connection.settimeout(TIMED_OUT / 10)
        while time.monotonic() - begun < 20:
            try:
                connection.sendall(b"a")
                if is_closed(connection):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert TIMED_OUT * 0.9 <= time.monotonic() - begun < 20


def test_a_body_or_a_run_may_take_longer_than_a_header(hasty_client):
    request = post()
    with hasty_client.send(request[:-5]) as slow, hasty_client.send(b"") as idle:
        assert is_closed(idle)
        slow.sendall(request[-5:])
        assert statuses(slow, 1) == [200]
    hasty_client.runner.go.clear()
    with hasty_client.send(post()) as patient, hasty_client.send(b"") as idle:
        assert is_closed(idle)
        hasty_client.runner.go.set()
        assert statuses(patient, 1) == [200]
        # An idle connection is kept as long as before.
        with hasty_client.send(b"") as idle:
            assert is_closed(idle)
        patient.sendall(post())
        assert statuses(patient, 1) == [200]


def test_a_header_without_an_end_is_not_kept(client):
    head = f"GET {MODEL} HTTP/1.1\r\nX: "
    with client.send(head.encode()) as connection, pytest.raises(ConnectionError):
        for _ in range(100):
            connection.sendall(b"a" * 100_000)
    # One that is nearly too large is taken, and one that follows it.
    with client.send(head.encode()) as connection:
        for _ in range(2):
            connection.sendall(b"a" * 60_000)
            connection.sendall(b"\r\n\r\n")
            assert statuses(connection, 1) == [200]
            connection.sendall(head.encode())
