"""Runs TensorFlow Serving's own server on a folder of models."""

import contextlib
import logging
import signal
import subprocess
import tempfile
from pathlib import Path

from google.protobuf import text_format

from ...errors import UserError
from ...files import atomic_file
from ..bundle.server_files import server_files
from ..repository import CONFIG_FILE
from .model_config import ModelConfigSource
from .ports import free_port, require_port

BINARY = "tensorflow_model_server"
_LOGGER = logging.getLogger("amalthea.serving")
_EVERYWHERE = "0.0.0.0"  # where this server listens: no flag is there to change it
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_tensorflow_engine(binary, models, options):
    """Runs `tensorflow_model_server` until it ends; hands signals on to it.

    Its list of models follows `models`, its flags `options`, as far as it has
    such flags: it has none for the address to listen on, the size and the number
    of requests, and no orderly stop. It listens on every network interface, which
    is said before it starts.

    Args:
        binary: The program's path.
        models: The folder of models, with a `models.config` or without.
        options: `ServerOptions`.

    Returns:
        Its exit status; 128 + N if signal N ended it.

    Raises:
        UserError: if there are no models or a port cannot be listened on.
    """
    source = ModelConfigSource(models)
    config = source.poll()
    rest_port, grpc_port = (
        _port(port) for port in (options.rest_port, options.grpc_port)
    )
    with tempfile.TemporaryDirectory(prefix="amalthea-serve-") as folder:
        folder = Path(folder)
        _write_config(folder, config)
        command = [
            binary,
            *_flags(source.root, folder, options, rest_port, grpc_port),
        ]
        names = ", ".join(model.name for model in config.model_config_list.config)
        for line in (
            f"engine: {binary}",
            f"models: {names}",
            f"REST: http://127.0.0.1:{rest_port}   gRPC: 127.0.0.1:{grpc_port}",
            _warning(options.host),
        ):
            print(line, flush=True)
        with subprocess.Popen(command) as process, _handed_on(process):
            try:
                return _follow(process, source, folder, options.poll_seconds)
            except BaseException:
                process.kill()
                raise


def _warning(host):
    """Says who can reach the server, which takes requests from anyone."""
    reach = "it listens on every network interface of this machine"
    if host in (_EVERYWHERE, "::"):
        return reach
    return f"warning: {reach}, not only on {host}; --engine embedded keeps to that"


def _flags(root, folder, options, rest_port, grpc_port):
    poll_seconds = max(1, round(options.poll_seconds))  # it counts whole ones
    flags = {
        "port": grpc_port,
        "rest_api_port": rest_port,
        "rest_api_timeout_in_ms": round(options.timeout_seconds * 1000),
        "rest_api_enable_cors_support": options.cors,
        "model_config_file": folder / CONFIG_FILE,
        "model_config_file_poll_wait_seconds": poll_seconds,
        "file_system_poll_wait_seconds": poll_seconds,
        # Else it refuses labels at its start, when no version is loaded yet.
        "allow_version_labels_for_unavailable_models": True,
        "monitoring_config_file": _server_file(root, folder, "monitoring.config"),
        "enable_batching": options.batching,
    }
    if options.batching:  # it does not start with this file and no batching
        flags |= {
            "batching_parameters_file": _server_file(root, folder, "batching.config"),
            "enable_per_model_batching_parameters": True,
        }
    return [
        f"--{name}={str(value).lower() if isinstance(value, bool) else value}"
        for name, value in flags.items()
    ]


def _server_file(root, folder, name):
    """The file that an export wrote beside the models, else one like it."""
    if (root / name).exists():
        return root / name
    (folder / name).write_text(server_files("")[name])
    return folder / name


def _write_config(folder, config):
    with atomic_file(folder / CONFIG_FILE) as file:
        file.write(text_format.MessageToString(config))


def _follow(process, source, folder, poll_seconds):
    """Waits for the server's end; meanwhile hands it changes of `models.config`."""
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(poll_seconds)
            return status if status >= 0 else 128 - status
        try:
            config = source.poll()
        except UserError as error:
            _LOGGER.error("%s", error)
        else:
            if config is not None:
                _write_config(folder, config)


@contextlib.contextmanager
def _handed_on(process):
    """Hands signals to a process; the second one kills it."""
    seen = []

    def hand_on(number, _):
        seen.append(number)
        process.send_signal(number if len(seen) == 1 else signal.SIGKILL)

    handlers = [(number, signal.signal(number, hand_on)) for number in _SIGNALS]
    try:
        yield
    finally:
        for number, handler in handlers:
            signal.signal(number, handler)


def _port(port):
    if port == 0:
        return free_port(_EVERYWHERE)
    require_port(_EVERYWHERE, port)
    return port
