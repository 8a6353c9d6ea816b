"""The layers' tests on another Keras backend, in a process of its own."""

import mmap
import os
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

_TESTS = Path(__file__).parents[1]
# Compiling takes most of the time; without most optimisations, and without the first of
# these, it takes a quarter. Without the second, half precision stays half precision
# within what is compiled as a whole.
_FLAGS = ("xla_cpu_use_fusion_emitters", "xla_allow_excess_precision")
_ALONE = ("-p", "no:cacheprovider", "-n", "0")


class LayerTests:
    """Runs `tests/layers` on JAX beside the other tests, as it takes minutes.

    Args:
        nice: How much this yields to the other tests, whose timings matter more.
    """

    def __init__(self, nice=10):
        self._text = tempfile.TemporaryFile("w+")  # noqa: SIM115
        environment = {
            **os.environ,
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
            "XLA_FLAGS": " ".join(f"--{flag}=false" for flag in _FLAGS if known(flag)),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *_ALONE, "tests/layers"],
            cwd=_TESTS.parent,
            env=environment,
            stdout=self._text,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.nice(nice),
        )

    def result(self):
        """Waits for the end; returns the exit status, the count of passes, the text."""
        status = self._process.wait()
        self._text.seek(0)
        text = self._text.read()
        passed = re.search(r"(\d+) passed", text)
        return status, int(passed[1]) if passed else 0, text

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._text.close()


def known(flag):
    """Whether XLA has a flag: it ends a process that names another."""
    folder = Path(find_spec("jaxlib").origin).parent
    for path in sorted(folder.glob("*.so"), key=lambda path: -path.stat().st_size):
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            if content.find(flag.encode()) >= 0:
                return True
    return False
