"""Whether a resumed run sees the data it began with."""

from ...errors import UserError
from .checkpoint import read_facts


def check_fingerprint(run, fingerprint):
    """Raises `UserError` if a run's last checkpoint was trained on other data.

    Args:
        run: The `RunFolder`.
        fingerprint: Text that stands for the data now.
    """
    if read_facts(run.last)["fingerprint"] != fingerprint:
        raise UserError(
            "the data is not what the run began with",
            run.path,
            "Restore it, or start a new run with another --out",
        )
