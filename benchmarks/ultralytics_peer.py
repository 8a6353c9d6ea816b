"""Ultralytics in a Python environment and a process of its own.

Benchmarks use it to run that package beside this one, never at the same time. What
runs in the process is `ultralytics_worker.py`.
"""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

TORCH = "2.13.0"
TORCHVISION = "0.28.0"  # the release that belongs to it
ULTRALYTICS = "8.4.190"
# What it needs for detection; it would also install torchvision and a client of its
# makers' platform.
DEPENDENCIES = (
    *("matplotlib", "opencv-python-headless", "pillow", "polars", "psutil"),
    *("pyyaml", "requests", "onnx", "onnxruntime", "onnxscript", "onnxslim"),
)
HAS_TORCHVISION = "from importlib.metadata import version; version('torchvision')"
WORKER = Path(__file__).with_name("ultralytics_worker.py")

# The registry's torchvision is compiled against PyTorch for GPUs and does not load
# beside the one for CPUs. Detection needs no more of it than this. NMS in plain
# PyTorch takes a minute for the thousands of boxes of an untrained network, and
# Ultralytics gives up after seconds; OpenCV's takes one, and keeps the same boxes.
STAND_IN = {
    "torchvision/__init__.py": f"""
        from . import ops, transforms

        __version__ = "{TORCHVISION}"
        """,
    "torchvision/transforms.py": "",
    "torchvision/ops.py": """
        import cv2
        import numpy as np
        import torch


        def nms(boxes, scores, iou_threshold):
            corner, end = np.split(boxes.detach().numpy().astype(float), 2, axis=1)
            rows = cv2.dnn.NMSBoxes(
                np.hstack([corner, end - corner]),
                scores.detach().numpy(),
                0.0,
                iou_threshold,
            )
            return torch.as_tensor(np.array(rows, np.int64).reshape(-1))
        """,
    f"torchvision-{TORCHVISION}.dist-info/METADATA": f"""
        Metadata-Version: 2.1
        Name: torchvision
        Version: {TORCHVISION}
        """,
}


def peer_python(python=None):
    """Returns the Python that has Ultralytics, made ready where it is not.

    Args:
        python: A Python with PyTorch and Ultralytics. If not given, an environment
            is made in the user's cache folder, which takes a download of 300 MB.

    Returns:
        Its path.
    """
    if python is None:
        python = _own_environment()
    if not _succeeds(python, HAS_TORCHVISION):
        _write_stand_in(python)
    return Path(python)


class Peer:
    """The process, seen from here. Use it as a context manager.

    It uses no network, and writes what it logs to stderr.

    Args:
        python: What `peer_python` returned.
        folder: Its working folder, which is made; its settings are kept there too.
        threads: Threads of PyTorch; as many as there are cores if not given.
    """

    def __init__(self, python, folder, threads=None):
        self._python = python
        self._folder = Path(folder).resolve()
        self._threads = threads or len(os.sched_getaffinity(0))

    def __enter__(self):
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "OMP_NUM_THREADS": str(self._threads),
            "YOLO_AUTOINSTALL": "false",
            "YOLO_CONFIG_DIR": str(self._folder),
            "YOLO_OFFLINE": "true",
        }
        self._process = subprocess.Popen(
            [self._python, WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self._folder,
            env={**os.environ, **settings},
        )
        return self

    def __exit__(self, error, *_):
        if error is not None:
            self._process.kill()
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def ask(self, command, **arguments):
        """Runs a function of the worker.

        Args:
            command: Its name.
            **arguments: Its arguments, plain values.

        Returns:
            What it returned.
        """
        self._process.stdin.write(json.dumps([command, arguments]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"Ultralytics failed at `{command}`; see above")
        return json.loads(answer)


def _own_environment():
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "amalthea-benchmarks" / f"ultralytics-{ULTRALYTICS}"
    python = folder / "bin" / "python"
    if not (python.exists() and _succeeds(python, "import ultralytics")):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install"]
        subprocess.run([*install, f"torch=={TORCH}", *DEPENDENCIES], check=True)
        package = f"ultralytics=={ULTRALYTICS}"
        subprocess.run([*install, "--no-deps", package], check=True)
    return python


def _write_stand_in(python):
    found = _run_code(python, "import sysconfig as s; print(s.get_path('purelib'))")
    for name, text in STAND_IN.items():
        file = Path(found.stdout.decode().strip(), name)
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip())


def _succeeds(python, code):
    return _run_code(python, code).returncode == 0


def _run_code(python, code):
    return subprocess.run([python, "-c", code], capture_output=True, check=False)
