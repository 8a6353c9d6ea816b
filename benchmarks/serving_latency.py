"""Latency of an exported classifier beside the sum of its parts.

The export is loaded by `tf.saved_model.load` and asked in batches of 1 and 32. Beside
it, in the same run and in turn: a plain decode and resize of the same bytes
(`tf.io.decode_image` and the export's resize in `tf.map_fn`), and the bare Keras model
as a `tf.function` on decoded pixels. Medians of each.

    python benchmarks/serving_latency.py
"""

import argparse
import io
import tempfile
import time

import numpy as np
from PIL import Image

from amalthea.pipelines.environment import start_tensorflow

CASES = {
    # name: (settings, size and format of the images)
    "28 px grey PNG, ResNet-14": (
        {"image_size": (28, 28), "channels": 1, "depth": 14, "strides": (2, 2, 2)},
        (28, "PNG"),
    ),
    "32 px PNG, ResNet-20": (
        {"image_size": (32, 32), "channels": 3, "depth": 20, "width": 16},
        (32, "PNG"),
    ),
    "400 px JPEG to 128 px, ResNet-18": (
        {"image_size": (128, 128), "channels": 3, "depth": 18},
        (400, "JPEG"),
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200)
    calls = parser.parse_args().calls
    tf = start_tensorflow()
    print("case | batch | decode + resize ms | bare model ms | export ms | ratio")
    for name, (settings, image) in CASES.items():
        for batch in (1, 32):
            parts = measure(tf, settings, image, batch, max(calls // batch, 30))
            decode, bare, export = (np.median(times) * 1e3 for times in parts)
            print(
                f"{name} | {batch} | {decode:.2f} | {bare:.2f} | {export:.2f} | "
                f"{export / (decode + bare):.3f}",
                flush=True,
            )


def measure(tf, settings, image, batch, calls):
    """Returns the seconds of each call of the three functions, taken in turn."""
    from amalthea.data.images.pixels import resized_pixels
    from amalthea.pipelines.classify.config import ClassifyConfig
    from amalthea.pipelines.classify.model import build_model
    from amalthea.pipelines.classify.module import ImageClassifier
    from amalthea.serving.publish import publish

    config = ClassifyConfig(**settings)
    model = build_model(config, 10)
    module = ImageClassifier(model, [str(n) for n in range(10)], config)
    shape = (*config.image_size, config.channels)

    def decode_one(content):
        pixels = tf.io.decode_image(content, config.channels, expand_animations=False)
        pixels.set_shape([None, None, config.channels])
        return resized_pixels(pixels, *config.image_size, config.resize)

    decode = tf.function(
        lambda contents: tf.map_fn(
            decode_one, contents, fn_output_signature=tf.TensorSpec(shape, tf.uint8)
        ),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    bare = tf.function(
        lambda pixels: model(pixels, training=False),
        input_signature=[tf.TensorSpec([None, *shape], tf.uint8)],
    )
    contents = tf.constant(encoded_images(*image, batch, config.channels))
    pixels = decode(contents)
    with tempfile.TemporaryDirectory() as folder:
        version = publish(module, module.endpoints, folder, "bench")
        ask = tf.saved_model.load(str(version)).signatures["serving_default"]
    functions = (
        lambda: decode(contents).numpy(),
        lambda: bare(pixels).numpy(),
        lambda: [output.numpy() for output in ask(image_bytes=contents).values()],
    )
    times = [[] for _ in functions]
    for call in range(calls + 20):
        for function, record in zip(functions, times, strict=True):
            begun = time.perf_counter()
            function()
            if call >= 20:  # the first are warm-up
                record.append(time.perf_counter() - begun)
    return times


def encoded_images(side, form, count, channels):
    """Makes smooth random pictures, which compress as photographs do."""
    rng = np.random.default_rng(0)
    contents = []
    for _ in range(count):
        coarse = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        image.convert("L" if channels == 1 else "RGB").save(buffer, form)
        contents.append(buffer.getvalue())
    return contents


if __name__ == "__main__":
    main()
