"""Would a model server take this export, and still give the export's answers?"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from .audit import Audit, Finding, audit
from .golden import ATOL, RTOL


@dataclasses.dataclass(frozen=True)
class Check:
    """What was found in an export, by reading it and by running it.

    Attributes:
        audit: The `Audit`.
        records: How many warm-up requests a fresh process replayed.
        compared: How many of them have an answer of the export.
        largest: The largest difference of two numbers from that answer.
        findings: A list of `Finding`, the audit's and those of the replay; empty
            for a model that can be served.
    """

    audit: Audit
    records: int
    compared: int
    largest: float
    findings: list[Finding]

    def lines(self):
        """What to print: signatures, what was replayed, findings.

        Returns:
            A list of `str`.
        """
        lines = self.audit.facts()
        lines.append(f"warm-up: {self.records} requests replayed in a fresh process")
        if self.compared:
            lines.append(
                f"golden answers: {self.compared} compared, largest difference "
                f"{self.largest:.2g} (tolerance {ATOL:g} + {RTOL:g} relative)"
            )
        else:
            lines.append("golden answers: none kept at export")
        lines += [f"{finding.code}: {finding.text}" for finding in self.findings]
        lines.append(f"findings: {len(self.findings) or 'none'}")
        return lines


def check(version_dir):
    """Reads an export, then loads and runs it in a fresh process.

    Args:
        version_dir: The folder that holds `saved_model.pb`.

    Returns:
        A `Check`.

    Raises:
        UserError: if there is no readable SavedModel.
    """
    result = audit(version_dir)
    found = _replay_in_fresh_process(Path(version_dir))
    findings = list(result.findings)
    if "error" in found:
        findings.append(Finding("load", found["error"]))
    findings += [Finding(code, text) for code, text in found.get("failures", [])]
    return Check(
        result,
        found.get("records", 0),
        found.get("compared", 0),
        found.get("largest", 0.0),
        findings,
    )


def _replay_in_fresh_process(version_dir):
    done = subprocess.run(
        # Not from the current folder (-P), which may hold anything.
        [sys.executable, "-P", "-m", f"{__package__}.replay", version_dir.resolve()],
        env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ},
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        return {"error": f"the process that loaded the model was ended by {name}"}
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return {"error": f"the process that loaded the model failed ({last})"}
