"""What a REST server's requests may take together: memory, places, threads."""

import gzip
import threading

import pytest
from helpers.model_server import wait_until
from helpers.rest_server import MODEL, PREDICT, serve

from amalthea.serving.server import rest_api
from amalthea.serving.server.daemon_executor import DaemonExecutor
from amalthea.serving.server.errors import StatusError
from amalthea.serving.server.rest_body import BodyBudget

KIBIBYTE, MEBIBYTE = 1 << 10, 1 << 20
SMALL = b'{"instances": [1.0]}'
LARGE = SMALL.ljust(2 * MEBIBYTE)
TOO_LARGE_TOGETHER = "The requests under way are too large together; try again later"


def head(length):
    return f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"


def refuses_announced(client, size):
    """Tells whether a body is refused that would be so large, but never comes."""
    with client.send(head(size).encode()) as connection:
        connection.settimeout(0.1)
        try:
            return b" 429 " in connection.recv(1000)
        except TimeoutError:
            return False


def in_thread(function):
    """Calls a function in a thread; returns a function that waits for its result."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()

    def result():
        thread.join(20)
        return results[0]

    return result


def test_the_budget_of_bodies():
    budget = BodyBudget(100)
    with budget.share() as first, budget.share() as second:
        first.grow(64 * KIBIBYTE)  # not counted
        first.grow(60)
        second.grow(64 * KIBIBYTE + 40)
        first.check(0)
        for refused in (first.check, first.grow, second.grow):
            with pytest.raises(StatusError) as caught:
                refused(1)
            assert caught.value.code == "RESOURCE_EXHAUSTED"
        # Small ones are always taken.
        with budget.share() as third:
            third.grow(64 * KIBIBYTE)
    with budget.share() as share:
        share.grow(64 * KIBIBYTE + 100)
        with pytest.raises(StatusError):
            share.grow(1)


@pytest.mark.parametrize("announced", [True, False])
def test_bodies_that_come_are_bounded_together(announced):
    """Four of the largest size are held up just before their ends."""
    size = MEBIBYTE + 64 * KIBIBYTE
    if announced:
        start = head(size).encode() + bytes(size - 1)
    else:
        start = head(0).replace("Content-Length: 0", "Transfer-Encoding: chunked")
        start = start.encode() + b"%x\r\n" % size + bytes(size - 1)
    with serve(max_body_bytes=size, timeout_seconds=0) as client:
        held = [client.send(start) for _ in range(4)]
        wait_until(lambda: refuses_announced(client, size // 2))
        refused = client.predict(bytes(size // 2))
        assert refused.content == {"error": TOO_LARGE_TOGETHER}
        chunks = iter([bytes(size // 2)])
        assert client.predict(chunks, encode_chunked=True).status == 429
        packed = gzip.compress(bytes(size))
        gzipped = {"Content-Encoding": "gzip"}
        assert client.predict(packed, headers=gzipped).status == 429
        # Who asks for little does not notice.
        assert client.predict().status == 200
        assert client.predict(SMALL.ljust(60 * KIBIBYTE)).status == 200
        for connection in held:
            connection.close()
        wait_until(lambda: client.predict(SMALL.ljust(size)).status == 200)
        for _ in range(10):  # nothing of what was refused is still counted
            assert client.predict(SMALL.ljust(size)).status == 200
            assert client.predict(packed, headers=gzipped).status == 400


def test_announced_sizes_keep_nobody_out():
    with serve(max_body_bytes=4 * MEBIBYTE) as client:
        held = [client.send(head(4 * MEBIBYTE).encode()) for _ in range(20)]
        assert client.predict(LARGE).status == 200
        for connection in held:
            connection.close()


def test_gzip_that_unpacks_to_more_than_it_says():
    lying = bytearray(gzip.compress(SMALL.ljust(100_000)))
    lying[-4:] = (1000).to_bytes(4, "little")
    with serve() as client:
        answer = client.predict(bytes(lying), headers={"Content-Encoding": "gzip"})
        assert answer.status == 400
        assert answer.content["error"] == "Failed to uncompress the gzipped body"


def test_bodies_that_come_need_no_place():
    with serve(max_requests=2) as client:
        slow = [client.send(head(20).encode()) for _ in range(10)]
        assert client.predict().status == 200
        assert client.ask("GET", MODEL).status == 200
        for connection in slow:
            connection.sendall(SMALL)
            assert b" 200 " in connection.recv(1000)
            connection.close()


def test_status_and_metadata_need_no_place():
    with serve(max_requests=1) as client:
        client.runner.go.clear()
        thread, answers = client.predict_in_thread()
        assert client.predict().status == 429
        assert client.ask("GET", MODEL).status == 200
        assert client.ask("GET", f"{MODEL}/metadata").status == 200
        client.runner.go.set()
        thread.join()
        assert answers[0].status == 200


class SlowParser:
    """Parses large documents only when it may, and counts them meanwhile."""

    def __init__(self):
        self.go, self.begun = threading.Event(), threading.Semaphore(0)
        self.lock, self.now, self.most = threading.Lock(), 0, 0
        self._parse = rest_api.parse_document

    def __call__(self, body):
        if len(body) > MEBIBYTE:
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            self.begun.release()
            assert self.go.wait(20)
            with self.lock:
                self.now -= 1
        return self._parse(body)


@pytest.fixture
def parser(monkeypatch):
    parser = SlowParser()
    monkeypatch.setattr(rest_api, "parse_document", parser)
    return parser


def test_large_bodies_are_parsed_one_by_one_and_hold_nobody_up(parser):
    with serve(max_requests=4) as client:
        packed, gzipped = gzip.compress(LARGE), {"Content-Encoding": "gzip"}
        waiting = [
            in_thread(lambda: client.predict(LARGE)),
            in_thread(lambda: client.predict(packed, headers=gzipped)),
            in_thread(lambda: client.predict(LARGE)),
        ]
        assert parser.begun.acquire(timeout=20)
        assert client.predict().status == 200
        parser.go.set()
        assert [answer().status for answer in waiting] == [200] * 3
        assert parser.most == 1


def test_a_large_body_that_waits_too_long(parser):
    with serve(timeout_seconds=0.5) as client:
        waiting = [in_thread(lambda: client.predict(LARGE)) for _ in range(3)]
        assert [answer().status for answer in waiting] == [504] * 3
        assert client.predict().status == 200
        parser.go.set()
        wait_until(lambda: client.predict(LARGE).status == 200)
        assert parser.most == 1
        counted = 'model_name="half",status="DEADLINE_EXCEEDED"} 3'
        wait_until(lambda: counted in client.metrics.text())


@pytest.mark.parametrize("body", [b"{", b'{"instances": ["a"]}', b'{"inputs": 1}'])
def test_a_large_body_that_is_wrong_ends_its_turn(body):
    with serve(timeout_seconds=5) as client:
        for _ in range(3):
            assert client.predict(body.ljust(2 * MEBIBYTE)).status in (200, 400)
        assert client.predict(LARGE).status == 200


def test_a_run_does_not_keep_other_large_bodies_from_being_parsed():
    with serve() as client:
        client.runner.go.clear()
        waiting = [in_thread(lambda: client.predict(LARGE)) for _ in range(3)]
        for _ in range(3):
            assert client.runner.waiting.acquire(timeout=20)
        client.runner.go.set()
        assert [answer().status for answer in waiting] == [200] * 3


def test_no_thread_can_be_started(monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    with serve(max_requests=1) as client:
        with monkeypatch.context() as patch:
            patch.setattr(DaemonExecutor, "_start_thread", refuse)
            for _ in range(3):  # a place is not lost
                answer = client.predict(LARGE)
                assert answer.status == 503
                assert answer.content == {
                    "error": "The server has no thread for the request"
                }
            assert client.ask("GET", MODEL).status == 503
        assert client.predict(LARGE).status == 200
