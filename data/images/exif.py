"""The EXIF orientation of JPEG images, read inside the graph."""

import tensorflow as tf

from .headers import JPEG, rarely_called

_SEARCHED = 2**18  # bytes of a file in which the EXIF segment is looked for


def may_have_exif(head, kind):
    """Tells from the first bytes whether an image may have an EXIF segment.

    Nearly all JPEG files without one start with a JFIF segment of 16 bytes
    and go on with tables: they are told apart here, without walking segments.

    Args:
        head: What `headers.read_head` returned, int64 `[..., 54]`.
        kind: What `headers.image_format` returned, int32 `[...]`.

    Returns:
        bool `[...]`.
    """
    jfif = tf.constant([0xE0, 0, 16], tf.int64)
    plain_jfif = tf.reduce_all(tf.equal(head[..., 3:6], jfif), axis=-1)
    marker = tf.where(plain_jfif, head[..., 21], head[..., 3])
    return tf.equal(kind, JPEG) & _is_metadata(marker)


@rarely_called
def jpeg_orientation(contents):
    """Reads the EXIF orientation of a JPEG.

    Malformed EXIF data, unknown values and data cut off count as upright. The
    EXIF segment is looked for in the first 256 KiB.

    Args:
        contents: Scalar string, a JPEG.

    Returns:
        int32 scalar from 1 (upright) to 8.

    Reference: CIPA DC-008 (EXIF 2.32), sections 4.5.4, 4.6.2 and 4.7.2.
    """
    data = tf.io.decode_raw(tf.strings.substr(contents, 0, _SEARCHED), tf.uint8)
    data = tf.cast(data, tf.int32)
    name = tf.constant(list(b"Exif\0\0"))

    def is_exif(at):
        segment = tf.pad(data[at : at + 10], [[0, 10]])[:10]
        return tf.equal(segment[1], 0xE1) & tf.reduce_all(tf.equal(segment[4:], name))

    def goes_on(at):
        marker = tf.pad(data[at : at + 4], [[0, 4]])[:4]
        is_segment = tf.equal(marker[0], 0xFF) & _is_metadata(marker[1])
        return is_segment & (at + 4 <= tf.size(data)) & tf.logical_not(is_exif(at))

    def end(at):
        return at + 2 + tf.maximum(data[at + 2] * 256 + data[at + 3], 2)

    (at,) = tf.while_loop(goes_on, lambda at: (end(at),), (tf.constant(2),))
    return tf.cond(
        is_exif(at), lambda: _read_directory(data[at + 10 : end(at)]), lambda: 1
    )


@rarely_called
def turn_upright(pixels, orientation):
    """Turns and mirrors an image as its EXIF orientation asks for.

    Args:
        pixels: `[height, width, channels]`.
        orientation: int32 scalar from 1 to 8.

    Returns:
        The upright image; height and width are swapped from 5 on.
    """
    swapped = orientation >= 5
    pixels = tf.transpose(pixels, tf.where(swapped, [1, 0, 2], [0, 1, 2]))
    mirrored = tf.gather([0, 0, 1, 1, 0, 0, 1, 1, 0], orientation) > 0
    flipped = tf.gather([0, 0, 0, 1, 1, 0, 0, 1, 1], orientation) > 0
    return tf.reverse(pixels, tf.boolean_mask([0, 1], tf.stack([flipped, mirrored])))


def _read_directory(tiff):
    """The orientation in the first directory of an EXIF block, int32 `[size]`."""
    size = tf.size(tiff)
    tiff = tf.pad(tiff, [[0, 8]])
    is_big = tf.equal(tiff[0], 0x4D)
    order = tf.where(is_big, [0x4D, 0x4D, 0, 42], [0x49, 0x49, 42, 0])

    def number(pairs):
        return tf.reduce_sum(pairs * tf.where(is_big, [256, 1], [1, 256]), axis=-1)

    # A directory beyond 64 KiB would lie outside the segment.
    upper = number(tf.where(is_big, tiff[4:6], tiff[6:8]))
    start = number(tf.where(is_big, tiff[6:8], tiff[4:6]))
    known = tf.reduce_all(tf.equal(tiff[:4], order)) & tf.equal(upper, 0)
    start = tf.where(known, tf.minimum(start, size), size)
    entries = tiff[start + 2 : size]
    count = tf.minimum(number(tiff[start : start + 2]), tf.size(entries) // 12)
    entries = tf.reshape(entries[: count * 12], [-1, 12])
    tag, kind = number(entries[:, 0:2]), number(entries[:, 2:4])
    value = number(entries[:, 8:10])
    is_short = tf.equal(tag, 0x0112) & tf.equal(kind, 3)
    found = is_short & (value >= 1) & (value <= 8)
    return tf.concat([value[found], [1]], axis=0)[0]


def _is_metadata(marker):
    # APP0 to APP15, and comments
    return ((marker >= 0xE0) & (marker <= 0xEF)) | tf.equal(marker, 0xFE)
