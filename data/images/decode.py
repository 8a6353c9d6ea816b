"""Encoded images to pixels inside the graph, for training and for serving."""

import tensorflow as tf

from .exif import jpeg_orientation, may_have_exif, turn_upright
from .gif import first_frame
from .headers import (
    GIF,
    JPEG,
    MAX_PIXELS,
    PNG,
    decode_error,
    image_format,
    jpeg_pixels,
    read_head,
    refusal,
)

RESIZE_POLICIES = ("squash", "crop", "letterbox")
_MAX_PARALLEL = 16  # TensorFlow's own thread pool bounds it further


def decode_image(contents, channels):
    """Decodes a JPEG, PNG, GIF, BMP or WebP image.

    A JPEG is turned upright by its EXIF orientation. The first frame of an
    animated GIF is taken. Transparent pixels keep their colours where the
    alpha channel is dropped. 16 bits are cut to the upper 8.

    Args:
        contents: Scalar string, the encoded image.
        channels: `1` (luma, ITU-R BT.601 rounded to the nearest value), `3`
            (RGB) or `4` (RGB and alpha, which is read from PNG and is 255
            for the other formats).

    Returns:
        uint8 `[height, width, channels]`, values 0 to 255.

    Raises:
        tf.errors.InvalidArgumentError: if the bytes are not a whole image of
            these formats, are larger than `MAX_PIXELS`, or are an animated
            WebP or a BMP with a colour palette, which TensorFlow decodes
            wrongly.
    """
    if channels not in (1, 3, 4):
        raise ValueError(
            "Invalid value for `channels`: expected 1, 3 or 4, "
            f"received channels={channels}"
        )
    return decode_inspected(contents, *inspect_image(contents), channels)


def inspect_image(contents):
    """Reads from an image's header what `decode_inspected` needs.

    Args:
        contents: Scalar string, the encoded image.

    Returns:
        Two int32 scalars: the format (see `headers`) and the EXIF orientation.

    Raises:
        tf.errors.InvalidArgumentError: if the image must not be decoded.
    """
    head = read_head(contents)
    kind = image_format(head)
    reason = tf.cond(
        tf.equal(kind, JPEG), lambda: "", lambda: refusal(contents, head, kind)
    )
    orientation = tf.cond(
        may_have_exif(head, kind), lambda: jpeg_orientation(contents), lambda: 1
    )
    accepted = _assert(tf.equal(reason, ""), reason)
    with tf.control_dependencies([accepted, _check_size(contents, kind)]):
        return tf.identity(kind), tf.identity(orientation)


def decode_inspected(contents, kind, orientation, channels):
    """Decodes an image that `inspect_image` has let pass; see `decode_image`.

    Args:
        contents: Scalar string, the encoded image.
        kind: Its format, int32 scalar.
        orientation: Its EXIF orientation, int32 scalar.
        channels: As in `decode_image`.

    Returns:
        uint8 `[height, width, channels]`.
    """
    pixels = _decode(_first_frame(contents, kind), kind, with_alpha=channels == 4)
    return _finish(pixels, orientation, channels)


def decode_batch(contents, channels, transform, element_spec):
    """Decodes a batch of which any row may be bad, without failing the others.

    Args:
        contents: string `[N]`, encoded images. `N` may be 0.
        channels: As in `decode_image`.
        transform: Function of one decoded image, uint8
            `[height, width, channels]`, that returns a tensor, or a structure
            of tensors, of one shape whatever the image's size, e.g. by
            `resize_image`.
        element_spec: `tf.TensorSpec` of what `transform` returns, or a
            structure of them.

    Returns:
        A tuple `(images, valid, error)`: what `transform` returned, `[N, ...]`,
        all zeros where the row is bad; bool `[N]`; string `[N]` that says in a
        few words what is wrong with a bad row, empty for the good ones.
    """
    n = tf.size(contents)
    head = read_head(contents)
    kind = image_format(head)
    accepted = tf.cond(
        tf.reduce_all(tf.equal(kind, JPEG)),
        lambda: tf.fill([n], True),
        lambda: tf.equal(refusal(contents, head, kind), ""),
    )
    turned = may_have_exif(head, kind)
    orientation = tf.cond(
        tf.reduce_any(turned),
        lambda: _orientations(contents, turned),
        lambda: tf.ones([n], tf.int32),
    )

    columns = contents, kind, orientation
    images, valid = tf.cond(
        tf.equal(n, 1),
        lambda: _decode_one(columns, accepted, channels, transform, element_spec),
        lambda: _decode_many(columns, accepted, channels, transform, element_spec),
    )
    tf.nest.map_structure(
        lambda rows, spec: rows.set_shape([contents.shape[0], *spec.shape]),
        images,
        element_spec,
    )
    valid.set_shape(contents.shape)
    error = tf.cond(
        tf.reduce_all(valid),
        lambda: tf.fill([n], ""),
        lambda: _errors(contents, valid),
    )
    error.set_shape(contents.shape)
    return images, valid, error


