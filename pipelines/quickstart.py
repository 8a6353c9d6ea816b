"""The main job from end to end on an embedded data set."""

import time
from pathlib import Path

import numpy as np

from ..data.images import load_images
from ..errors import UserError
from ..serving import Client
from ..serving.check import check
from ..serving.server.embedded import EmbeddedServer
from ..serving.server.options import ServerOptions
from .classify.task import ImageClassification


def quickstart(folder):
    """Trains on `digits`, exports, checks, serves and asks the exported model.

    Args:
        folder: Where the run, the model and one image go. A run that is there
            already is continued, or used as it is if it is finished.

    Raises:
        UserError: if the folder cannot be written or the model is not sound.
    """
    folder = Path(folder)
    begun = time.perf_counter()
    run, models = folder / "digits", folder / "models"

    print("1. train: amalthea classify train --data digits --out", run, flush=True)
    task = ImageClassification.train("digits", run, resume=True)

    print("\n2. evaluate: amalthea classify evaluate", run, flush=True)
    metrics = task.evaluate("digits", split="test")
    for line in task.metric_lines(metrics):
        print(line)

    print("\n3. export: amalthea classify export", run, "--to", models, flush=True)
    version = task.export(models, "digits")
    print(version)

    print("\n4. check: amalthea check", version, flush=True)
    result = check(version)
    for line in result.lines():
        print(line)
    if result.findings:
        raise UserError("the exported model is not sound", version)

    table = load_images("digits").select("test")
    row = int(np.argsort(table.keys)[0])
    (content,) = table.contents([row])
    image = folder / "digit.png"
    image.write_bytes(content)
    truth = table.class_names[table.labels[row]]
    print(f"\n5. serve: amalthea serve {models}")
    options = ServerOptions(rest_port=0, grpc_port=0)
    with EmbeddedServer(models, options) as server:
        url = f"http://127.0.0.1:{server.rest_port}"
        print(f"   ask: amalthea ask {url} digits {image}", flush=True)
        with Client(url) as client:
            (answer,) = client.classify(image, model="digits")
    print(
        f"a handwritten {truth} of the test images: label {answer.label}, "
        f"probability {answer.probability:.3f}"
    )
    print(
        f"\n{time.perf_counter() - begun:.0f} s in all; report: {run}/report/index.html"
    )
