"""The REST API over HTTP: a Starlette application, and uvicorn to run it."""

import asyncio
import contextlib
import functools
import socket
import threading
import time

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from ...errors import UserError
from ..repository import METRICS_PATH
from .daemon_executor import DaemonExecutor
from .errors import StatusError
from .http_protocol import HttpProtocol
from .ports import address, require_port
from .rest_api import RestApi, failed, late
from .rest_body import (
    BodyBudget,
    ClientGone,
    HttpError,
    gunzip,
    gunzipped_size,
    read_body,
)
from .rest_paths import is_api_path

_MAX_THREADS = 256  # a request that waits for its batch holds one
_GET_THREADS = 4  # nothing that they do takes long
_BODIES = 4  # how many bodies of the largest size may be under way
# Numbers in JSON take some forty times their text while they are parsed: of larger
# bodies one at a time. Python's lock lets no more run anyway.
_LARGE_BODY = 1 << 20  # bytes
_BODY_SECONDS = 60.0  # for sending a body, where requests have no time limit
_MARGIN_SECONDS = 0.2  # in which a run that is out of time can say so itself
_KEEP_ALIVE_SECONDS = 60
_BACKLOG = 2048
_JSON = (b"content-type", b"application/json")
_CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, GET"),
    (b"access-control-allow-headers", b"Content-Type"),
]
_STOPPED = StatusError("UNAVAILABLE", "The server is stopping")


def rest_app(manager, options, metrics=None):
    """Makes the application: the API, its metrics and its health.

    Args:
        manager: The `ModelManager`.
        options: `ServerOptions`.
        metrics: `Metrics`, or `None`.

    Returns:
        A `Starlette` application.
    """
    endpoint = _Endpoint(RestApi(manager, metrics), options)

    async def healthz(_):
        return PlainTextResponse("ok")

    async def readyz(_):
        if manager.is_ready():
            return PlainTextResponse("ready")
        return PlainTextResponse("not ready", 503)

    def metrics_page(_):
        return PlainTextResponse(metrics.text())

    @contextlib.asynccontextmanager
    async def lifespan(_):
        yield
        endpoint.close()

    routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
    if metrics is not None:
        routes.append(Route(METRICS_PATH, metrics_page))
    return Starlette(routes=[*routes, Mount("/", endpoint)], lifespan=lifespan)