def resize_image(image, height, width, policy, fill=0):
    """Resizes with an antialiased bilinear filter.

    Args:
        image: `[height, width, channels]` or `[N, height, width, channels]`
            of a numeric dtype, of any size from 1 x 1 on.
        height: Height of the result in pixels.
        width: Width of the result in pixels.
        policy: `"squash"` scales both sides freely, `"crop"` first cuts the
            centre of the right aspect ratio, `"letterbox"` scales the whole
            image and fills the rest.
        fill: What `"letterbox"` fills the rest with.

    Returns:
        float32 of the same rank, in the value range of `image`. Values are
        not rounded: a cast to an integer truncates, so round first.

    Raises:
        ValueError: if `policy` is unknown.
    """
    if policy == "squash":
        return _resize(image, (height, width))
    if policy == "crop":
        return _resize(_centre_crop(image, height, width), (height, width))
    if policy == "letterbox":
        return _letterbox(image, height, width, fill)
    raise ValueError(
        f"Invalid value for `policy`: expected one of {', '.join(RESIZE_POLICIES)}, "
        f"received policy={policy!r}"
    )


# `ignore_errors` of tf.data is the one way to catch a failing op inside a graph, and
# its ops run on any server, unlike a Python function. Each call builds the dataset's
# function anew, which takes time with every op in it; so what cannot fail is outside.


def _decode_many(columns, accepted, channels, transform, element_spec):
    """Decodes rows side by side; returns `(images, valid)` of all of them."""
    n = tf.size(accepted)

    def decode(index, contents, kind, orientation):
        with tf.control_dependencies([_check_size(contents, kind)]):
            contents = tf.identity(contents)
        image = decode_inspected(contents, kind, orientation, channels)
        return index, transform(image)

    # The rows carry their own index, and one more keeps the batch from being empty.
    columns = [tf.boolean_mask(column, accepted) for column in (tf.range(n), *columns)]
    parallel = tf.cast(tf.clip_by_value(n, 1, _MAX_PARALLEL), tf.int64)
    rows = tf.data.Dataset.from_tensor_slices(tuple(columns))
    rows = rows.map(decode, num_parallel_calls=parallel, deterministic=True)
    rows = rows.ignore_errors()
    last = (tf.constant(-1), _zeros(element_spec))
    rows = rows.concatenate(tf.data.Dataset.from_tensors(last))
    index, images = rows.batch(tf.cast(n, tf.int64) + 1).get_single_element()
    index = index[:-1, None]
    images = tf.nest.map_structure(lambda rows: rows[:-1], images)
    valid = tf.scatter_nd(index, tf.ones_like(index[:, 0]), n[None]) > 0
    images = tf.nest.map_structure(
        lambda rows: tf.scatter_nd(
            index, rows, tf.concat([n[None], tf.shape(rows)[1:]], axis=0)
        ),
        images,
    )
    return images, valid


def _decode_one(columns, accepted, channels, transform, element_spec):
    """Decodes a single row; returns `(images, valid)` with one row."""
    contents, kind, orientation = columns

    def decode(contents, kind):
        with tf.control_dependencies([_check_size(contents, kind)]):
            contents = tf.identity(contents)
        return _decode(_first_frame(contents, kind), kind, with_alpha=channels == 4)

    row = [tf.boolean_mask(column, accepted) for column in (contents, kind)]
    row = tf.data.Dataset.from_tensor_slices(tuple(row)).map(decode).ignore_errors()
    none = tf.zeros([0, 0, 4 if channels == 4 else 3], tf.uint8)
    row = row.concatenate(tf.data.Dataset.from_tensors(none)).take(1)
    pixels = row.get_single_element()
    valid = tf.size(pixels) > 0
    image = tf.cond(
        valid,
        lambda: transform(_finish(pixels, orientation[0], channels)),
        lambda: _zeros(element_spec),
    )
    return tf.nest.map_structure(lambda part: part[None], image), valid[None]


def _zeros(element_spec):
    return tf.nest.map_structure(
        lambda spec: tf.zeros(spec.shape, spec.dtype), element_spec
    )


def _first_frame(contents, kind):
    """Cuts a GIF off after its first frame; leaves other formats alone."""
    return tf.cond(tf.equal(kind, GIF), lambda: first_frame(contents), lambda: contents)


