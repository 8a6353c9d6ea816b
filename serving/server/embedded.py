"""The embedded server: models, batching, metrics and both APIs put together."""

import time

from .batching import runner_factory
from .grpc_services import GrpcServer
from .manager import ModelManager
from .metrics import Metrics
from .options import ServerOptions
from .ports import require_port
from .rest import RestServer


class EmbeddedServer:
    """Serves a folder of models by REST and gRPC from this process.

    Use it as a context manager, or call `start` and `stop`.

    Args:
        models: The folder of models, with a `models.config` or without.
        options: `ServerOptions`.

    Attributes:
        manager: The `ModelManager`.
        metrics: The `Metrics`.
        rest_port: The port of the REST API, once started.
        grpc_port: The port of the gRPC API, once started.

    Example:

    ```python
    with EmbeddedServer("models", ServerOptions(rest_port=0, grpc_port=0)) as server:
        print(f"http://127.0.0.1:{server.rest_port}/v1/models/pets")
    ```
    """

    def __init__(self, models, options=None):
        self._options = options = options or ServerOptions()
        self.metrics = Metrics()
        self.manager = ModelManager(
            models, options, runner_factory(options, self.metrics), self.metrics
        )
        self._rest = RestServer(self.manager, options, self.metrics)
        self._grpc = GrpcServer(self.manager, options, self.metrics)

    @property
    def rest_port(self):
        return self._rest.port

    @property
    def grpc_port(self):
        return self._grpc.port

    def start(self):
        """Loads the models, then takes requests.

        Raises:
            UserError: if there are no models or a port cannot be listened on.
                Nothing is left running.
        """
        # Loading can take minutes; say first what would stop the start after it.
        for port in (self._options.rest_port, self._options.grpc_port):
            require_port(self._options.host, port)
        try:
            self.manager.start()
            self._grpc.start()
            self._rest.start()
        except BaseException:
            self.stop(grace_seconds=0)
            raise

    def stop(self, grace_seconds=None):
        """Takes no more requests, finishes those it has and frees the models.

        Args:
            grace_seconds: How long all of that may take, in seconds; by default
                `options.grace_seconds`. Requests that take longer are broken
                off.
        """
        if grace_seconds is None:
            grace_seconds = self._options.grace_seconds
        deadline = time.monotonic() + grace_seconds
        # Neither takes requests while the other finishes its own.
        self._grpc.begin_stop(grace_seconds)
        self._rest.stop(grace_seconds)
        self._grpc.stop(_time_left(deadline))
        self.manager.stop(_time_left(deadline))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.stop()


def _time_left(deadline):
    return max(deadline - time.monotonic(), 0.0)
