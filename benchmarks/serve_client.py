"""Clients in a process of their own, as light as Python allows.

They send requests that were encoded before and do not decode the answers, so that
what is measured is the server. Nothing here loads TensorFlow or numpy.
"""

import contextlib
import multiprocessing
import socket
import threading
import time

import grpc

HOST = "127.0.0.1"
PREDICT = "/tensorflow.serving.PredictionService/Predict"


@contextlib.contextmanager
def client_process(rest_port, grpc_port, rest_request, grpc_request):
    """Starts a process of clients.

    Args:
        rest_port: The port of the server's REST API.
        grpc_port: The port of its gRPC API.
        rest_request: A whole HTTP request, `bytes`.
        grpc_request: An encoded `PredictRequest`, `bytes`.

    Yields:
        The `Clients`.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_follow,
        args=(theirs, (rest_port, rest_request), (grpc_port, grpc_request)),
        daemon=True,
    )
    process.start()
    ours.recv()  # it stands
    try:
        yield Clients(ours)
        ours.send(None)
        process.join()
    finally:
        process.kill()


class Clients:
    """The process, seen from here.

    Args:
        pipe: The connection to it.
    """

    def __init__(self, pipe):
        self._pipe = pipe

    def once(self, api):
        """Sends one request; returns the seconds until its answer."""
        return self._ask("once", api)

    def start(self, apis):
        """Starts one client for each of `apis`, each `"rest"` or `"grpc"`."""
        self._ask("start", apis)

    def stop(self):
        """Ends the clients; returns the seconds of each answer, and the failures.

        Returns:
            A list of pairs (when it began by `time.monotonic`, seconds), and a list
            of texts.
        """
        return self._ask("stop", None)

    def load(self, apis, seconds):
        """Runs clients for some seconds; returns what `stop` does."""
        self.start(apis)
        time.sleep(seconds)
        return self.stop()

    def _ask(self, *command):
        self._pipe.send(command)
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def http_request(path, body):
    """Returns a POST as the bytes that go over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Rest:
    """One kept connection, without what `http.client` does for each answer."""

    def __init__(self, port, request):
        self._request = request
        self._socket = socket.create_connection((HOST, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __call__(self):
        self._socket.sendall(self._request)
        received = self._socket.recv(1 << 16)
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, body = received.split(b"\r\n\r\n", 1)
        size = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        while len(body) < size:
            body += self._more()
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{head.splitlines()[0]!r}: {body!r}")

    def _more(self):
        part = self._socket.recv(1 << 16)
        if not part:
            raise RuntimeError("the server hung up")
        return part

    def close(self):
        self._socket.close()


class _Grpc:
    """One channel, without the coding of messages."""

    def __init__(self, port, request):
        self._request = request
        self._channel = grpc.insecure_channel(
            f"{HOST}:{port}", [("grpc.use_local_subchannel_pool", 1)]
        )
        self._predict = self._channel.unary_unary(PREDICT)

    def __call__(self):
        self._predict(self._request)

    def close(self):
        self._channel.close()


class _Load:
    """Clients that ask until they are told to stop."""

    def __init__(self, makers):
        self._end = threading.Event()
        self._answers, self._failures = [], []  # appending is atomic
        self._threads = [
            threading.Thread(target=self._run, args=(make,)) for make in makers
        ]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._end.set()
        for thread in self._threads:
            thread.join()
        return self._answers, self._failures

    def _run(self, make):
        ask = make()
        try:
            while not self._end.is_set():
                begun = time.monotonic()
                try:
                    ask()
                except Exception as error:
                    self._failures.append(f"{type(error).__name__}: {error}")
                    ask.close()
                    ask = make()
                else:
                    self._answers.append((begun, time.monotonic() - begun))
        finally:
            ask.close()


def _follow(pipe, rest, grpc_):
    """Does what comes through the pipe, until `None` comes."""
    makers = {"rest": lambda: _Rest(*rest), "grpc": lambda: _Grpc(*grpc_)}
    kept, load = {}, None
    pipe.send("ready")
    while command := pipe.recv():
        name, what = command
        answer = None
        try:
            if name == "once":
                ask = kept.get(what) or kept.setdefault(what, makers[what]())
                begun = time.perf_counter()
                ask()
                answer = time.perf_counter() - begun
            elif name == "start":
                load = _Load([makers[api] for api in what])
            else:
                answer = load.stop()
        except Exception as error:
            answer = RuntimeError(f"{type(error).__name__}: {error}")
        pipe.send(answer)
