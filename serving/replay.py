"""Replays an export's warm-up in this process, as a server does when it loads.

    python -m amalthea.serving.replay MODELS/NAME/VERSION

prints what was found as one line of JSON. `amalthea check` runs it in a process of
its own, where nothing of the Python code that made the model is loaded.
"""

import contextlib
import json
import sys
import types
from pathlib import Path

import tensorflow as tf

from ..errors import UserError
from .golden import differences
from .model import ServedModel
from .model_info import DEFAULT_SIGNATURE
from .quiet import error_line
from .records import WARMUP_FILE, read_records, response_arrays
from .server.batching import runner_factory
from .server.errors import StatusError
from .server.loading import run_record
from .server.options import ServerOptions


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
        UserError: if the model cannot be loaded, or its batching settings or
            records are damaged.
    """
    path = Path(version_dir) / WARMUP_FILE
    found = {"records": 0, "compared": 0, "largest": 0.0, "failures": []}
    with ServedModel(version_dir) as model:
        # As in a server: by the version's batching, with its checks of a request.
        make_runner = runner_factory(ServerOptions())
        runner = make_runner(model, version_dir, Path(version_dir).parent.name, 0)
        loaded = types.SimpleNamespace(model=model, runner=runner)
        with contextlib.closing(runner):
            for number, log in enumerate(read_records(path) if path.is_file() else []):
                _replay_one(loaded, number, log, found)
    return found


def _replay_one(loaded, number, log, found):
    request, golden = log.predict_log.request, response_arrays(log)
    signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
    shapes = ", ".join(
        f"{name} {[axis.size for axis in request.inputs[name].tensor_shape.dim]}"
        for name in sorted(request.inputs)
    )
    where = f"record {number} (`{signature}`: {shapes})"
    found["records"] += 1
    try:
        answer = run_record(loaded, log)
    except StatusError as error:
        found["failures"].append(["warm-up", f"{where} fails: {error}"])
        return
    if answer is None:
        found["failures"].append(["warm-up", f"{where} is empty"])
    elif golden:
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
