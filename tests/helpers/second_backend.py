"""The layers' tests on another Keras backend, in a process of its own."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

_TESTS = Path(__file__).parents[1]
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
            # Compiling takes most of the time; this halves it.
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
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
