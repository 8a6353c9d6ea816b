"""Requests that fail while new versions are published: there should be none.

The embedded server runs in a process of its own, as `amalthea serve` starts it, and
so do the clients, who ask by REST and by gRPC without a pause. This process publishes
one version after the other, each with its warm-up, and waits until it is served.

    python benchmarks/serve_publish_under_load.py
"""

import argparse
import http.client
import json
import multiprocessing
import tempfile
import time

import numpy as np
from serve_client import HOST, client_process
from serve_overhead import (
    MODEL,
    export_classifier,
    grpc_request,
    jpeg_of,
    rest_request,
)

from amalthea.pipelines.environment import start_tensorflow


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--versions", type=int, default=4)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--depth", type=int, default=20)
    arguments = parser.parse_args()
    start_tensorflow()
    content = jpeg_of(2_000, side=arguments.image_size)
    examples = {"serving_default": {"image_bytes": np.array([content] * 32, object)}}
    with tempfile.TemporaryDirectory() as folder:

        def publish_next():
            export_classifier(folder, arguments.image_size, arguments.depth, examples)

        publish_next()
        measure(folder, content, publish_next, arguments)


def measure(folder, content, publish_next, arguments):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=run_server, args=(folder, theirs), daemon=True)
    server.start()
    rest_port, grpc_port = ours.recv()
    requests = (
        rest_request(content),
        grpc_request({"image_bytes": np.array([content], object)}),
    )
    with client_process(rest_port, grpc_port, *requests) as clients:
        clients.start(["rest", "grpc"] * (arguments.clients // 2))
        time.sleep(2)
        calm_until = time.monotonic()
        for version in range(2, arguments.versions + 1):
            publish_next()
            wait_for(rest_port, version)
        answers, failures = clients.stop()
    ours.send("stop")
    server.join()
    print("phase | requests | p50 ms | p99 ms | max ms")
    begun, seconds = np.array(answers).T
    for phase, chosen in (
        ("before", begun < calm_until),
        (f"while {arguments.versions - 1} are published", begun >= calm_until),
    ):
        p50, p99 = np.percentile(seconds[chosen], (50, 99)) * 1e3
        most = np.max(seconds[chosen]) * 1e3
        print(f"{phase} | {chosen.sum()} | {p50:.1f} | {p99:.1f} | {most:.1f}")
    print(f"failed: {len(failures)} (bar: 0)")
    for failure in sorted(set(failures))[:5]:
        print(f"  {failure}")


def run_server(folder, pipe):
    """The server's process: says its ports, and runs until it is told to stop."""
    start_tensorflow()
    from amalthea.serving.server.embedded import EmbeddedServer
    from amalthea.serving.server.options import ServerOptions

    with EmbeddedServer(folder, ServerOptions(rest_port=0, grpc_port=0)) as server:
        pipe.send((server.rest_port, server.grpc_port))
        pipe.recv()


def wait_for(rest_port, version, seconds=120):
    """Waits until a version is served; times and parallel machines differ."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        connection = http.client.HTTPConnection(HOST, rest_port)
        connection.request("GET", f"/v1/models/{MODEL}/versions/{version}")
        status = json.loads(connection.getresponse().read())
        connection.close()
        states = status.get("model_version_status", [{}])
        if states[0].get("state") == "AVAILABLE":
            return
        time.sleep(0.2)
    raise SystemExit(f"version {version} was not served within {seconds} s")


if __name__ == "__main__":
    main()
