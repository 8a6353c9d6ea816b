"""A quick look at some of the images, to choose the model's input."""

import dataclasses

import numpy as np
import tensorflow as tf

from ...errors import UserError
from .decode import decode_image

SAMPLE = 200  # images
SMALL = 64  # pixels; a set of one size up to this is taken as it is
LARGEST = 128  # pixels; a side suggested for larger images
STEP = 32  # pixels; suggested sides are multiples of this


@dataclasses.dataclass(frozen=True)
class Survey:
    """What a sample of the images looks like.

    Attributes:
        sizes: int `[n, 2]`, heights and widths.
        channels: 1 if all are grey, else 3 (4 where pixels have alpha).
    """

    sizes: np.ndarray
    channels: int

    @property
    def typical_size(self):
        """Median height and width."""
        return tuple(int(side) for side in np.median(self.sizes, axis=0))

    @property
    def image_size(self):
        """A height and width for the model: the images' own if they are small and
        alike, else a square of their median side, at most 128 pixels."""
        if (self.sizes == self.sizes[0]).all() and self.sizes.max() <= SMALL:
            return self.typical_size
        side = min(np.median(self.sizes), LARGEST)
        side = max(int(round(side / STEP)) * STEP, STEP)
        return side, side


def survey_images(table):
    """Looks at up to 200 images, evenly spread over the table.

    Args:
        table: An `ImageTable`.

    Returns:
        A `Survey`.

    Raises:
        UserError: if none of them can be decoded.
    """
    if table.pixels is not None:
        height, width, channels = table.pixels.shape[1:]
        return Survey(np.array([[height, width]]), channels)
    rows = np.unique(np.linspace(0, len(table) - 1, SAMPLE).astype(int))
    sizes, grey = [], True
    for content in table.contents(rows, missing=b""):
        try:
            image = decode_image(tf.constant(content), 3).numpy()
        except tf.errors.OpError:
            continue
        sizes.append(image.shape[:2])
        grey = grey and bool((image == image[..., :1]).all())
    if not sizes:
        raise UserError("none of its images can be decoded", table.source)
    return Survey(np.array(sizes), 1 if grey else 3)
