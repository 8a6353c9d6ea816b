"""Scale, shift, rotation and flips, in one interpolation."""

import math

import tensorflow as tf

from .boxes import keep_visible, transform_boxes
from .chance import symmetric
from .pixels import FILL, to_pixels


def random_affine(
    image,
    boxes,
    classes,
    seed,
    *,
    height,
    width,
    fit=True,
    scale=0.5,
    translate=0.1,
    rotation=0.0,
    flip=0.0,
    flip_vertical=0.0,
):
    """Scales, shifts, rotates and flips an example at random.

    The filter is bilinear and not antialiased. At half the size a photo comes
    out a little sharper than by an antialiased one (34 dB apart); an image that
    is much larger than `height` and `width` should be made smaller before.

    Args:
        image: uint8 `[h, w, channels]`.
        boxes: float32 `[n, 4]`.
        classes: Integers `[n]`.
        seed: Integers `[2]`.
        height: Height of the result in pixels.
        width: Width of the result in pixels.
        fit: Whether the image is first letterboxed to the result's size. If
            not, it is put in its middle as it is.
        scale: The size changes by a factor within `1 - scale` and `1 + scale`.
        translate: Largest shift, as a share of the result's sides.
        rotation: Largest rotation to either side, in degrees.
        flip: Probability of left and right being exchanged.
        flip_vertical: Probability of top and bottom being exchanged.

    Returns:
        A tuple `(image, boxes, classes)`; the image is uint8
        `[height, width, channels]`, grey where there is nothing to see. Boxes
        are clipped; dropped if less than 2 pixels wide or high or a tenth of
        their area is left. A rotated box is the upright box around it, so it
        is too large where its corners are cut off or its object does not reach
        them.
    """
    place = letterbox_matrix if fit else centre_matrix
    change = random_matrix(
        seed,
        height,
        width,
        scale=scale,
        translate=translate,
        rotation=rotation,
        flip=flip,
        flip_vertical=flip_vertical,
    )
    pixels, boxes, classes = apply_affine(
        image,
        boxes,
        classes,
        tf.matmul(change, place(image, height, width)),
        height,
        width,
        upright=not rotation,
    )
    return to_pixels(pixels), boxes, classes


def apply_affine(image, boxes, classes, matrix, height, width, upright):
    """Moves an image and its boxes by a matrix; see `warp_image`.

    Returns:
        A tuple `(pixels, boxes, classes)`, the pixels as float32.
    """
    pixels = warp_image(image, matrix, height, width, upright=upright)
    boxes, classes = keep_visible(
        transform_boxes(boxes, matrix),
        classes,
        tf.constant([0, 0, width, height], tf.float32),
    )
    return pixels, boxes, classes


def random_matrix(
    seed, height, width, *, scale, translate, rotation, flip, flip_vertical
):
    """Draws what `random_affine` does to an image of its result's size."""
    signed = symmetric(seed, [6])
    factor = 1.0 + scale * signed[0]
    angle = rotation * math.pi / 180.0 * signed[1]
    shift_x, shift_y = translate * width * signed[2], translate * height * signed[3]
    chance = (signed[4:] + 1.0) / 2.0
    sign_x = tf.where(chance[0] < flip, -factor, factor)
    sign_y = tf.where(chance[1] < flip_vertical, -factor, factor)
    cos, sin = tf.cos(angle), tf.sin(angle)
    a, b = cos * sign_x, -sin * sign_y
    c, d = sin * sign_x, cos * sign_y
    x, y = width / 2.0, height / 2.0  # what stays in place
    return _matrix(
        [a, b, x - a * x - b * y + shift_x], [c, d, y - c * x - d * y + shift_y]
    )


def letterbox_matrix(image, height, width):
    """Returns what puts a whole image into a frame, as `resize_image` does."""
    size = tf.shape(image)[:2]
    inner = fitted_sizes(size, height, width)
    offset = tf.cast((tf.stack([height, width]) - inner) // 2, tf.float32)
    factor = tf.cast(inner / size, tf.float32)
    return _matrix([factor[1], 0.0, offset[1]], [0.0, factor[0], offset[0]])


def centre_matrix(image, height, width):
    """Returns what puts an image into the middle of a frame as it is."""
    offset = (tf.stack([height, width]) - tf.shape(image)[:2]) // 2
    offset = tf.cast(offset, tf.float32)
    return _matrix([1.0, 0.0, offset[1]], [0.0, 1.0, offset[0]])


def fitted_sizes(sizes, height, width):
    """Returns the size of whole images in a frame, as `resize_image` rounds it.

    Args:
        sizes: int32 `[..., 2]`, heights and widths; below 1 they count as 1.
        height: Height of the frame.
        width: Width of the frame.

    Returns:
        int32 `[..., 2]`.
    """
    sizes = tf.maximum(tf.cast(sizes, tf.float64), 1.0)
    frame = tf.constant([height, width], tf.float64)
    factor = tf.reduce_min(frame / sizes, axis=-1, keepdims=True)
    return tf.cast(tf.clip_by_value(tf.round(sizes * factor), 1.0, frame), tf.int32)


def warp_image(image, matrix, height, width, upright=False):
    """Moves the pixels of an image by an affine matrix.

    Args:
        image: uint8 `[h, w, channels]`.
        matrix: float32 `[3, 3]`, from old to new `(x, y, 1)` in the continuous
            coordinates of boxes.
        height: Height of the result in pixels.
        width: Width of the result in pixels.
        upright: Whether the matrix is known to keep the axes: it scales, shifts
            and flips but does not rotate. This is two times as fast.

    Returns:
        float32 `[height, width, channels]`, values 0 to 255, not rounded; 114
        outside the image.
    """
    # A pixel's index counts from its middle, coordinates count from its edge.
    half = _matrix([1.0, 0.0, 0.5], [0.0, 1.0, 0.5])
    back = _matrix([1.0, 0.0, -0.5], [0.0, 1.0, -0.5])
    inverse = tf.matmul(back, tf.matmul(tf.linalg.inv(matrix), half))
    sample = _sample_upright if upright else _sample
    pixels = sample(image, inverse, height, width)
    pixels.set_shape([height, width, image.shape[-1]])
    return pixels


def _sample(image, inverse, height, width):
    pixels = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(image[None], tf.float32),
        transforms=tf.reshape(inverse, [1, 9])[:, :8],
        output_shape=[height, width],
        fill_value=FILL,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return pixels[0]


def _sample_upright(image, inverse, height, width):
    # The border is for pixels that are half image, half fill: the op would make
    # them all fill, and also those that rounding puts a hair outside.
    image = tf.pad(image, [[1, 1], [1, 1], [0, 0]], constant_values=FILL)
    last = tf.cast(tf.shape(image)[:2] - 1, tf.float32)
    step = tf.stack([inverse[1, 1], inverse[0, 0]])
    start = tf.stack([inverse[1, 2], inverse[0, 2]]) + 1.0
    end = start + step * tf.constant([height - 1, width - 1], tf.float32)
    pixels = tf.raw_ops.CropAndResize(
        image=image[None],
        boxes=tf.concat([start / last, end / last], axis=0)[None],
        box_ind=[0],
        crop_size=[height, width],
        extrapolation_value=FILL,
    )
    return pixels[0]


def _matrix(*rows):
    return tf.stack([*map(tf.stack, rows), tf.constant([0.0, 0.0, 1.0])])