class _Endpoint:
    """Takes requests on the event loop and has threads answer them.

    Everything here but the threads' work runs on the event loop, so nothing needs a
    lock.
    """

    def __init__(self, api, options):
        self._api = api
        self._options = options
        self._under_way = 0
        self._budget = BodyBudget(_BODIES * options.max_body_bytes)
        self._parsing = asyncio.Lock()  # who holds it may parse a large body
        threads = min(_MAX_THREADS, options.max_requests)
        self._workers = DaemonExecutor(threads, "rest")
        self._get_workers = DaemonExecutor(_GET_THREADS, "rest-get")

    def close(self):
        self._workers.shutdown(wait=False)
        self._get_workers.shutdown(wait=False)

    async def __call__(self, scope, receive, send):
        verb, path = scope["method"], _path(scope)
        headers = [_JSON, *(_CORS if self._options.cors else ())]
        try:
            if not is_api_path(path):
                raise HttpError(404, "NOT_FOUND", f"Unknown path: {path}")
            if self._options.cors and verb == "OPTIONS":
                status, body = 200, b""
            else:
                status, body = await self._answer(scope, receive, verb, path)
        except StatusError as error:
            status, body = self._api.refuse(verb, path, error)
        except asyncio.CancelledError:  # the server stops and waits no longer
            status, body = failed(_STOPPED)
        except ClientGone:
            return
        headers.append((b"content-length", str(len(body)).encode()))
        await send(
            {"type": "http.response.start", "status": status, "headers": headers}
        )
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope, receive, verb, path):
        """Reads the body, lets a thread answer, and waits for it."""
        seconds = self._options.timeout_seconds
        deadline = time.monotonic() + seconds if seconds else None
        with contextlib.ExitStack() as held:
            share = held.enter_context(self._budget.share())
            body, size = await self._body(scope, receive, share)
            request = [verb, path, body, deadline]
            workers = self._get_workers
            if verb != "GET":
                workers = self._workers
                held.enter_context(self._place())
                if size > _LARGE_BODY:
                    request.append(await self._turn(deadline, held))
            try:
                work = workers.submit(self._api.answer, *request)
            except RuntimeError:
                raise StatusError(
                    "UNAVAILABLE", "The server has no thread for the request"
                ) from None
            # The thread cannot be stopped. What the request holds stays taken until
            # it ends, however early its client hears.
            held = held.pop_all()
        done = asyncio.get_running_loop().create_future()
        held.callback(done.set_result, None)
        work.add_done_callback(_for_thread(held.close))
        await asyncio.wait([done], timeout=_time_left(deadline))
        return work.result() if done.done() else failed(late())

    async def _body(self, scope, receive, share):
        """Returns a function that gives the body, and the most that this takes."""
        headers = dict(scope["headers"])
        max_bytes = self._options.max_body_bytes
        seconds = self._options.timeout_seconds or _BODY_SECONDS
        data = await read_body(receive, headers, max_bytes, seconds, share)
        if b"gzip" not in headers.get(b"content-encoding", b""):
            return lambda: data, len(data)
        size = gunzipped_size(data, max_bytes)
        share.grow(size)
        return functools.partial(gunzip, data, max_bytes), size

    @contextlib.contextmanager
    def _place(self):
        """Counts the request as one under way."""
        most = self._options.max_requests
        if self._under_way >= most:
            raise StatusError(
                "RESOURCE_EXHAUSTED", f"{most} requests are under way already"
            )
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def _turn(self, deadline, held):
        """Waits until no other large body is parsed.

        Returns a function with which a thread ends the turn. At the latest it ends
        with `held`.
        """
        seconds = None if deadline is None else deadline - time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                await self._parsing.acquire()
        except TimeoutError:
            raise late() from None
        turn = held.enter_context(contextlib.ExitStack())
        turn.callback(self._parsing.release)
        return _for_thread(turn.close)


def _for_thread(function):
    """A function with which a thread has the event loop call another."""
    loop = asyncio.get_running_loop()

    def call(*_):
        # A loop that has ended refuses, but then nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(function)

    return call


def _path(scope):
    """The path as it was sent, with its query."""
    path = scope["raw_path"]
    if scope["query_string"]:
        path += b"?" + scope["query_string"]
    return path.decode("latin-1")


def _time_left(deadline):
    if deadline is None:
        return None
    return max(deadline - time.monotonic(), 0) + _MARGIN_SECONDS


class RestServer:
    """Answers REST requests, in a thread of its own.

    Args:
        manager: The `ModelManager`.
        options: `ServerOptions`.
        metrics: `Metrics`, or `None`.

    Attributes:
        port: The port, once started.
    """

    def __init__(self, manager, options, metrics=None):
        self.port = options.rest_port
        self._options = options
        self._app = functools.partial(rest_app, manager, options, metrics)
        self._server = self._thread = None

    def start(self):
        """Listens on the port and takes requests.

        Raises:
            UserError: if the port cannot be listened on.
        """
        listener = self._listen()
        self.port = listener.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app(),
                http=HttpProtocol,
                lifespan="on",
                ws="none",
                log_config=None,
                log_level="critical",  # what goes wrong is logged where it does
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                backlog=_BACKLOG,
            )
        )
        # Connections wait in the backlog until the thread takes them.
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="rest-server", daemon=True
        )
        self._thread.start()

    def stop(self, grace_seconds):
        """Takes no more requests and finishes those that it has.

        Args:
            grace_seconds: How long they may still take, in seconds; those that
                take longer are answered with status 503.
        """
        if self._thread is None:
            return
        self._server.config.timeout_graceful_shutdown = grace_seconds
        self._server.should_exit = True
        self._thread.join()
        self._server = self._thread = None

    def _listen(self):
        host, port = self._options.host, self._options.rest_port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            return socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            require_port(host, port)  # says what is the matter
            raise UserError("cannot be listened on", address(host, port)) from error
