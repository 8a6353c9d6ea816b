"""What the embedded server adds to a bare session call, at batch size 1.

A small ResNet is exported and asked in three ways, in turn, call by call: in this
process through the session alone; through the embedded server by gRPC; and by REST,
with the image in base64. The server runs in this process, the client in its own. The
image is a JPEG of about 20 kB. Medians, and the differences to the bare call.

    python benchmarks/serve_overhead.py
"""

import argparse
import base64
import io
import json
import tempfile
import time

import numpy as np
from PIL import Image
from serve_client import client_process, http_request

from amalthea.pipelines.environment import start_tensorflow

MODEL = "bench"
IMAGE_BYTES = 20_000
BARS = {"grpc": 1.5, "rest": 3.0}  # milliseconds above the bare call


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--warm-up", type=int, default=30)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--depth", type=int, default=20)
    arguments = parser.parse_args()
    start_tensorflow()
    content = jpeg_of(IMAGE_BYTES)
    with tempfile.TemporaryDirectory() as folder:
        version = export_classifier(folder, arguments.image_size, arguments.depth)
        times = measure(folder, version, content, arguments.calls, arguments.warm_up)
    bare = np.median(times.pop("bare")) * 1e3
    size = arguments.image_size
    print(f"JPEG of {len(content)} bytes, ResNet-{arguments.depth} at {size} px")
    print("call | p50 ms | p90 ms | above bare ms | bar ms")
    print(f"bare session | {bare:.2f} | | |")
    for api, seconds in times.items():
        p50, p90 = np.percentile(seconds, (50, 90)) * 1e3
        print(f"{api} | {p50:.2f} | {p90:.2f} | {p50 - bare:+.2f} | {BARS[api]:.1f}")


def measure(folder, version, content, calls, warm_up):
    """Returns the seconds of each call of the three ways, taken in turn."""
    from amalthea.serving.model import ServedModel
    from amalthea.serving.server.embedded import EmbeddedServer
    from amalthea.serving.server.options import ServerOptions

    options = ServerOptions(rest_port=0, grpc_port=0)
    inputs = {"image_bytes": np.array([content], object)}
    times = {"bare": [], "grpc": [], "rest": []}
    with (
        ServedModel(version) as model,
        EmbeddedServer(folder, options) as server,
        client_process(
            server.rest_port,
            server.grpc_port,
            rest_request(content),
            grpc_request(inputs),
        ) as clients,
    ):
        outputs = sorted(model.signature_defs["serving_default"].outputs)
        for call in range(calls + warm_up):
            begun = time.perf_counter()
            model.run("serving_default", inputs, outputs)
            seconds = {"bare": time.perf_counter() - begun}
            seconds |= {api: clients.once(api) for api in ("grpc", "rest")}
            if call >= warm_up:
                for way, value in seconds.items():
                    times[way].append(value)
    return times


def export_classifier(folder, image_size, depth, examples=None, **settings):
    """Exports an untrained image classifier of ten classes; returns its folder."""
    from amalthea.pipelines.classify.config import ClassifyConfig
    from amalthea.pipelines.classify.model import build_model
    from amalthea.pipelines.classify.module import ImageClassifier
    from amalthea.serving.publish import publish

    size = (image_size, image_size)
    settings = {"channels": 3, "width": 16, **settings}
    config = ClassifyConfig(image_size=size, depth=depth, **settings)
    module = ImageClassifier(
        build_model(config, 10), [str(n) for n in range(10)], config
    )
    return publish(module, module.endpoints, folder, MODEL, examples=examples)


def rest_request(content):
    body = {"instances": [{"b64": base64.b64encode(content).decode()}]}
    return http_request(f"/v1/models/{MODEL}:predict", json.dumps(body).encode())


def grpc_request(inputs):
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL
    for name, array in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    return request.SerializeToString()


def jpeg_of(size, side=320):
    """Makes a JPEG that is as large as asked, or a little smaller."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (side // 8, side // 8, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    for quality in range(95, 5, -5):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= size:
            break
    return buffer.getvalue()


if __name__ == "__main__":
    main()
