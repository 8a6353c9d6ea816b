"""Decoding and non-maximum suppression beside TensorFlow's own operation.

8,400 candidates of 80 classes (a head of one anchor at strides 8, 16 and 32 of an image
of 640 pixels), a batch of 8. Both graphs begin with the head's raw maps and
`AnchorDecoder`; then comes `NonMaxSuppression` in one, and in the other
`tf.image.combined_non_max_suppression` without a limit per class. They run in turns in
one process; printed are the medians, the median of the ratios of neighbouring calls,
and CPU time, which suffers less from other work on the machine. Then the same for the
suppression alone.

    python benchmarks/nms.py
"""

import argparse
import time

import numpy as np
import tensorflow as tf

from amalthea.layers import AnchorDecoder, NonMaxSuppression

SIZE, STRIDES, CLASSES = 640, (8, 16, 32), 80
ANCHORS = (((24, 24),), ((72, 72),), ((240, 240),))
DETECTIONS, IOU = 300, 0.65


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=30)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    photos = detector_maps(rng, arguments.batch)
    noise = random_maps(rng, arguments.batch)
    cases = {
        "photos, scores above .25": (photos, 0.25),
        "photos, scores above .001": (photos, 0.001),
        "random scores above .001": (noise, 0.001),
    }
    print(
        "case | pairs an image | detections an image | theirs ms | ours ms | ratio | "
        "theirs CPU ms | ours CPU ms | same boxes"
    )
    decoder = AnchorDecoder(ANCHORS, STRIDES, CLASSES)
    for name, (maps, threshold) in cases.items():
        maps = [tf.constant(level) for level in maps]
        decoded = decoder(maps)
        scores = decoded["scores"].numpy()
        pairs = (scores > threshold).sum((1, 2)).mean()
        decoded = [decoded["boxes"], decoded["scores"]]
        for part, inputs, decode in (
            ("with decoding", maps, lambda *maps: decoder(list(maps)).values()),
            ("alone", decoded, lambda *decoded: decoded),
        ):
            ours, theirs = graphs(inputs, decode, threshold)
            agree, count = compare(ours(*inputs), theirs(*inputs))
            wall, cpu = measure(ours, theirs, inputs, arguments.calls)
            ratio = np.median(wall[:, 0] / wall[:, 1])
            wall, cpu = np.median(wall, axis=0) * 1e3, np.median(cpu, axis=0) * 1e3
            print(
                f"{name}, {part} | {pairs:.0f} | {count:.0f} | {wall[1]:.1f} | "
                f"{wall[0]:.1f} | {ratio:.2f} | {cpu[1]:.1f} | {cpu[0]:.1f} | "
                f"{'yes' if agree else 'NO'}",
                flush=True,
            )


def graphs(inputs, decode, threshold):
    """The two functions to compare, from `inputs` to their outputs."""
    layer = NonMaxSuppression(DETECTIONS, IOU, threshold)
    signature = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in inputs]

    @tf.function(input_signature=signature)
    def ours(*inputs):
        boxes, scores = decode(*inputs)
        return layer(boxes, scores)

    @tf.function(input_signature=signature)
    def theirs(*inputs):
        boxes, scores = decode(*inputs)
        return tf.image.combined_non_max_suppression(
            boxes[:, :, None],
            scores,
            max_output_size_per_class=DETECTIONS,
            max_total_size=DETECTIONS,
            iou_threshold=IOU,
            score_threshold=threshold,
            clip_boxes=False,
        )

    return ours, theirs


def compare(ours, theirs):
    """Whether each image has the same detections; and how many on average.

    Theirs does not say in which order pairs of equal score come.
    """
    agree = True
    for image, count in enumerate(ours["count"].numpy()):
        lists = [
            (ours["boxes"], ours["scores"], ours["classes"]),
            (theirs.nmsed_boxes, theirs.nmsed_scores, theirs.nmsed_classes),
        ]
        rows = []
        for boxes, scores, classes in lists:
            columns = [boxes[image], scores[image, :, None], classes[image, :, None]]
            columns = [column[:count].numpy().astype("float64") for column in columns]
            table = np.concatenate(columns, axis=-1)
            rows.append(table[np.lexsort(table.T)])
        agree &= count == theirs.valid_detections[image].numpy()
        agree &= np.array_equal(*rows)
    return agree, ours["count"].numpy().mean()


