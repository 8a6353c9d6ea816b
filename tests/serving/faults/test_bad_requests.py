"""Requests that nobody should send: each is refused, none does any harm."""

import gzip
import json
import socket

import pytest
from helpers.model_server import HOST

PATH = "/v1/models/half_plus_two:predict"
DEEP = 100_000

BODIES = {
    "a number alone": b"1",
    "a control character": b"\x00",
    "zeros": b"\x00" * 1000,
    "no UTF-8": b"\xff\xfe\xfd",
    "UTF-16": json.dumps({"instances": [1.0]}).encode("utf-16"),
    "half a character": '{"instances": ["é'.encode()[:-1],
    "a control character in a string": b'{"instances": ["\x01"]}',
    "open lists": b"[" * DEEP,
    "lists in lists": b'{"instances": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "objects in objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "lists in lists in a key nobody reads": (
        b'{"a": ' + b"[" * DEEP + b"]" * DEEP + b', "inputs": 1}'
    ),
    "65 lists": b'{"inputs": ' + b"[" * 65 + b"1.0" + b"]" * 65 + b"}",
    "a very long number": b'{"inputs": ' + b"9" * DEEP + b"}",
    "a very long fraction": b'{"inputs": "' + b"0." + b"9" * DEEP + b'"}',
    "a very large exponent": b'{"inputs": 1e' + b"9" * 1000 + b"}",
    "a very small exponent of nothing": b'{"inputs": [1e-' + b"9" * 1000 + b", []]}",
    "a very long string": b'{"inputs": "' + b"a" * DEEP + b'"}',
    "a very long key": b'{"inputs": {"' + b"a" * DEEP + b'": 1}}',
    "many keys": json.dumps({str(key): key for key in range(DEEP)}).encode(),
    "a lonely surrogate": b'{"inputs": ["\\ud800"]}',
    "two high surrogates": b'{"inputs": ["\\ud800\\ud800"]}',
    "a comment": b'{"inputs": [1.0] /* one */}',
    "single quotes": b"{'inputs': [1.0]}",
    "Python": b'{"inputs": [None]}',
    "two documents": b'{"inputs": [1.0]}{"inputs": [1.0]}',
    "XML": b"<inputs>1.0</inputs>",
    "a form": b"instances=1.0",
    "an uneven list of 10000": json.dumps({"inputs": [[1.0]] * 9999 + [1.0]}).encode(),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_bad_body_is_refused(unharmed, body):
    reply = unharmed.address.predict("half_plus_two", body)
    assert reply.status == 400, reply.text[:1000]
    assert reply.json()["error"]


def test_an_error_does_not_repeat_a_large_body(unharmed):
    body = json.dumps({"instances": {"x": "a" * (1 << 20)}})
    reply = unharmed.address.predict("half_plus_two", body)
    assert reply.status == 400
    assert len(reply.content) < 1 << 21


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "gzip, gzip"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "\x80"},
        {"Expect": "nothing"},
        {"Upgrade": "websocket", "Connection": "Upgrade"},
        {"Accept-Encoding": "nothing;q=x"},
    ],
    ids=str,
)
def test_an_odd_header_does_no_harm(unharmed, headers):
    body = '{"inputs": [1.0]}'
    reply = unharmed.address.ask("POST", PATH, body, headers.items())
    assert reply.status < 500


def test_a_truncated_gzip_is_refused(unharmed):
    whole = gzip.compress(b'{"inputs": [1.0]}' + b" " * 1000)
    headers = (("Content-Encoding", "gzip"),)
    for size in (1, 5, 15, len(whole) - 1):
        reply = unharmed.address.ask("POST", PATH, whole[:size], headers)
        assert reply.status == 400


RAW = {
    "nothing": b"",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no HTTP at all": b"hello\r\n\r\n",
    "zeros": bytes(1000),
    "no version": b"GET /v1/models/half_plus_two\r\n\r\n",
    "another version": b"GET /v1/models/half_plus_two HTTP/9.9\r\n\r\n",
    "a length below zero": f"POST {PATH} HTTP/1.1\r\nHost: a\r\n".encode()
    + b"Content-Length: -1\r\n\r\n",
    "a length that is a word": f"POST {PATH} HTTP/1.1\r\nHost: a\r\n".encode()
    + b"Content-Length: many\r\n\r\n",
    "two lengths": f"POST {PATH} HTTP/1.1\r\nHost: a\r\n".encode()
    + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a bad chunk": f"POST {PATH} HTTP/1.1\r\nHost: a\r\n".encode()
    + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    "a very long path": b"GET /v1/models/" + b"a" * 300_000 + b" HTTP/1.1\r\n\r\n",
    "a very long header": b"GET / HTTP/1.1\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
    "a path of bytes": b"GET /v1/models/\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    "a broken escape": b"GET /v1/models/%zz%f HTTP/1.1\r\nHost: a\r\n\r\n",
    "a path to somewhere else": b"GET /v1/models/../../etc/passwd HTTP/1.1\r\n\r\n",
    "an escaped path to somewhere else": (
        b"GET /v1/models/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: a\r\n\r\n"
    ),
}


@pytest.mark.parametrize("which", ["rest_port", "grpc_port"])
@pytest.mark.parametrize("content", RAW.values(), ids=RAW.keys())
def test_odd_bytes_on_a_port_do_no_harm(unharmed, content, which):
    port = getattr(unharmed.address, which)
    with socket.create_connection((HOST, port), timeout=10) as client:
        try:
            client.sendall(content)
            client.shutdown(socket.SHUT_WR)
            answer = b""
            while part := client.recv(1 << 16):
                answer += part
        except OSError as error:  # hanging up is an answer, too; silence is none
            assert not isinstance(error, TimeoutError)
            answer = b""
    if which == "rest_port" and answer:
        status = int(answer.split(maxsplit=2)[1])
        assert 400 <= status < 500, answer
