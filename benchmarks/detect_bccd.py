"""Detection on BCCD from scratch beside Ultralytics YOLO11n: the same boxes and cores.

    AMALTHEA_DATA=... python benchmarks/detect_bccd.py [--only peer|ours] [-- FLAGS]

Both train on the data's own training images, one after the other, choose their best
epoch on its validation images, and are measured on these, as the data has no third
part. The boxes they find, with the score of .001 or more, go through the same
evaluator, and through pycocotools to check it. Seconds are those of the whole
training process, with imports, validations and all; images a second those of the
median epoch without its validation.

Ultralytics trains YOLO11n with its defaults, but on all cores; it would leave one
free. Ours is `amalthea detect train` with FLAGS. With both in a run, ours gets the
epochs that fit into the time the peer took; two short trainings before, of one epoch
and of five, tell how many that are.

Each training adds a line to OUT/results.jsonl, and all of them are printed.
"""

import argparse
import contextlib
import csv
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from ultralytics_peer import Peer, peer_python

from amalthea.data.boxes import load_boxes
from amalthea.layers.metrics import DetectionEvaluator

LEAST_SCORE = 0.001
MOST_BOXES = 300  # of an image
BATCH = 16


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("peer", "ours"))
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument(
        "--minutes", type=float, help="ours: the epochs that fit into this time"
    )
    parser.add_argument("--image-size", type=int, default=416)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs", "bccd-benchmark"))
    parser.add_argument("--peer-python", help="a Python that has Ultralytics")
    parser.add_argument(
        "--peer-threads", type=int, help="one a core if not given; its default is less"
    )
    parser.add_argument("flags", nargs="*", help="ours: flags of detect train")
    arguments = parser.parse_args()
    data = Path(os.environ["AMALTHEA_DATA"], "detection", "BCCD").resolve()
    arguments.out.mkdir(parents=True, exist_ok=True)
    results = arguments.out / "results.jsonl"
    minutes = arguments.minutes
    if arguments.only != "ours":
        row = measure_peer(data, arguments)
        keep(row, results)
        minutes = minutes or row["seconds"] / 60
    if arguments.only != "peer":
        keep(measure_ours(data, arguments, minutes), results)
    print_table(results)


def measure_peer(data, arguments):
    """Trains Ultralytics and returns its row of the table."""
    table = load_boxes(data)
    folder = new_folder(arguments.out / "peer")
    settings = {
        "data": str(write_yolo(table, folder / "data")),
        "size": arguments.image_size,
        "batch": BATCH,
    }
    python = peer_python(arguments.peer_python)
    begun = time.perf_counter()
    with Peer(python, folder, arguments.peer_threads) as peer:
        run = peer.ask(
            "train", **settings, epochs=arguments.epochs, seed=arguments.seed
        )
        seconds = time.perf_counter() - begun
        own = peer.ask("detect", **settings, weights=run["weights"])
    boxes = read_coco(own["boxes"], len(table))
    return {
        "model": "Ultralytics YOLO11n",
        "threads": run["threads"],
        "parameters": run["parameters"],
        "image_size": f"{arguments.image_size} x {arguments.image_size}",
        "epochs": arguments.epochs,
        "seed": arguments.seed,
        "seconds": seconds,
        "cpu_seconds": run["cpu_seconds"],
        "images_per_second": run["images"] / statistics.median(run["epoch_seconds"]),
        **figures(table, boxes),
        "own_map50": own["map50"],
        "own_map": own["map"],
        "run": str(folder),
    }


