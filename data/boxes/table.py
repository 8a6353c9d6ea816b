"""A set of images with boxes before any pixel is read."""

import dataclasses
from typing import ClassVar

import numpy as np

from ..images.image_set import ImageSet


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class BoxTable(ImageSet):
    """Images with boxes and their splits; the pixels are read when asked for.

    Boxes are `[x1, y1, x2, y2]` in pixels of the upright image (turned by its
    EXIF orientation), in continuous coordinates: the left edge of the first
    pixel column is 0, the right edge of the last is the width. They have an area
    and lie inside the image. An image may have none. See `ImageSet` for the other
    attributes.

    Attributes:
        class_names: Tuple of names; a class is an index into it.
        boxes: List of float32 `[n, 4]`, one array an image.
        classes: List of int32 `[n]`.
        crowd: List of bool `[n]`: the box is around a group, as COCO's `iscrowd`.
        difficult: List of bool `[n]`: not to be counted, as Pascal VOC's flag.
        sizes: int32 `[N, 2]`, height and width of the upright images.
        problems: Tuple of `(image name, text)`: what was wrong with the
            annotations and what became of it.
        points: List of float32 `[n, K, 3]` of x, y and visibility (0 not
            labelled, 1 labelled but hidden, 2 visible), or `None`.
        point_names: Tuple of the names of the `K` points.
        areas: List of float64 `[n]`, square pixels that the objects cover, as COCO
            states them (a box is larger than what is in it); an object's box where
            its own is not stated. `None` if the data states none.
    """

    _PER_IMAGE: ClassVar = (
        *ImageSet._PER_IMAGE,
        *("boxes", "classes", "crowd", "difficult", "sizes", "points", "areas"),
    )

    class_names: tuple[str, ...]
    boxes: list[np.ndarray]
    classes: list[np.ndarray]
    crowd: list[np.ndarray]
    difficult: list[np.ndarray]
    sizes: np.ndarray
    problems: tuple[tuple[str, str], ...] = ()
    points: list[np.ndarray] | None = None
    point_names: tuple[str, ...] = ()
    areas: list[np.ndarray] | None = None

    def take(self, rows):
        """Returns the table of the given row numbers, with their problems."""
        taken = super().take(rows)
        names = set(taken.names)
        problems = tuple(entry for entry in self.problems if entry[0] in names)
        return dataclasses.replace(taken, problems=problems)

    def class_counts(self, split=None):
        """Returns int `[classes]`: boxes of each class, in a split or in all."""
        inside = [
            classes
            for classes, part in zip(self.classes, self.splits, strict=True)
            if split in (None, part)
        ]
        classes = np.concatenate([np.zeros(0, np.int32), *inside])
        return np.bincount(classes, minlength=len(self.class_names))

    def summary(self):
        """Returns lines that tell a person what was found."""
        boxes = sum(map(len, self.boxes))
        lines = [
            f"data: {self.description}",
            f"      {len(self):,} images with {boxes:,} boxes of "
            f"{len(self.class_names)} classes: {self.split_sizes()}",
        ]
        if self.problems:
            lines.append(
                f"      {len(self.problems):,} problems in the annotations (see doctor)"
            )
        return lines
