"""A set of images before any pixel is read, whatever is known about them."""

import collections.abc
import dataclasses
from typing import ClassVar

import numpy as np

from ..files import read_file
from ..rows import pick_rows
from ..splits import SPLITS, rows_of_split


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ImageSet:
    """Images with their splits; the pixels are read when asked for.

    Exactly one of `files`, `encoded` and `pixels` holds the images. Subclasses
    add what is known about each image, and name these fields in `_PER_IMAGE`.

    Attributes:
        source: The data spec.
        description: What was recognised, for a person.
        splits: `[N]` of `"train"`, `"val"`, `"test"`.
        keys: `[N]` content hashes.
        names: `[N]` what a person calls each image.
        files: List of paths of encoded images, or `None`.
        encoded: List of `bytes`, or `LazyImages`, or `None`.
        pixels: uint8 `[N, height, width, channels]`, or `None`.
    """

    _PER_IMAGE: ClassVar = ("splits", "keys", "names", "files", "encoded", "pixels")

    source: str
    description: str
    splits: np.ndarray
    keys: np.ndarray
    names: list[str]
    files: list[str] | None = None
    encoded: collections.abc.Sequence[bytes] | None = None
    pixels: np.ndarray | None = None

    def __len__(self):
        return len(self.names)

    def take(self, rows):
        """Returns the set of the given row numbers."""
        columns = {
            name: pick_rows(getattr(self, name), rows) for name in self._PER_IMAGE
        }
        return dataclasses.replace(self, **columns)

    def select(self, split):
        """Returns the part that is in a split.

        Raises:
            UserError: if nothing is.
        """
        return self.take(rows_of_split(self.splits, split, self.source))

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

    def split_sizes(self):
        """Returns how many images each split has, for a person."""
        return ", ".join(
            f"{(self.splits == split).sum():,} {split}"
            for split in SPLITS
            if split in self.splits
        )


class LazyImages(collections.abc.Sequence):
    """Encoded images that are made when they are asked for.

    Args:
        make: Function from a number to the `bytes` of an image, always the same
            for the same number.
        numbers: The numbers of the images, a sequence of integers.
    """

    def __init__(self, make, numbers):
        self._make = make
        self._numbers = np.asarray(numbers)

    def __len__(self):
        return len(self._numbers)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.take(range(len(self))[index])
        return self._make(int(self._numbers[index]))

    def take(self, rows):
        """Returns the images of the given row numbers, not yet made."""
        return LazyImages(self._make, self._numbers[np.asarray(rows, int)])


def encode_png(pixels):
    """Encodes uint8 `[height, width, 1, 3 or 4]` without loss."""
    import cv2

    swap = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}.get(pixels.shape[-1])
    if swap is not None:
        pixels = cv2.cvtColor(pixels, swap)
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
