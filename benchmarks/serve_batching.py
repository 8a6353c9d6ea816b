"""Throughput of 32 concurrent clients with one image each, batched and not.

Small ResNets are exported with the batching values that the export measures. Two
embedded servers run beside each other in this process, one with micro-batching and one
without; they are loaded in turn, a few seconds each, several times over. The clients
are in processes of their own. Medians over the rounds; the speed-up is the median of
each round's.

    python benchmarks/serve_batching.py
"""

import argparse
import tempfile

import numpy as np
from serve_client import client_process
from serve_overhead import export_classifier, grpc_request, jpeg_of, rest_request

from amalthea.pipelines.environment import start_tensorflow

BAR = 2.0  # batched throughput over that of no batching


CASES = {
    # name: (side of the images, depth, other settings)
    "64 px, ResNet-18": (64, 18, {"width": 64, "stem": "imagenet"}),
    # So little arithmetic that the requests themselves count: no bar.
    "32 px, ResNet-20": (32, 20, {}),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    arguments = parser.parse_args()
    start_tensorflow()
    print(f"bar: {BAR} for ResNet-18")
    print("case | api | batching | images/s | p50 ms | p99 ms | speed-up")
    for name, (side, depth, settings) in CASES.items():
        content = jpeg_of(2_000, side)
        inputs = {"image_bytes": np.array([content] * 32, object)}
        examples = {"serving_default": inputs}
        with tempfile.TemporaryDirectory() as folder:
            export_classifier(folder, side, depth, examples, **settings)
            measure_all(name, folder, content, arguments)


def measure_all(case, folder, content, arguments):
    from amalthea.serving.server.embedded import EmbeddedServer
    from amalthea.serving.server.options import ServerOptions

    off = ServerOptions(rest_port=0, grpc_port=0, batching=False)
    on = ServerOptions(rest_port=0, grpc_port=0)
    requests = rest_request(content), grpc_request({"image_bytes": one(content)})
    with (
        EmbeddedServer(folder, off) as alone,
        EmbeddedServer(folder, on) as together,
        client_process(alone.rest_port, alone.grpc_port, *requests) as to_alone,
        client_process(
            together.rest_port, together.grpc_port, *requests
        ) as to_together,
    ):
        for api in ("grpc", "rest"):
            results = {"off": [], "on": []}
            for round_ in range(-1, arguments.rounds):  # the first is warm-up
                for name, clients in (("off", to_alone), ("on", to_together)):
                    result = load(clients, api, arguments)
                    if round_ >= 0:
                        results[name].append(result)
            off_rates = np.array([rate for rate, _, _ in results["off"]])
            for name, rows in results.items():
                rate, p50, p99 = np.median(rows, axis=0)
                speed_up = np.median([rate for rate, _, _ in rows] / off_rates)
                print(
                    f"{case} | {api} | {name} | {rate:.0f} | {p50 * 1e3:.1f} | "
                    f"{p99 * 1e3:.1f} | {speed_up:.2f}",
                    flush=True,
                )


def load(clients, api, arguments):
    """Returns images a second, and the median and 99th percentile in seconds."""
    answers, failures = clients.load([api] * arguments.clients, arguments.seconds)
    if failures:
        raise SystemExit(f"{len(failures)} requests failed: {failures[0]}")
    begun, seconds = np.array(answers).T
    took = np.max(begun + seconds) - np.min(begun)
    return len(answers) / took, *np.percentile(seconds, (50, 99))


def one(content):
    return np.array([content], object)


if __name__ == "__main__":
    main()
