"""A set of labelled images before any pixel is read."""

import dataclasses
from typing import ClassVar

import numpy as np

from .image_set import ImageSet


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ImageTable(ImageSet):
    """Labelled images with their splits; the pixels are read when asked for.

    See `ImageSet` for the other attributes.

    Attributes:
        class_names: Tuple of names; a label is an index into it.
        labels: int32 `[N]`.
    """

    _PER_IMAGE: ClassVar = (*ImageSet._PER_IMAGE, "labels")

    class_names: tuple[str, ...]
    labels: np.ndarray

    def class_counts(self, split=None):
        """Returns int `[classes]`: examples of each class, in a split or in all."""
        labels = self.labels if split is None else self.labels[self.splits == split]
        return np.bincount(labels, minlength=len(self.class_names))

    def summary(self):
        """Returns lines that tell a person what was found."""
        return [
            f"data: {self.description}",
            f"      {len(self):,} images in {len(self.class_names)} classes: "
            f"{self.split_sizes()}",
        ]
