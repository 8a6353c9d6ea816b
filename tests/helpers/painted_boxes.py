"""Boxes painted into images, and found again after the images have changed."""

import numpy as np


def paint(height, width, boxes, channels, first_channel=0):
    """A black image; each box is white in a channel of its own.

    Returns the image uint8 `[height, width, channels]`, the boxes as float32, and
    the channels as classes.
    """
    image = np.zeros((height, width, channels), np.uint8)
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    classes = first_channel + np.arange(len(boxes), dtype=np.int32)
    for (x1, y1, x2, y2), channel in zip(boxes.astype(int), classes, strict=True):
        image[y1:y2, x1:x2, channel] = 255
    return image, boxes, classes


def random_box(rng, height, width, smallest=6):
    """A box with whole coordinates inside an image."""
    w, h = rng.integers(smallest, [width, height])
    x, y = rng.integers(0, [width - w + 1, height - h + 1])
    return [x, y, x + w, y + h]


def found_box(image, channel):
    """The extent of what is white in a channel, or `None`.

    An edge lies where the brightness, interpolated between the middles of the
    pixels, crosses half of its maximum.
    """
    image = np.asarray(image, np.float64)
    score = image[..., channel] - image.min(axis=-1)  # the fill is grey
    if score.max() < 20:
        return None
    (x1, x2), (y1, y2) = (_extent(score.max(axis=axis)) for axis in (0, 1))
    return np.array([x1, y1, x2, y2])


def _extent(profile):
    bright = profile / profile.max() - 0.5
    inside = np.flatnonzero(bright >= 0)
    return _crossing(bright, inside[0], -1), _crossing(bright, inside[-1], 1)


def _crossing(bright, last, step):
    beyond = last + step
    if not 0 <= beyond < len(bright):
        return last + 0.5 + step * 0.5  # the image's own edge
    share = bright[last] / (bright[last] - bright[beyond])
    return last + 0.5 + step * share
