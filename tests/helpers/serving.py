"""The embedded server on free loopback ports, for tests."""

from amalthea.serving.server.embedded import EmbeddedServer
from amalthea.serving.server.options import ServerOptions


def embedded(models, **options):
    """Makes a server of a folder of models, to use as a context manager.

    Args:
        models: The folder.
        **options: Of `ServerOptions`; ports are free ones, folders are looked
            at every 50 ms.

    Returns:
        An `EmbeddedServer`, not started: `with` starts and stops it.
    """
    settings = {"rest_port": 0, "grpc_port": 0, "poll_seconds": 0.05, **options}
    return EmbeddedServer(models, ServerOptions(**settings))


def urls(server):
    """The URLs of a started `EmbeddedServer`: of its REST API and of its gRPC API."""
    return [
        f"http://127.0.0.1:{server.rest_port}",
        f"grpc://127.0.0.1:{server.grpc_port}",
    ]
