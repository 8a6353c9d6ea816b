"""What Ultralytics does for the benchmarks, in a process of its own.

Each line of stdin is a JSON list of a function's name and its arguments, each line of
stdout the JSON of what it returned. `ultralytics_peer.py` starts this.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path


def train(data, epochs, size, batch, seed):
    """Trains YOLO11n from its architecture file, no weights, with its defaults.

    Args:
        data: Path of the `data.yaml`.
        epochs: Number of epochs.
        size: Side of the input in pixels.
        batch: Images per batch.
        seed: Seed of all its random numbers.

    Returns:
        A dict: `weights`, the file of the best epoch; `parameters`; `images`, how
        many an epoch has; `epoch_seconds`, a list, without the validations;
        `threads` of PyTorch; and `cpu_seconds` of this process until now.
    """
    import torch
    from ultralytics import YOLO

    times = []
    model = YOLO("yolo11n.yaml")
    for event in ("on_train_epoch_start", "on_train_epoch_end"):
        model.add_callback(event, lambda _: times.append(time.perf_counter()))
    model.train(
        data=data,
        epochs=epochs,
        imgsz=size,
        batch=batch,
        seed=seed,
        device="cpu",
        plots=False,
        project=str(Path.cwd()),
        name="train",
        exist_ok=True,
    )
    trainer = model.trainer
    return {
        "weights": str(trainer.best),
        "parameters": sum(x.numel() for x in trainer.model.parameters()),
        "images": len(trainer.train_loader.dataset),
        "epoch_seconds": [
            end - start for start, end in zip(times[::2], times[1::2], strict=True)
        ],
        "threads": torch.get_num_threads(),
        "cpu_seconds": time.process_time(),
    }


def detect(weights, data, size, batch):
    """Runs its own validation, which also writes the boxes it found.

    Args:
        weights: A file of weights.
        data: Path of the `data.yaml`; its `val` images are used.
        size: Side of the input in pixels.
        batch: Images per batch.

    Returns:
        A dict: `boxes`, the JSON file of them in COCO's format with class numbers
        from 1; `map50` and `map` as it computes them.
    """
    from ultralytics import YOLO

    figures = YOLO(weights).val(
        data=data,
        imgsz=size,
        batch=batch,
        device="cpu",
        plots=False,
        save_json=True,
        project=str(Path.cwd()),
        name="val",
        exist_ok=True,
    )
    return {
        "boxes": str(Path("val", "predictions.json").resolve()),
        "map50": float(figures.box.map50),
        "map": float(figures.box.map),
    }


def export(weights, size):
    """Exports to ONNX for batches of one; returns the file.

    Args:
        weights: A file of weights, or `None` for an untrained YOLO11n.
        size: Side of the input in pixels.
    """
    from ultralytics import YOLO

    if weights is not None:
        weights = shutil.copy(weights, "exported.pt")  # the export goes beside it
    model = YOLO(weights or "yolo11n.yaml")
    return str(Path(model.export(format="onnx", imgsz=size, device="cpu")).resolve())


def load(model, image, size):
    """Makes ready for `once`, from an exported model and a JPEG file."""
    import cv2
    import numpy as np
    import onnxruntime
    from ultralytics import YOLO

    detector = YOLO(model, task="detect")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    pixels = cv2.imread(image)
    inputs = {"images": np.random.default_rng(0).random((1, 3, size, size), np.float32)}
    options = {"imgsz": size, "device": "cpu", "verbose": False}
    _CALLS["file"] = lambda: detector.predict(image, **options)
    _CALLS["pixels"] = lambda: detector.predict(pixels, **options)
    _CALLS["network"] = lambda: session.run(None, inputs)


def once(call):
    """Returns the seconds of one call: `file`, `pixels` or `network`."""
    begun = time.perf_counter()
    _CALLS[call]()
    return time.perf_counter() - begun


_CALLS = {}
_COMMANDS = {f.__name__: f for f in (train, detect, export, load, once)}


def main():
    # Only answers go to stdout; what the package prints goes to stderr.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _prepare()
    for line in sys.stdin:
        command, arguments = json.loads(line)
        answer = _COMMANDS[command](**arguments)
        print(json.dumps(answer), file=answers, flush=True)


def _prepare():
    """Sets the number of threads, and puts a font where it would download one."""
    import matplotlib
    from ultralytics.utils import USER_CONFIG_DIR, torch_utils

    # Of its own accord it leaves one core free, whatever the environment says.
    torch_utils.NUM_THREADS = int(os.environ["OMP_NUM_THREADS"])
    font = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    shutil.copy(font, USER_CONFIG_DIR / "Arial.ttf")


if __name__ == "__main__":
    main()
