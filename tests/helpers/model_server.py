"""A model server over real sockets: the embedded one, or a real TensorFlow Serving.

By default a test gets `amalthea.serving.server.embedded.EmbeddedServer`. With the
environment variable `AMALTHEA_MODEL_SERVER` set to the command of a real server, the
very same requests go to that one:

    AMALTHEA_MODEL_SERVER=tensorflow_model_server pytest tests/serving/conformance

The command is split as a shell does; the ports, `--model_config_file` and
`--monitoring_config_file` are appended, and it must see the same files and ports. In a
container, for example:

    export AMALTHEA_MODEL_SERVER="docker run --rm --network=host -v /tmp:/tmp \
        tensorflow/serving"
    pytest --basetemp=/tmp/conformance tests/serving/conformance
"""

import contextlib
import dataclasses
import http.client
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import grpc

HOST = "127.0.0.1"
ENVIRONMENT_VARIABLE = "AMALTHEA_MODEL_SERVER"
METRICS_PATH = "/monitoring/prometheus/metrics"
_MESSAGE_BYTES = 256 << 20


@dataclasses.dataclass(frozen=True)
class Reply:
    """What the REST API answered.

    Args:
        status: The HTTP status.
        headers: Dict from lower-case name to value.
        content: The body, as bytes.
    """

    status: int
    headers: dict
    content: bytes

    @property
    def text(self):
        """The body as text; bytes that are no UTF-8 are kept as surrogates."""
        return self.content.decode(errors="surrogateescape")

    def json(self):
        """The body read as JSON, where `NaN` and `Infinity` may stand."""
        return json.loads(self.content)


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a server listens on this machine.

    Args:
        rest_port: The port of the REST API.
        grpc_port: The port of the gRPC API.
    """

    rest_port: int
    grpc_port: int

    def ask(self, method, path, body=None, headers=(), timeout=30):
        """Sends one HTTP request on a connection of its own.

        Args:
            method: E.g. `"POST"`.
            path: The path, sent as it stands.
            body: `bytes`, `str`, or a tuple of `bytes` sent in chunks.
            headers: Pairs of name and value.
            timeout: Seconds to wait for the answer.

        Returns:
            The `Reply`.
        """
        connection = self.connect(timeout)
        with contextlib.closing(connection):
            return ask_on(connection, method, path, body, headers)

    def connect(self, timeout=30):
        """Returns an `http.client.HTTPConnection` that may be asked many times."""
        return http.client.HTTPConnection(HOST, self.rest_port, timeout=timeout)

    def predict(self, model, body, version=None, **options):
        """Posts a JSON body to a model's `:predict`; returns the `Reply`."""
        part = "" if version is None else f"/versions/{version}"
        if not isinstance(body, (str, bytes, tuple)):
            body = json.dumps(body)
        path = f"/v1/models/{model}{part}:predict"
        return self.ask("POST", path, body, **options)

    def channel(self):
        """Returns a gRPC channel without a small limit on messages."""
        return grpc.insecure_channel(
            f"{HOST}:{self.grpc_port}",
            options=[
                ("grpc.max_send_message_length", _MESSAGE_BYTES),
                ("grpc.max_receive_message_length", _MESSAGE_BYTES),
                # Else two tests' channels to one address share a connection.
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )


def ask_on(connection, method, path, body=None, headers=()):
    """Sends one request on an open connection; as `Address.ask`."""
    if isinstance(body, str):
        body = body.encode()
    headers = dict(headers)
    chunked = isinstance(body, tuple)
    if chunked:
        headers["Transfer-Encoding"] = "chunked"
    connection.request(
        method, path, iter(body) if chunked else body, headers, encode_chunked=chunked
    )
    answer = connection.getresponse()
    content = answer.read()
    received = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(answer.status, received, content)


@contextlib.contextmanager
def embedded_server(models, **options):
    """Runs the embedded server in this process, on free ports.

    Args:
        models: A folder of models, with a `models.config` or without.
        **options: Of `ServerOptions`.

    Yields:
        Its `Address`.
    """
    from helpers.serving import embedded

    with embedded(models, **options) as server:
        yield Address(server.rest_port, server.grpc_port)


@dataclasses.dataclass(frozen=True)
class ServerProcess:
    """The embedded server in a process of its own.

    Args:
        address: Its `Address`.
        process: The `subprocess.Popen`.
    """

    address: Address
    process: subprocess.Popen

    def is_alive(self):
        return self.process.poll() is None

    def memory(self, name="VmRSS"):
        """Returns bytes of memory; `"VmHWM"` for the most it ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) << 10


_PROCESS = """
import json, sys
from amalthea.serving.server.engine import serve
from amalthea.serving.server.options import ServerOptions
models, options = json.loads(sys.argv[1])
sys.exit(serve(models, ServerOptions(**options), "embedded"))
"""


@contextlib.contextmanager
def server_process(models, **options):
    """Runs what `amalthea serve` runs in a process of its own, on free ports.

    It is stopped by SIGTERM and must then end of itself.

    Args:
        models: A folder of models, with a `models.config` or without.
        **options: Of `ServerOptions`.

    Yields:
        A `ServerProcess`.
    """
    place = Address(free_port(), free_port())
    options = {**dataclasses.asdict(place), **options}
    process = subprocess.Popen(
        [sys.executable, "-c", _PROCESS, json.dumps([str(models), options])],
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _listens(place.rest_port, process), seconds=60)
        yield ServerProcess(place, process)
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait(30)


@contextlib.contextmanager
def model_server(models):
    """Runs the server that the environment names, the embedded one by default.

    Args:
        models: A folder with the models' `models.config`.

    Yields:
        Its `Address`, once the models are served.
    """
    command = os.environ.get(ENVIRONMENT_VARIABLE)
    if not command:
        with embedded_server(models) as address:
            yield address
        return
    address = Address(free_port(), free_port())
    monitoring = models / "monitoring.config"
    monitoring.write_text(
        f'prometheus_config {{ enable: true path: "{METRICS_PATH}" }}\n'
    )
    flags = {
        "port": address.grpc_port,
        "rest_api_port": address.rest_port,
        "model_config_file": models / "models.config",
        "monitoring_config_file": monitoring,
        # Else labels cannot be given before the versions are there.
        "allow_version_labels_for_unavailable_models": "true",
    }
    process = subprocess.Popen(
        shlex.split(command) + [f"--{name}={value}" for name, value in flags.items()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        # A server opens the REST port after it has loaded its first models.
        wait_until(lambda: _listens(address.rest_port, process), seconds=120)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def wait_until(condition, seconds=15):
    """Waits for something that only another thread or process can make true.

    Args:
        condition: A function without arguments, asked again and again.
        seconds: How long at most.

    Returns:
        What the condition returned, once that is true.

    Raises:
        AssertionError: if it does not become true in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {seconds} s: {condition}")
        time.sleep(0.02)


def free_port():
    """Returns a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _listens(port, process):
    if process.poll() is not None:
        raise AssertionError(f"the model server ended with {process.returncode}")
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
        return True
    return False
