"""Whether a resumed run sees the data it began with."""

import hashlib

from ...errors import UserError
from .checkpoint import read_facts


def fingerprint(lines):
    """Returns a text that changes when one of the lines does.

    Args:
        lines: Texts, one for each example: what it is and what is to be learnt.
    """
    digest = hashlib.blake2b(digest_size=16)
    for line in lines:
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()


def check_fingerprint(run, expected):
    """Raises `UserError` if a run's last checkpoint was trained on other data.

    Args:
        run: The `RunFolder`.
        expected: Text that stands for the data now.
    """
    if read_facts(run.last)["fingerprint"] != expected:
        raise UserError(
            "the data is not what the run began with",
            run.path,
            "Restore it, or start a new run with another --out",
        )