def measure_ours(data, arguments, minutes):
    """Trains this package's detector and returns its row of the table.

    Args:
        data: The data's folder.
        arguments: Those of the command line.
        minutes: How long it may take; `arguments.epochs` hold if not given.
    """
    epochs = arguments.epochs
    if minutes is not None:
        epochs = fitting_epochs(data, arguments, minutes * 60)
    run = new_folder(arguments.out / "ours")
    seconds, cpu_seconds = train_ours(data, run, epochs, arguments)

    from amalthea.pipelines import ObjectDetection

    table = load_boxes(data)
    task = ObjectDetection.load(run)
    batch = task.config.batch_size
    images = (table.splits == "train").sum() // batch * batch  # only full batches
    return {
        "model": " ".join(["amalthea", task.config.model, *arguments.flags]),
        "parameters": sum(int(np.prod(w.shape)) for w in task.model.trainable_weights),
        "image_size": " x ".join(map(str, task.config.image_size)),
        "epochs": task.config.epochs,
        "seed": task.config.seed,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "images_per_second": float(images / median_epoch(run)),
        **figures(table, find_boxes(task, table)),
        "run": str(run),
    }


def fitting_epochs(data, arguments, seconds):
    """Returns how many epochs fit into a time, by two short trainings.

    They validate after each epoch, longer ones at most fifty times.
    """
    taken = {}
    for epochs in (1, 5):
        with tempfile.TemporaryDirectory() as folder:
            taken[epochs], _ = train_ours(data, folder, epochs, arguments)
            epoch = median_epoch(folder)
    validation = (taken[5] - taken[1]) / 4 - epoch
    start = taken[1] - epoch - validation
    epochs = max(int((seconds - start - 50 * validation) / epoch), 1)
    print(
        f"{start:.0f} s, {epoch:.1f} s an epoch, {validation:.1f} s a validation: "
        f"{epochs} epochs",
        flush=True,
    )
    return epochs


def train_ours(data, run, epochs, arguments):
    """Trains by the command line; returns its wall and CPU seconds."""
    size = str(arguments.image_size)
    settings = {
        "--data": [str(data)],
        "--out": [str(run)],
        "--epochs": [str(epochs)],
        "--image-size": [size, size],
        "--batch-size": [str(BATCH)],
        "--seed": [str(arguments.seed)],
    }
    command = [sys.executable, "-m", "amalthea", "detect", "train"]
    for flag, values in settings.items():
        if flag not in arguments.flags:
            command += [flag, *values]
    wall, cpu = time.perf_counter(), cpu_of_children()
    subprocess.run([*command, *arguments.flags], check=True)
    return time.perf_counter() - wall, cpu_of_children() - cpu


def cpu_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def median_epoch(run):
    """Returns the seconds of a run's median epoch, without its validation."""
    with open(Path(run) / "history.csv", newline="") as file:
        return statistics.median(float(row["seconds"]) for row in csv.DictReader(file))


