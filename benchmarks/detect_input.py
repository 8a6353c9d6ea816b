"""Images a second of the detection loader beside those that training takes.

    AMALTHEA_DATA=... python benchmarks/detect_input.py [rounds]

The loader makes batches of 16 as a training with the defaults gets them: mosaic,
shift and scale, flip, HSV; it starts anew for each pass over the data, as in
training. The training steps are those of size n on one ready batch. Both use all
cores and run in turns in one process, after a first round that does not count; the
medians are compared. An accelerator takes the cores' work away, so that this is how
many times faster it may train before it waits. The ratio of the CPU seconds suffers
less from other work on the machine. Last, a training that is fed by the loader, with
both on the same cores. The data is BCCD, without AMALTHEA_DATA the embedded
`digits-on-photos`.
"""

import os
import statistics
import sys
import time

from amalthea.pipelines.environment import start_tensorflow

BATCH = 16
SIDES = (416, 320)
BAR = 3.0


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    start_tensorflow()
    folder = os.environ.get("AMALTHEA_DATA")
    spec = os.path.join(folder, "detection", "BCCD") if folder else "digits-on-photos"
    print(
        "px | loader images/s | training images/s | ratio | bar | ratio of CPU | "
        "both images/s"
    )
    for side in SIDES:
        (loader, loader_cpu), (step, step_cpu), (both, _) = measure(spec, side, rounds)
        print(
            f"{side} | {1 / loader:.0f} | {1 / step:.1f} | {step / loader:.1f} | "
            f"{BAR:.0f} | {step_cpu / loader_cpu:.1f} | {1 / both:.1f}",
            flush=True,
        )


def measure(spec, side, rounds):
    """Times the loader, the training, and both together.

    Returns:
        For each the median seconds of an image, on the clock and of the cores.
    """
    import tensorflow as tf

    from amalthea.data.boxes import BoxAugmentation, BoxLoader, load_boxes
    from amalthea.pipelines.detect.config import DetectConfig
    from amalthea.pipelines.detect.model import build_model
    from amalthea.pipelines.detect.setup import filled_in, make_loss
    from amalthea.pipelines.detect.training import DetectionTraining

    table = load_boxes(spec).select("train")
    config = filled_in(DetectConfig(image_size=(side, side), batch_size=BATCH), table)
    classes = len(table.class_names)
    loader = BoxLoader(
        table,
        height=side,
        width=side,
        batch_size=BATCH,
        augmentation=BoxAugmentation(),
        drop_remainder=True,
    )
    steps = loader.steps_per_epoch
    batch = next(iter(loader.epoch(0)))
    ready = tf.data.Dataset.from_tensors(batch).repeat(steps)
    training = DetectionTraining(
        build_model(config, classes),
        make_loss(config, classes),
        config,
        classes,
        train_epoch=lambda epoch: loader.epoch(epoch) if epoch else ready,
        val=None,
        steps_per_epoch=steps,
    )
    ways = {
        "loader": lambda number: exhaust(loader.epoch(number)),
        "training": lambda _: training.train(0, lambda _: None),
        "both": lambda number: training.train(number, lambda _: None),
    }
    times = {name: [] for name in ways}
    for number in range(1, rounds + 2):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way(number)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            times[name].append((wall / (steps * BATCH), cpu / (steps * BATCH)))
    return [
        [statistics.median(column) for column in zip(*rows[1:], strict=True)]
        for rows in times.values()
    ]


def exhaust(batches):
    for _ in batches:
        pass


if __name__ == "__main__":
    main()
