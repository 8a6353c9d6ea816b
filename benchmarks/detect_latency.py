"""Latency of an exported detector of size n, one image a call, beside YOLO11n.

Ours is the exported SavedModel, loaded as a model server loads it: `serving_default`
from the bytes of a JPEG to boxes in its pixels, and `pixels` from decoded pixels.
Ultralytics' is YOLO11n exported to ONNX and run by its own `predict`, with ONNX
Runtime, from the same JPEG file and from decoded pixels: it letterboxes outside the
model and runs NMS in PyTorch. The networks alone get ready batches of one. Both see
80 classes and the same input size, take all cores, and are called in turns, each in
its own process. The weights are random, so that next to no boxes are found, unless
trained ones are given.

    python benchmarks/detect_latency.py
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn import datasets
from ultralytics_peer import Peer, peer_python

from amalthea.pipelines.environment import start_tensorflow

PHOTO = Path(datasets.__file__).with_name("images") / "china.jpg"  # 640 x 427
CLASSES = 80
PAUSE = 0.02  # seconds in which the threads of the last call fall asleep


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--warm-up", type=int, default=30)
    parser.add_argument("--image-size", type=int, default=320)
    parser.add_argument("--image", type=Path, default=PHOTO)
    parser.add_argument("--run", type=Path, help="a trained run of this size")
    parser.add_argument("--peer-weights", type=Path, help="trained weights of YOLO11n")
    parser.add_argument("--peer-python", help="a Python that has Ultralytics")
    arguments = parser.parse_args()
    python = peer_python(arguments.peer_python)
    start_tensorflow()
    with tempfile.TemporaryDirectory() as folder, Peer(python, folder) as peer:
        calls = {
            **our_calls(folder, arguments),
            **peer_calls(peer, arguments),
        }
        times = measure(calls, arguments.calls, arguments.warm_up)
    print(f"{arguments.image.name}, input {arguments.image_size} px")
    print("call | p50 ms | p95 ms")
    for name, seconds in times.items():
        p50, p95 = np.percentile(seconds, (50, 95)) * 1e3
        print(f"{name} | {p50:.2f} | {p95:.2f}")


def our_calls(folder, arguments):
    """Exports the detector; returns functions that give the seconds of a call."""
    import tensorflow as tf

    from amalthea.data.images.decode import decode_image
    from amalthea.serving.model import ServedModel
    from amalthea.serving.publish import publish

    module, model = make_module(arguments)
    size = model.input_shape[1:3]
    if size != (arguments.image_size,) * 2:
        raise SystemExit(f"the run's input is {size}, see --image-size")
    version = publish(module, module.endpoints, Path(folder, "models"), "bench")
    served = ServedModel(version)
    content = arguments.image.read_bytes()
    encoded = {"image_bytes": np.array([content], object)}
    pixels = {
        "pixels": decode_image(content, 3).numpy()[None],
        "confidence": np.array([0.25], np.float32),
        "iou": np.array([0.6], np.float32),
        "max_detections": np.array([300], np.int32),
    }
    outputs = list(served.signatures["serving_default"].outputs)
    network = tf.function(
        lambda images: model(images, training=False),
        input_signature=[tf.TensorSpec([1, *size, 3], tf.float32)],
    )
    images = tf.random.uniform([1, *size, 3], maxval=255, seed=0)
    return {
        "amalthea, JPEG to boxes": timed(
            lambda: served.run("serving_default", encoded, outputs)
        ),
        "amalthea, pixels to boxes": timed(
            lambda: served.run("pixels", pixels, outputs)
        ),
        "amalthea, network alone": timed(lambda: [x.numpy() for x in network(images)]),
    }


def make_module(arguments):
    """Returns the serving module and the model, trained or not."""
    from amalthea.pipelines.detect.config import DetectConfig
    from amalthea.pipelines.detect.model import build_model
    from amalthea.pipelines.detect.module import ObjectDetector
    from amalthea.pipelines.detect.task import ObjectDetection

    if arguments.run is not None:
        task = ObjectDetection.load(arguments.run)
        return task.serving_module(), task.model
    sides = np.geomspace(10, arguments.image_size, 9)  # any will do
    config = DetectConfig(
        image_size=(arguments.image_size,) * 2, anchors=tuple(np.repeat(sides, 2))
    )
    model = build_model(config, CLASSES)
    labels = [str(number) for number in range(CLASSES)]
    return ObjectDetector(model, labels, config), model


def timed(function):
    def once():
        begun = time.perf_counter()
        function()
        return time.perf_counter() - begun

    return once


def peer_calls(peer, arguments):
    """Exports YOLO11n; returns functions that give the seconds of a call."""
    weights = arguments.peer_weights
    size = arguments.image_size
    model = peer.ask("export", weights=weights and str(weights.resolve()), size=size)
    peer.ask("load", model=model, image=str(arguments.image.resolve()), size=size)
    names = {
        "file": "YOLO11n, JPEG to boxes",
        "pixels": "YOLO11n, pixels to boxes",
        "network": "YOLO11n, network alone",
    }
    return {
        name: lambda call=call: peer.ask("once", call=call)
        for call, name in names.items()
    }


def measure(calls, count, warm_up):
    """Calls the functions in turns; returns the seconds of each.

    Args:
        calls: Dict from name to a function that returns the seconds it took.
        count: Calls of each that are kept.
        warm_up: Calls of each before.
    """
    times = {name: [] for name in calls}
    for number in range(count + warm_up):
        for name, call in calls.items():
            seconds = call()
            time.sleep(PAUSE)
            if number >= warm_up:
                times[name].append(seconds)
    return times


if __name__ == "__main__":
    main()
