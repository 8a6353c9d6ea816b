"""What an encoded image's first bytes say, read inside the graph.

TensorFlow's decoder trusts the file: some inputs crash the process, some are
decoded to wrong colours, some claim gigabytes of pixels. The checks here run
before it, so that one bad row can never take a server down. They work on one
image (a scalar string) and on a batch (a vector) alike.
"""

import functools

import tensorflow as tf

# 67 million pixels take 200 MB as RGB; a PNG of this size can be 200 KB.
MAX_PIXELS = 2**26

JPEG, PNG, GIF, BMP, WEBP, OTHER = range(6)
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WebP")

_TOO_LARGE = f"larger than {MAX_PIXELS // 10**6} million pixels"
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"RIFF....WEBP")
_HEAD = 54  # up to where a BMP's palette begins, the farthest field read

# The runtime visits every op of a conditional's branches, taken or not, unless
# they are behind a function call. For a small image, the ops that are seldom
# needed would take longer than decoding it.
rarely_called = functools.partial(
    tf.function, autograph=False, experimental_attributes={"_noinline": True}
)


def read_head(contents):
    """Returns the first bytes, int64 `[..., 54]`, padded with zeros."""
    head = tf.strings.substr(contents, 0, _HEAD)
    return tf.cast(tf.io.decode_raw(head, tf.uint8, fixed_length=_HEAD), tf.int64)


def image_format(head):
    """Tells the format by its signature.

    Args:
        head: What `read_head` returned.

    Returns:
        int32 `[...]`: `JPEG`, `PNG`, `GIF`, `BMP`, `WEBP` or `OTHER`.
    """
    longest = max(len(signature) for signature in _SIGNATURES)
    padded = [list(signature.ljust(longest, b".")) for signature in _SIGNATURES]
    free = [[byte == ord(".") for byte in signature] for signature in padded]
    padded.append([0] * longest)
    free.append([True] * longest)
    same = (head[..., None, :longest] == tf.constant(padded, tf.int64)) | free
    matches = tf.cast(tf.reduce_all(same, axis=-1), tf.int32)
    return tf.argmax(matches, axis=-1, output_type=tf.int32)


@rarely_called
def refusal(contents, head, kind):
    """Says why an image must not be given to the decoder.

    Refused are files that would crash the process (animated WebP), decode to
    wrong colours (BMP with a palette or with run-length coding) or claim more
    than `MAX_PIXELS`. A JPEG is held to that limit when it is decoded.

    Args:
        contents: string `[...]`, encoded images.
        head: What `read_head` returned for them.
        kind: What `image_format` returned for them.

    Returns:
        string `[...]`, empty where there is nothing to refuse.
    """
    webp_reason, webp_sides = _inspect_webp(head)
    bmp_reason, bmp_sides = _inspect_bmp(contents, head, kind)
    png_sides = _uint(head, 16, 4, "big"), _uint(head, 20, 4, "big")
    gif_sides = _uint(head, 6, 2), _uint(head, 8, 2)
    empty = tf.equal(tf.strings.length(contents), 0)
    not_image = "not an image: expected JPEG, PNG, GIF, BMP or WebP"
    by_kind = [
        (PNG, _too_large(*png_sides)),
        (GIF, _too_large(*gif_sides)),
        (BMP, _first(bmp_reason, _too_large(*bmp_sides))),
        (WEBP, _first(webp_reason, _too_large(*webp_sides))),
        (OTHER, tf.where(empty, "empty input", not_image)),
    ]
    result = tf.fill(tf.shape(kind), "")
    for value, reason in by_kind:
        result = tf.where(tf.equal(kind, value), reason, result)
    return result


@rarely_called
def decode_error(contents):
    """Says in a few words why decoding failed.

    Args:
        contents: Scalar string, an encoded image that could not be decoded.

    Returns:
        Scalar string.
    """
    head = read_head(contents)
    kind = image_format(head)
    reason = tf.cond(
        tf.equal(kind, JPEG),
        lambda: _too_large(_jpeg_pixels_or_zero(contents), tf.constant(1, tf.int64)),
        lambda: refusal(contents, head, kind),
    )
    names = [f"damaged {name}" for name in FORMATS]
    damaged = tf.gather([*names, "not an image"], kind)
    return _first(reason, damaged)


