"""`amalthea serve`: the embedded server, or TensorFlow Serving where there is one."""

import contextlib
import gc
import logging
import os
import shutil
import signal
import socket
import sys
from urllib.parse import quote

from ...errors import UserError
from ..quiet import import_tensorflow
from .model_config import ModelConfigSource
from .ports import address
from .tensorflow_engine import BINARY, run_tensorflow_engine

ENGINES = ("auto", "tensorflow", "embedded")
_LOGGER = logging.getLogger("amalthea.serving")
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # what a client on this machine asks


def serve(models, options, engine="auto"):
    """Serves a folder of models until a signal says to stop.

    Call it from the main thread. SIGINT (Ctrl-C) or SIGTERM finishes the requests
    under way; a second one ends the process at once. What is served, and each
    version that is loaded or unloaded later, is printed.

    Args:
        models: The folder of models, with a `models.config` or without.
        options: `ServerOptions`.
        engine: `"tensorflow"` for TensorFlow Serving, whose
            `tensorflow_model_server` must be on the PATH; `"embedded"` for the
            server of this package; `"auto"` for the first if it is there.

    Returns:
        The exit status: 0, or that of `tensorflow_model_server`.

    Raises:
        UserError: if there are no models, a port cannot be listened on, or there
            is no such engine.
    """
    if engine not in ENGINES:
        raise UserError(
            f"Invalid value for `engine`: expected one of {', '.join(ENGINES)}, "
            f"received {engine!r}"
        )
    binary = shutil.which(BINARY)
    if engine == "tensorflow" and binary is None:
        raise UserError(
            f"no {BINARY} on the PATH",
            mend="Install TensorFlow Serving, or take --engine embedded",
        )
    with _printed_log():
        if binary is not None and engine != "embedded":
            return run_tensorflow_engine(binary, models, options)
        _say(f"engine: embedded{'' if binary else f' (no {BINARY} on the PATH)'}")
        return _run_embedded(models, options)


def _run_embedded(models, options):
    ModelConfigSource(models).poll()  # says what is wrong before TensorFlow is loaded
    import_tensorflow()
    from .embedded import EmbeddedServer

    # What TensorFlow's import made stays for good. Left to the collector, it would
    # be walked again and again, and all threads stop for that time.
    gc.collect()
    gc.freeze()
    server = EmbeddedServer(models, options)
    server.start()  # until this is done, Ctrl-C does what it does in any program
    with _StopSignals() as signals:
        try:
            for line in _served(server, options.host):
                _say(line)
            name = signal.Signals(signals.wait()).name
            _say(f"{name}: finishing the requests under way")
        finally:
            server.stop()
    _say("stopped")
    return 0


def _served(server, host):
    """Tells what is served, line by line."""
    host = _ANYWHERE.get(host, host)
    rest = f"http://{address(host, server.rest_port)}"
    names = sorted(server.manager.models())
    for name in names:
        versions = sorted(
            status.version
            for status in server.manager.status(name)
            if status.state == "AVAILABLE"
        )
        yield (
            f"model {name}: version {', '.join(map(str, versions))} "
            f"at {rest}/v1/models/{quote(name)}:predict"
        )
    yield f"REST: {rest}   gRPC: {address(host, server.grpc_port)}"
    if names:
        yield f"try: curl {rest}/v1/models/{quote(names[0])}/metadata"
    yield "stop with Ctrl-C"


class _StopSignals:
    """Waits for a signal to stop; while it is used, a second one ends all at once.

    Python writes the number of each signal to a socket, so that none is missed
    however it falls.
    """

    def __enter__(self):
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._first = None
        self._handlers = [
            (number, signal.signal(number, self._note)) for number in _STOP_SIGNALS
        ]
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno())
        return self

    def __exit__(self, *error):
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._handlers:
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()

    def wait(self):
        """Returns the number of the first signal to stop."""
        while True:
            number = self._reader.recv(1)[0]
            if number in _STOP_SIGNALS:
                return number

    def _note(self, number, _):
        if self._first is not None:
            os._exit(128 + number)
        self._first = number


@contextlib.contextmanager
def _printed_log():
    """Prints what the server logs, a line each."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    level, propagate = _LOGGER.level, _LOGGER.propagate
    _LOGGER.setLevel(logging.INFO)
    _LOGGER.propagate = False
    _LOGGER.addHandler(handler)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)
        _LOGGER.setLevel(level)
        _LOGGER.propagate = propagate


def _say(line):
    print(line, flush=True)
