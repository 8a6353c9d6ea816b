"""Replays an export's warm-up in this process, as a server does when it loads.

    python -m amalthea.serving.replay MODELS/NAME/VERSION

prints what was found as one line of JSON. `amalthea check` runs it in a process of
its own, where nothing of the Python code that made the model is loaded.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from ..errors import UserError
from .golden import differences
from .model import ServedModel
from .quiet import error_line
from .records import WARMUP_FILE, read_records, request_arrays, response_arrays


def replay(version_dir):
    """Loads an export as a server does and replays its warm-up.

    Args:
        version_dir: The folder that holds `saved_model.pb`.

    Returns:
        A dict: `records`, how many were replayed; `compared`, how many have an
        answer of the export to compare with; `largest`, the largest difference
        of two numbers; `failures`, lists of a code (`"warm-up"` or `"golden"`)
        and a text.

    Raises:
        UserError: if the model cannot be loaded or its records are damaged.
    """
    path = Path(version_dir) / WARMUP_FILE
    found = {"records": 0, "compared": 0, "largest": 0.0, "failures": []}
    with ServedModel(version_dir) as model:
        for number, log in enumerate(read_records(path) if path.is_file() else []):
            _replay_one(model, number, log, found)
    return found


def _replay_one(model, number, log, found):
    if log.WhichOneof("log_type") != "predict_log":
        return  # a server's other kinds of request; this package writes none
    inputs, golden = request_arrays(log), response_arrays(log)
    signature = log.predict_log.request.model_spec.signature_name or "serving_default"
    rows = max((np.shape(value)[0] for value in inputs.values()), default=0)
    where = f"record {number} (`{signature}`, {rows} rows)"
    found["records"] += 1
    try:
        answer = model.predict(signature, **inputs)
    except UserError as error:
        found["failures"].append(["warm-up", f"{where} fails: {error}"])
        return
    if golden:
        texts, largest = differences(golden, answer)
        found["compared"] += 1
        found["largest"] = max(found["largest"], largest)
        found["failures"] += [["golden", f"{where}: {text}"] for text in texts]


def main():
    """Prints what `replay` found, or the error, as JSON."""
    try:
        found = replay(sys.argv[1])
    except UserError as error:
        found = {"error": str(error)}
    except tf.errors.OpError as error:
        found = {"error": error_line(error)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
