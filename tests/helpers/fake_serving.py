"""Model servers of canned answers, for what a real one does only now and then."""

import contextlib
import json
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from amalthea.serving import Client


class FakeRest:
    """A REST server that follows a script.

    Args:
        script: Dict from `"VERB PATH"` to a list of steps, one per request;
            the last is repeated. A step is a pair of HTTP status and body
            (bytes, or what becomes JSON), or a function of the request
            handler, which answers by itself.

    Attributes:
        url: Where it listens.
        requests: `(verb, path, body)` of the requests so far.
    """

    def __init__(self, script):
        self.requests = []
        self._script = {key: list(steps) for key, steps in script.items()}
        self._lock = threading.Lock()  # guards requests and _script
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _next_step(self, verb, path, body):
        with self._lock:
            self.requests.append((verb, path, body))
            steps = self._script.get(f"{verb} {path}")
            if not steps:
                return 404, {"error": f"no such path: {verb} {path}"}
            return steps.pop(0) if len(steps) > 1 else steps[0]

    def _handler(fake):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                step = fake._next_step(self.command, self.path, body)
                if callable(step):
                    # A client may be gone before the script is through.
                    with contextlib.suppress(OSError):
                        step(self)
                    self.close_connection = True
                    return
                status, content = step
                if not isinstance(content, bytes):
                    content = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _answer

            def log_message(self, *args):
                pass

        return Handler


class FakeGrpc:
    """A gRPC server that follows a script.

    Args:
        script: Dict from the method's name, e.g. `"Predict"`, to a list of
            steps, one per request; the last is repeated. A step is a message,
            a pair of status code and details, or a function of request bytes
            and context that returns a message.

    Attributes:
        url: Where it listens.
        requests: `(method, request bytes)` of the requests so far.
    """

    def __init__(self, script):
        import grpc

        self.requests = []
        self._script = {key: list(steps) for key, steps in script.items()}
        self._lock = threading.Lock()  # guards requests and _script
        fake = self

        class Handler(grpc.GenericRpcHandler):
            def service(self, details):
                method = details.method.rpartition("/")[2]
                return grpc.unary_unary_rpc_method_handler(
                    lambda request, context: fake._answer(method, request, context)
                )

        options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)]
        self._server = grpc.server(
            futures.ThreadPoolExecutor(8), handlers=[Handler()], options=options
        )
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.url = f"grpc://127.0.0.1:{port}"

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *error):
        self._server.stop(0).wait()

    def _answer(self, method, request, context):
        with self._lock:
            self.requests.append((method, request))
            steps = self._script[method]
            step = steps.pop(0) if len(steps) > 1 else steps[0]
        if isinstance(step, tuple):
            context.abort(*step)
        if callable(step):
            step = step(request, context)
        return step.SerializeToString()


def half_of_two(server, **options):
    """Asks the model `m` of a fake server with `x` of 1 and 2.

    Args:
        server: A `FakeRest` or `FakeGrpc`.
        **options: Of the `Client`.

    Returns:
        The answer of `Client.predict`.
    """
    with Client(server.url, **options) as asking:
        return asking.predict("m", {"x": [1.0, 2.0]})
