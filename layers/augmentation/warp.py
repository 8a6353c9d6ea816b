"""Bilinear look-up of pixels at any place, by gathers."""

from keras import ops

FILLS = ("reflect", "nearest", "constant")


def bilinear_sample(images, rows, columns, fill="reflect", fill_value=0.0):
    """Read images at real-valued coordinates.

    Args:
        images: `[batch, height, width, channels]`, any number type.
        rows: `float32[batch, out_height, out_width]` in pixels, 0 being the centre
            of the first row.
        columns: The same across.
        fill: What lies beyond the image: `"reflect"` (`d c b a | a b c d`),
            `"nearest"` or `"constant"`.
        fill_value: The pixel value for `"constant"`.

    Returns:
        `float32[batch, out_height, out_width, channels]`.
    """
    batch, height, width, channels = ops.shape(images)
    # One pixel around the image leaves four neighbours to every place in it, and
    # makes each way of filling a matter of moving the coordinates.
    border = ((0, 0), (1, 1), (1, 1), (0, 0))
    if fill == "constant":
        padded = ops.pad(images, border, constant_values=fill_value)
    else:
        padded = ops.pad(images, border, mode="symmetric")
    top, down = _split(_inside(rows, height, fill), height)
    left, right = _split(_inside(columns, width, fill), width)

    # The four neighbours side by side: one gather instead of four.
    patches = ops.concatenate(
        [
            padded[:, :-1, :-1],
            padded[:, :-1, 1:],
            padded[:, 1:, :-1],
            padded[:, 1:, 1:],
        ],
        axis=-1,
    )
    image = ops.reshape(ops.arange(batch, dtype="int32"), (-1, 1, 1))
    indices = (image * (height + 1) + top) * (width + 1) + left
    patches = ops.reshape(patches, (-1, 4 * channels))
    neighbours = ops.cast(ops.take(patches, indices, axis=0), "float32")

    down, right = down[..., None], right[..., None]
    upper_left, upper_right, lower_left, lower_right = ops.split(neighbours, 4, -1)
    upper = upper_left + right * (upper_right - upper_left)
    lower = lower_left + right * (lower_right - lower_left)
    return upper + down * (lower - upper)


def _inside(places, size, fill):
    """Coordinates in the image or at most one pixel beside it."""
    size = ops.cast(size, "float32")
    if fill == "reflect":
        places = ops.mod(places + 0.5, 2 * size)
        return ops.minimum(places, 2 * size - places) - 0.5
    return ops.clip(places, -1.0, size)


def _split(places, size):
    """Index into the padded image of the neighbour before, and the share beyond."""
    floor = ops.clip(ops.floor(places), -1.0, ops.cast(size, "float32") - 1)
    return ops.cast(floor, "int32") + 1, places - floor
