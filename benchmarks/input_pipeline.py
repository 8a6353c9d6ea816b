"""Images per second of the streaming loader beside a bare tf.data loop.

    AMALTHEA_DATA=... python benchmarks/input_pipeline.py [rounds]

The bare loop is what one writes by hand: read, decode, resize with the same
antialiased filter, round, batch. The loader does the same from the same files
and also turns images upright, reads all formats and keeps the order a function
of seed and epoch. Both run in turns in one process, after a first round that
does not count; the medians are compared. CPU seconds are printed too, since
they suffer less from other work on the machine.
"""

import os
import statistics
import sys
import tarfile
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import tensorflow as tf

from amalthea.data.images import ImageLoader, load_images

BATCH = 64
COPIES = 4  # of each photo, so that starting a pass does not weigh


def bare(table, side):
    """The hand-written loop."""

    def load(path, label):
        image = tf.io.decode_jpeg(tf.io.read_file(path), 3)
        image = tf.image.resize(image, (side, side), antialias=True)
        return tf.cast(tf.round(image), tf.uint8), label

    rows = tf.data.Dataset.from_tensor_slices((table.files, table.labels))
    rows = rows.shuffle(len(table), seed=0)
    rows = rows.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    return rows.batch(BATCH).prefetch(tf.data.AUTOTUNE)


def measure(dataset):
    """Returns wall and CPU seconds per image of one pass."""
    wall, cpu, images = time.perf_counter(), time.process_time(), 0
    for _, labels in dataset:
        images += len(labels)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return wall / images, cpu / images


def compare(name, folder, side, rounds):
    """Prints the rates for the images of a folder at one size."""
    table = load_images(folder)
    start = time.perf_counter()
    options = {"height": side, "width": side, "channels": 3, "batch_size": BATCH}
    stream = ImageLoader(table, **options, cache="none", seed=0)
    first = time.perf_counter() - start
    memory = ImageLoader(table, **options, cache="memory", seed=0)
    makers = {
        "bare loop": lambda _: bare(table, side),
        "streaming": stream.epoch,
        "from memory": memory.epoch,
    }
    times = {label: [] for label in makers}
    for round_ in range(rounds + 1):
        for label, make in makers.items():
            times[label].append(measure(make(round_)))
    print(f"{name}: {len(table)} images to {side} x {side}, first pass {first:.1f} s")
    medians = {
        label: [statistics.median(column) for column in zip(*rows[1:], strict=True)]
        for label, rows in times.items()
    }
    for label, (wall, cpu) in medians.items():
        base_wall, base_cpu = medians["bare loop"]
        print(
            f"  {label:12} {1 / wall:9,.0f} images/s  ratio {base_wall / wall:5.2f}"
            f"   CPU {1e6 * cpu:7.0f} us/image  ratio {base_cpu / cpu:5.2f}"
        )


def enlarge(source, target, side):
    """Writes the photos of a folder with their longer side at `side` pixels."""
    for path in sorted(source.glob("*/*.jpg")):
        image = cv2.imread(str(path))
        scale = side / max(image.shape[:2])
        image = cv2.resize(image, None, fx=scale, fy=scale)
        (target / path.parent.name).mkdir(parents=True, exist_ok=True)
        for copy in range(COPIES):
            name = f"{path.stem}-{copy}.jpg"
            cv2.imwrite(str(target / path.parent.name / name), image)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    data = Path(os.environ["AMALTHEA_DATA"]) / "classification"
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        (archive,) = (data / "cifar10-subset").glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")
        compare("CIFAR-10 photos", scratch / "cifar10", 32, rounds)
        enlarge(data / "caltech101-5", scratch / "photos", 500)
        compare("500-pixel photos", scratch / "photos", 224, rounds)


if __name__ == "__main__":
    main()