def new_folder(path):
    """Returns a path that does not exist: the given one with a number."""
    number = 1
    while (folder := path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return folder


def write_yolo(table, folder):
    """Writes the images and boxes in the peer's format; returns the `data.yaml`.

    An image is called by its row in the table.
    """
    rows = enumerate(zip(table.contents(), table.splits, strict=True))
    for row, (content, split) in rows:
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        (folder / "images" / split / f"{row}.jpg").write_bytes(content)
        height, width = table.sizes[row]
        lines = []
        for (x1, y1, x2, y2), label in zip(
            table.boxes[row].tolist(), table.classes[row], strict=True
        ):
            centre = (x1 + x2) / 2 / width, (y1 + y2) / 2 / height
            size = (x2 - x1) / width, (y2 - y1) / height
            lines.append(f"{label} " + " ".join(f"{x:.9f}" for x in centre + size))
        (folder / "labels" / split / f"{row}.txt").write_text("\n".join(lines))
    names = dict(enumerate(table.class_names))
    facts = {"path": str(folder.resolve()), "names": names}
    facts |= {split: f"images/{split}" for split in ("train", "val")}
    file = folder / "data.yaml"
    file.write_text(json.dumps(facts))  # which is YAML, too
    return file.resolve()


def read_coco(file, rows):
    """Returns the boxes of a COCO result file, a dict for each row of the table."""
    found = [([], [], []) for _ in range(rows)]
    for entry in json.loads(Path(file).read_text()):
        x, y, width, height = entry["bbox"]
        boxes, scores, classes = found[entry["image_id"]]
        boxes.append([x, y, x + width, y + height])
        scores.append(entry["score"])
        classes.append(entry["category_id"] - 1)
    return [as_prediction(*columns) for columns in found]


def find_boxes(task, table):
    """Returns the boxes that a task finds, a dict for each row of the table."""
    numbers = {label.encode(): number for number, label in enumerate(task.labels)}
    found = [as_prediction([], [], [])] * len(table)
    rows = np.flatnonzero(table.splits == "val")
    answers = task.answer_batches(
        table.contents(rows),
        "thresholds",
        confidence=np.float32(LEAST_SCORE),
        iou=np.float32(task.config.nms_iou),
        max_detections=np.int32(MOST_BOXES),
    )
    places = iter(rows)
    for batch in answers:
        for row, count in enumerate(batch["count"]):
            found[next(places)] = as_prediction(
                batch["boxes"][row, :count],
                batch["scores"][row, :count],
                [numbers[label] for label in batch["classes"][row, :count]],
            )
    return found


def as_prediction(boxes, scores, classes):
    return {
        "boxes": np.array(boxes, float).reshape(-1, 4),
        "scores": np.array(scores, float),
        "classes": np.array(classes, int),
    }


def figures(table, predictions):
    """Measures predictions for the validation images.

    Args:
        table: The `BoxTable`.
        predictions: List of a dict for each of its rows.

    Returns:
        A dict of `map50` and `map` by this package's evaluator, and `coco_map50`
        and `coco_map` by pycocotools.
    """
    evaluator = DetectionEvaluator(len(table.class_names))
    rows = np.flatnonzero(table.splits == "val")
    for row in rows:
        truth = {"boxes": table.boxes[row], "classes": table.classes[row]}
        evaluator.add(truth, predictions[row])
    summary = evaluator.summary()
    coco_map, coco_map50 = pycocotools_figures(table, predictions, rows)
    return {
        "map50": summary["map50"],
        "map": summary["map"],
        "coco_map50": coco_map50,
        "coco_map": coco_map,
    }


def pycocotools_figures(table, predictions, rows):
    """Returns mAP@[.5:.95] and mAP@.5 as pycocotools computes them."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truths, found = [], []
    for row in rows:
        columns = {"boxes": table.boxes[row], "classes": table.classes[row]}
        for entries, part in ((truths, columns), (found, predictions[row])):
            first = len(entries) + 1
            for number, box in enumerate(part["boxes"].astype(float)):
                corner, size = box[:2].tolist(), (box[2:] - box[:2]).tolist()
                entry = {
                    "id": first + number,
                    "image_id": int(row),
                    "category_id": int(part["classes"][number]),
                    "bbox": corner + size,
                    "area": size[0] * size[1],
                    "iscrowd": 0,
                }
                if "scores" in part:
                    entry["score"] = float(part["scores"][number])
                entries.append(entry)
    coco = COCO()
    coco.dataset = {
        "images": [{"id": int(row)} for row in rows],
        "categories": [{"id": n} for n in range(len(table.class_names))],
        "annotations": truths,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        results = COCO()
        results.dataset = {**coco.dataset, "annotations": found}
        results.createIndex()
        evaluation = COCOeval(coco, results, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[:2].tolist()


def keep(row, results):
    with open(results, "a") as file:
        file.write(json.dumps(row) + "\n")


def print_table(results):
    """Prints all rows; below 2 cores a second, something else was running."""
    print(
        "model | parameters | px | epochs | seed | minutes | cores used | images/s | "
        "mAP@.5 | mAP@[.5:.95] | the same by pycocotools"
    )
    for line in results.read_text().splitlines():
        row = json.loads(line)
        print(
            f"{row['model']} | {row['parameters']:,} | {row['image_size']} | "
            f"{row['epochs']} | {row['seed']} | {row['seconds'] / 60:.1f} | "
            f"{row['cpu_seconds'] / row['seconds']:.2f} | "
            f"{row['images_per_second']:.1f} | {row['map50']:.4f} | {row['map']:.4f} | "
            f"{row['coco_map50']:.4f} {row['coco_map']:.4f}"
        )


if __name__ == "__main__":
    main()
