"""What a reader of a format found, before boxes are checked and classes numbered."""

import collections.abc
import dataclasses

import numpy as np


@dataclasses.dataclass
class Annotation:
    """What a format says about one image; the lists go box by box.

    Attributes:
        name: Name of the image for a person.
        labels: Class names.
        boxes: `(x1, y1, x2, y2)`, unchecked, in pixels of the image; or in shares
            of its width and height, see `FoundBoxes.relative`.
        crowd: Bools; empty if the format has no such flag.
        difficult: Bools; empty if the format has no such flag.
        points: `[K, 3]` of x, y, visibility; empty if there are none.
        areas: What the objects cover, in square pixels, NaN where it is not said;
            empty if the format does not know it.
        size: Height and width as the annotation states them, or `None`.
        split: `"train"`, `"val"` or `"test"`, or `None` if the format does not
            say.
    """

    name: str
    labels: list[str] = dataclasses.field(default_factory=list)
    boxes: list[tuple] = dataclasses.field(default_factory=list)
    crowd: list[bool] = dataclasses.field(default_factory=list)
    difficult: list[bool] = dataclasses.field(default_factory=list)
    points: list = dataclasses.field(default_factory=list)
    areas: list[float] = dataclasses.field(default_factory=list)
    size: tuple | None = None
    split: str | None = None


@dataclasses.dataclass
class FoundBoxes:
    """Annotated images as a format gives them.

    Attributes:
        description: What was recognised, for a person.
        annotations: List of `Annotation`, one an image.
        class_names: The classes in the format's own order, or `None` if it only
            mentions them box by box.
        problems: List of `(image name, text)`.
        relative: Whether boxes and points are shares of the image's sides.
        point_names: Names of the points; empty if there are none.
        files: See `BoxTable`.
        encoded: See `BoxTable`.
        keys: Content hashes, or `None` to compute them from the images.
        sizes: int `[N, 2]` heights and widths, or `None` to read them from the
            images.
    """

    description: str
    annotations: list[Annotation] = dataclasses.field(default_factory=list)
    class_names: tuple[str, ...] | None = None
    problems: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    relative: bool = False
    point_names: tuple[str, ...] = ()
    files: list[str] | None = None
    encoded: collections.abc.Sequence[bytes] | None = None
    keys: list[str] | None = None
    sizes: np.ndarray | None = None