def measure(ours, theirs, inputs, calls):
    """Wall and CPU seconds, `[calls, 2]` each, the two in turns."""
    wall, cpu = np.empty((calls, 2)), np.empty((calls, 2))
    for call in range(-3, calls):
        for column, function in enumerate((ours, theirs)):
            start = time.perf_counter(), time.process_time()
            function(*inputs)
            # What the three first calls, still slow, write at the end is overwritten.
            wall[call, column] = time.perf_counter() - start[0]
            cpu[call, column] = time.process_time() - start[1]
    return wall, cpu


def detector_maps(rng, batch):
    """What a trained head makes of photos: raw maps of each level.

    Each image has 1 to 15 objects, half of them of one class. Cells near an object's
    centre, on the levels of about its size, see it, the surer the nearer; two classes
    come into question. Elsewhere objectness is low.
    """
    levels = []
    images = [draw_objects(rng) for _ in range(batch)]
    for stride, ((anchor, _),) in zip(STRIDES, ANCHORS, strict=True):
        side = SIZE // stride
        rows, columns = np.divmod(np.arange(side * side), side)
        cells = np.stack([columns, rows], -1) + 0.5
        maps = []
        for centres, sizes, classes, sureness in images:
            cell_count = len(cells)
            offsets = rng.normal(0, 0.4, (cell_count, 4))
            objectness = rng.normal(-7.5, 1.5, cell_count)
            logits = rng.normal(-7, 1.3, (cell_count, CLASSES))
            apart = (cells[:, None] * stride - centres) / (sizes / 2)
            distance = np.sqrt(np.square(apart).sum(-1))
            octaves = np.abs(np.log2(sizes.mean(-1) / anchor))
            seen = sureness - 12 * distance**2 - 4 * np.maximum(octaves - 0.5, 0)
            nearest = seen.argmax(-1)
            seen = seen.max(-1) + rng.normal(0, 0.7, cell_count)
            near = distance[np.arange(cell_count), nearest]
            is_near = near < 2
            objectness = np.where(is_near, np.maximum(objectness, seen), objectness)
            for shift, gain in ((0, 8), (1, 4)):
                likely = (classes[nearest] + shift) % CLASSES
                logits[np.arange(cell_count), likely] += gain * is_near
            noise = (0.04 + 0.15 * near)[:, None] * rng.normal(0, 1, (cell_count, 4))
            centre = centres[nearest] + noise[:, :2] * sizes[nearest]
            size = sizes[nearest] * np.exp(noise[:, 2:])
            shares = np.concatenate(
                [(centre / stride - cells + 1) / 2, np.sqrt(size / anchor) / 2], -1
            )
            shares = np.clip(shares, 0.01, 0.99)
            offsets = np.where(is_near[:, None], np.log(shares / (1 - shares)), offsets)
            maps.append(np.concatenate([offsets, objectness[:, None], logits], -1))
        levels.append(np.stack(maps).reshape(batch, side, side, -1).astype("float32"))
    return levels


def draw_objects(rng):
    """Centres, sizes, classes and logits of the objects of an image."""
    count = rng.integers(1, 16)
    centres = rng.uniform(40, SIZE - 40, (count, 2))
    sizes = np.exp(rng.uniform(np.log(16), np.log(400), (count, 1)))
    sizes = sizes * np.exp(rng.normal(0, 0.3, (count, 2)))
    classes = rng.integers(0, CLASSES, count)
    classes[rng.uniform(size=count) < 0.5] = classes[0]
    return centres, sizes, classes, rng.normal(1.5, 1.5, count)


def random_maps(rng, batch):
    """Maps of which every number is random."""
    return [
        rng.normal(0, 1.5, (batch, SIZE // stride, SIZE // stride, 5 + CLASSES)).astype(
            "float32"
        )
        for stride in STRIDES
    ]


if __name__ == "__main__":
    main()