def jpeg_pixels(contents):
    """Returns how many pixels a JPEG claims, int64 scalar; fails if damaged."""
    shape = tf.cast(tf.io.extract_jpeg_shape(contents), tf.int64)
    return shape[0] * shape[1]


def _jpeg_pixels_or_zero(contents):
    rows = tf.data.Dataset.from_tensors(contents).map(jpeg_pixels).ignore_errors()
    zero = tf.data.Dataset.from_tensors(tf.constant(0, tf.int64))
    return rows.concatenate(zero).take(1).get_single_element()


def _inspect_bmp(contents, head, kind):
    header_size, bits = _uint(head, 14, 4), head[..., 28] + 256 * head[..., 29]
    compression = _uint(head, 30, 4)
    # A negative height means rows stored from the top.
    height = _uint(head, 22, 4)
    height = tf.minimum(height, 2**32 - height)
    plain = tf.equal(compression, 0) | (tf.equal(bits, 32) & tf.equal(compression, 3))
    known_bits = tf.equal(bits, 8) | tf.equal(bits, 24) | tf.equal(bits, 32)
    supported = (header_size >= 40) & known_bits & plain
    suspect = tf.equal(kind, BMP) & supported & tf.equal(bits, 8)
    # The decoder would return the palette's indices as if they were grey.
    colours = tf.cond(
        tf.reduce_any(suspect),
        lambda: suspect & _has_colour_palette(contents, head, header_size),
        lambda: suspect,
    )
    reason = _first(
        tf.where(supported, "", "this kind of BMP is not supported"),
        tf.where(colours, "BMP with a colour palette is not supported", ""),
    )
    return reason, (_uint(head, 18, 4), height)


def _has_colour_palette(contents, head, header_size):
    used = _uint(head, 46, 4)
    used = tf.where(tf.equal(used, 0) | (used > 256), tf.constant(256, tf.int64), used)
    size = tf.cast(tf.strings.length(contents), tf.int64)
    start = tf.minimum(14 + header_size, size)
    palette = tf.strings.substr(contents, start, tf.ones_like(start) * 1024)
    palette = tf.io.decode_raw(palette, tf.uint8, fixed_length=1024)
    palette = tf.reshape(palette, tf.concat([tf.shape(start), [256, 4]], axis=0))
    index = tf.range(256, dtype=tf.int64)
    is_grey = tf.equal(tf.cast(palette[..., :3], tf.int64), index[:, None])
    is_grey = tf.reduce_all(is_grey, axis=-1) | (index >= used[..., None])
    return tf.logical_not(tf.reduce_all(is_grey, axis=-1))


def _inspect_webp(head):
    chunk = head[..., 12:16]
    extended = tf.reduce_all(tf.equal(chunk, tf.constant(list(b"VP8X"), tf.int64)), -1)
    lossless = tf.reduce_all(tf.equal(chunk, tf.constant(list(b"VP8L"), tf.int64)), -1)
    # Decoding an animation corrupts the heap in TensorFlow 2.21.
    animated = extended & tf.equal(head[..., 20] // 2 % 2, 1)
    packed = _uint(head, 21, 4)

    def side(if_extended, if_lossless, if_lossy):
        return tf.where(
            extended, if_extended, tf.where(lossless, if_lossless, if_lossy)
        )

    width = side(_uint(head, 24, 3) + 1, packed % 2**14 + 1, _uint(head, 26, 2) % 2**14)
    height = side(
        _uint(head, 27, 3) + 1, packed // 2**14 % 2**14 + 1, _uint(head, 28, 2) % 2**14
    )
    return tf.where(animated, "animated WebP is not supported", ""), (width, height)


def _uint(head, start, size, order="little"):
    powers = [256**k for k in range(size)]
    if order == "big":
        powers.reverse()
    powers = tf.constant(powers, tf.int64)
    return tf.reduce_sum(head[..., start : start + size] * powers, axis=-1)


def _too_large(width, height):
    # Each side first: the product of two 32-bit numbers could overflow.
    too_large = (tf.maximum(width, height) > MAX_PIXELS) | (width * height > MAX_PIXELS)
    return tf.where(too_large, _TOO_LARGE, "")


def _first(reason, other):
    return tf.where(tf.equal(reason, ""), other, reason)
