"""A set of labelled images before any pixel is read."""

import dataclasses

import numpy as np

from ...errors import UserError
from ..splits import SPLITS


@dataclasses.dataclass(frozen=True, eq=False)
class ImageTable:
    """Labelled images with their splits; the pixels are read when asked for.

    Exactly one of `files`, `encoded` and `pixels` holds the images.

    Attributes:
        source: The data spec.
        description: What was recognised, for a person.
        class_names: Tuple of names; a label is an index into it.
        labels: int32 `[N]`.
        splits: `[N]` of `"train"`, `"val"`, `"test"`.
        keys: `[N]` content hashes.
        names: `[N]` what a person calls each image.
        files: List of paths of encoded images, or `None`.
        encoded: List of `bytes`, or `None`.
        pixels: uint8 `[N, height, width, channels]`, or `None`.
    """

    source: str
    description: str
    class_names: tuple[str, ...]
    labels: np.ndarray
    splits: np.ndarray
    keys: np.ndarray
    names: list[str]
    files: list[str] | None = None
    encoded: list[bytes] | None = None
    pixels: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    def take(self, rows):
        """Returns the table of the given row numbers."""

        def pick(values):
            return None if values is None else [values[row] for row in rows]

        return dataclasses.replace(
            self,
            labels=self.labels[rows],
            splits=self.splits[rows],
            keys=self.keys[rows],
            names=pick(self.names),
            files=pick(self.files),
            encoded=pick(self.encoded),
            pixels=None if self.pixels is None else self.pixels[rows],
        )

    def select(self, split):
        """Returns the part that is in a split.

        Raises:
            UserError: if nothing is.
        """
        rows = np.flatnonzero(self.splits == split)
        if not len(rows):
            there = [name for name in SPLITS if name in self.splits]
            raise UserError(
                f"has no split {split!r}",
                self.source,
                f"There are {', '.join(there)} and all",
            )
        return self.take(rows)

    def contents(self, rows=None, *, missing=None):
        """Yields the encoded images, `bytes`; pixels are encoded as PNG.

        Args:
            rows: Row numbers; all if not given.
            missing: What to yield for a file that cannot be read, or `None`.

        Raises:
            UserError: if a file cannot be read and `missing` is `None`.
        """
        for row in range(len(self)) if rows is None else rows:
            if self.files is not None:
                yield read_file(self.files[row], missing)
            elif self.encoded is not None:
                yield self.encoded[row]
            else:
                yield encode_png(self.pixels[row])

    def class_counts(self, split=None):
        """Returns int `[classes]`: examples of each class, in a split or in all."""
        labels = self.labels if split is None else self.labels[self.splits == split]
        return np.bincount(labels, minlength=len(self.class_names))

    def summary(self):
        """Returns lines that tell a person what was found."""
        parts = [
            f"{(self.splits == split).sum():,} {split}"
            for split in SPLITS
            if split in self.splits
        ]
        return [
            f"data: {self.description}",
            f"      {len(self):,} images in {len(self.class_names)} classes: "
            f"{', '.join(parts)}",
        ]


def read_file(path, missing=None):
    """Returns a file's bytes, or `missing` if it cannot be read.

    Raises:
        UserError: if it cannot be read and `missing` is `None`.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        if missing is not None:
            return missing
        raise UserError(f"cannot be read ({error.strerror})", path) from error


def encode_png(pixels):
    """Encodes uint8 `[height, width, 1, 3 or 4]` without loss."""
    import cv2

    swap = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}.get(pixels.shape[-1])
    if swap is not None:
        pixels = cv2.cvtColor(pixels, swap)
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
