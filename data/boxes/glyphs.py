"""Small grey glyphs, drawn smoothly at any size, place and angle.

What a library may compute differently in the last bit, sines and sums of products,
is rounded; the rest is element-wise arithmetic. So every machine draws the same.
"""

import math

import numpy as np

CELLS = 8  # cells of a glyph a side
VISIBLE = 0.25  # a pixel is the glyph's from this coverage on
_MARGIN = 1  # empty cells around the glyph, in which its strokes fade out
_FINE = 8  # samples a cell
_SAMPLES = (CELLS + 2 * _MARGIN) * _FINE  # a side
# Coverage rises from 0 to 1 between these ink values: strokes are solid, edges soft.
_FAINT, _SOLID = 0.3, 0.85


class Glyph:
    """A glyph that can be drawn at any size, place and angle.

    Args:
        ink: `[8, 8]` of values from 0 to 1.
    """

    def __init__(self, ink):
        weights = _cubic_weights()
        ink = weights @ np.pad(np.asarray(ink, np.float64), _MARGIN) @ weights.T
        share = np.clip((ink - _FAINT) / (_SOLID - _FAINT), 0, 1)
        coverage = np.round(share * share * (3 - 2 * share), 6)
        # Beyond its edge, sampling meets zeros.
        coverage[[0, -1]] = coverage[:, [0, -1]] = 0
        self._coverage = coverage.astype(np.float32).ravel()
        self._reach = _outline(coverage > 0)

    def stamp(self, side, angle, offset=(0.0, 0.0)):
        """Draws the glyph as the coverage of pixels.

        Args:
            side: Side of the glyph's 8 x 8 cells in pixels.
            angle: Clockwise turn in degrees.
            offset: x and y of the centre of the cells.

        Returns:
            A tuple `(coverage, left, top)`: float32 `[height, width]` from 0 to 1,
            and the pixel column and row at which it begins.
        """
        cosine, sine = _turn(angle)
        reach = self._reach @ np.array([(cosine, sine), (-sine, cosine)])
        reach = reach * (side / CELLS / _FINE) + offset
        (left, top), (right, bottom) = reach.min(axis=0), reach.max(axis=0)
        left, top = math.floor(left) - 1, math.floor(top) - 1
        x = np.arange(left, math.ceil(right) + 1)[None, :] + (0.5 - offset[0])
        y = np.arange(top, math.ceil(bottom) + 1)[:, None] + (0.5 - offset[1])
        # From pixels back to samples, whose centres lie at half numbers too.
        scale, middle = CELLS * _FINE / side, _SAMPLES / 2 - 0.5
        column = (cosine * scale) * x + ((sine * scale) * y + middle)
        row = (cosine * scale) * y + (middle - (sine * scale) * x)
        return self._sample(row, column), left, top

    def _sample(self, row, column):
        """Bilinear interpolation."""
        row, column = (np.clip(at, 0, _SAMPLES - 1.001) for at in (row, column))
        top, left = row.astype(np.int32), column.astype(np.int32)
        down = (row - top).astype(np.float32)
        right = (column - left).astype(np.float32)
        at = top * _SAMPLES + left
        upper, lower = self._coverage[at], self._coverage[at + _SAMPLES]
        upper += (self._coverage[at + 1] - upper) * right
        lower += (self._coverage[at + _SAMPLES + 1] - lower) * right
        return upper + (lower - upper) * down


def corners(side, angle):
    """Where the corners of a glyph's cells lie, relative to its centre.

    Args:
        side: As in `Glyph.stamp`.
        angle: As in `Glyph.stamp`.

    Returns:
        float64 `[4, 2]` of x, y: top left, top right, bottom right and bottom
        left, as the glyph is read.
    """
    cosine, sine = _turn(angle)
    square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * side / 2
    return square @ np.array([(cosine, sine), (-sine, cosine)])


def visible_box(coverage):
    """Returns the tight box around the visible pixels: x1, y1, x2, y2."""
    visible = coverage >= VISIBLE
    rows = np.flatnonzero(visible.any(axis=1))
    columns = np.flatnonzero(visible.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def _turn(angle):
    """Cosine and sine, the same to the last bit whatever the machine's library."""
    radians = math.radians(angle)
    return round(math.cos(radians), 9), round(math.sin(radians), 9)


def _cubic_weights():
    """Catmull-Rom weights from cells to samples, `[samples, cells]`."""
    place = (np.arange(_SAMPLES) + 0.5) / _FINE - 0.5
    distance = np.abs(place[:, None] - np.arange(_SAMPLES // _FINE)[None, :])
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0))


def _outline(mask):
    """Returns x, y of the first and last samples of each row, from the centre."""
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    columns = np.concatenate([first, last])
    return np.column_stack([columns, np.tile(rows, 2)]) - (_SAMPLES / 2 - 0.5)