def _decode(contents, kind, with_alpha):
    """Returns uint8 `[height, width, 3]`, or 4 with alpha, as the file has them."""

    # `channels=0` and `expand_animations=True` reach decoders that corrupt
    # memory in TensorFlow 2.21.
    def decode(channels):
        return tf.io.decode_image(contents, channels, expand_animations=False)

    def decode_jpeg():
        # The default method is off by up to 12 levels. This one gives the very
        # pixels of Pillow and OpenCV.
        return tf.io.decode_jpeg(contents, 3, dct_method="INTEGER_ACCURATE")

    if not with_alpha:
        return tf.cond(tf.equal(kind, JPEG), decode_jpeg, lambda: decode(3))
    return tf.case(
        [
            (tf.equal(kind, JPEG), lambda: _append_alpha(decode_jpeg())),
            (tf.equal(kind, PNG), lambda: decode(4)),
        ],
        default=lambda: _append_alpha(decode(3)),
    )


def _finish(pixels, orientation, channels):
    """Turns decoded pixels upright and gives them their channels."""
    pixels = tf.cond(
        orientation > 1, lambda: turn_upright(pixels, orientation), lambda: pixels
    )
    if channels == 1:
        pixels = _luma(pixels)
    pixels.set_shape([None, None, channels])
    return pixels


def _orientations(contents, turned):
    def orientation(row):
        encoded, is_turned = row
        return tf.cond(is_turned, lambda: jpeg_orientation(encoded), lambda: 1)

    return tf.map_fn(
        orientation,
        (contents, turned),
        fn_output_signature=tf.TensorSpec([], tf.int32),
    )


def _check_size(contents, kind):
    """Fails for a JPEG that is too large; `refusal` looks at the others."""
    pixels = tf.cond(
        tf.equal(kind, JPEG),
        lambda: jpeg_pixels(contents),
        lambda: tf.constant(0, tf.int64),
    )
    return _assert(pixels <= MAX_PIXELS, "too large")


def _assert(condition, message):
    # The raw op: `tf.debugging.Assert` would wrap it in a conditional, which
    # costs more than a small image's decoding.
    return tf.raw_ops.Assert(condition=condition, data=[message], summarize=1)


def _append_alpha(rgb):
    return tf.concat([rgb, tf.ones_like(rgb[..., :1]) * 255], axis=-1)


def _luma(rgb):
    # Fixed-point weights that sum to 2**16, so that grey stays as it is.
    weights = tf.constant([19595, 38470, 7471])
    total = tf.reduce_sum(tf.cast(rgb, tf.int32) * weights, -1, keepdims=True)
    return tf.cast(tf.bitwise.right_shift(total + 2**15, 16), tf.uint8)


def _errors(contents, valid):
    def describe(row):
        encoded, is_valid = row
        return tf.cond(is_valid, lambda: "", lambda: decode_error(encoded))

    return tf.map_fn(
        describe, (contents, valid), fn_output_signature=tf.TensorSpec([], tf.string)
    )


def _resize(image, size):
    return tf.cast(tf.image.resize(image, size, antialias=True), tf.float32)


def _sides(image):
    shape = tf.cast(tf.shape(image), tf.float64)
    return shape[-3], shape[-2]


def _whole(length, limit):
    """Rounds a length to pixels, from 1 to `limit`."""
    return tf.cast(tf.clip_by_value(tf.round(length), 1.0, limit), tf.int32)


# Keras' `crop_to_aspect_ratio` and `pad_to_aspect_ratio` count in int32, which
# overflows for long images, and pad before they resize: a strip of 1 x 60,000
# pixels would become 10 GB.


def _centre_crop(image, height, width):
    rows, columns = _sides(image)
    kept_rows = _whole(columns * height / width, rows)
    kept_columns = _whole(rows * width / height, columns)
    top = (tf.shape(image)[-3] - kept_rows) // 2
    left = (tf.shape(image)[-2] - kept_columns) // 2
    return image[..., top : top + kept_rows, left : left + kept_columns, :]


def _letterbox(image, height, width, fill):
    rows, columns = _sides(image)
    scale = tf.minimum(height / rows, width / columns)
    inner_rows = _whole(rows * scale, tf.cast(height, tf.float64))
    inner_columns = _whole(columns * scale, tf.cast(width, tf.float64))
    inner = _resize(image, tf.stack([inner_rows, inner_columns]))
    top, left = (height - inner_rows) // 2, (width - inner_columns) // 2
    padding = [[top, height - inner_rows - top], [left, width - inner_columns - left]]
    result = tf.pad(
        inner,
        [*[[0, 0]] * (image.shape.rank - 3), *padding, [0, 0]],
        constant_values=fill,
    )
    result.set_shape([*image.shape[:-3], height, width, image.shape[-1]])
    return result
