"""What a reader of a format found, before labels are numbered."""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Found:
    """Images as a format gives them.

    Attributes:
        description: What was recognised, for a person.
        labels: `[N]` class names.
        keys: `[N]` content hashes.
        names: `[N]` names for a person.
        splits: `[N]` of `"train"`, `"val"`, `"test"` where the format says, or
            `None`.
        files: See `ImageTable`.
        encoded: See `ImageTable`.
        pixels: See `ImageTable`.
    """

    description: str
    labels: list[str]
    keys: list[str]
    names: list[str]
    splits: list[str] | None = None
    files: list[str] | None = None
    encoded: list[bytes] | None = None
    pixels: np.ndarray | None = None
