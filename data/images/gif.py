"""The first frame of a GIF, cut out inside the graph."""

import tensorflow as tf

from .headers import MAX_PIXELS, rarely_called

_EXTENSION, _FRAME = 0x21, 0x2C
_COLOURS, _FRAME_HEADER = 13, 10  # bytes before the tables of colours
_BLOCK = 255  # bytes in a full data block


@rarely_called
def first_frame(contents):
    """Cuts a GIF off after its first frame.

    TensorFlow decodes all frames to hand out the first, so 10 MB of frames
    could take 10 GB of memory. Nor does it hold frames to the size of the
    canvas.

    Args:
        contents: Scalar string, a GIF.

    Returns:
        Scalar string, a GIF of one frame. It cannot be decoded where that frame
        is damaged.

    Raises:
        tf.errors.InvalidArgumentError: if the frame has more than `MAX_PIXELS`.

    Reference: Graphics Interchange Format, version 89a, sections 18 to 23.
    """
    data = tf.io.decode_raw(contents, tf.uint8)
    size = tf.size(data)
    # Past the end there are zeros, which end any walk.
    data = tf.pad(data, [[0, _COLOURS + _FRAME_HEADER]])

    def byte(at):
        return tf.cast(data[tf.minimum(at, size)], tf.int32)

    def colours(at):
        flags = byte(at)
        table = 3 * tf.bitwise.left_shift(2, flags % 8)
        return tf.where(flags >= 128, table, 0)

    def after_blocks(at):
        def skip(at):
            # Nearly all blocks are full: a run of them is passed in one step.
            is_full = tf.cast(tf.equal(data[at :: _BLOCK + 1], _BLOCK), tf.int32)
            at += (_BLOCK + 1) * tf.reduce_sum(tf.math.cumprod(is_full))
            return (at + byte(at) + 1,)

        def is_block(at):
            return tf.logical_and(at < size, byte(at) > 0)

        (at,) = tf.while_loop(is_block, skip, (at,))
        return at + 1

    (at,) = tf.while_loop(
        lambda at: tf.equal(byte(at), _EXTENSION),
        lambda at: (after_blocks(at + 2),),
        (_COLOURS + colours(10),),
    )
    # Where no frame follows, nothing is left to decode.
    is_frame = tf.equal(byte(at), _FRAME)
    width = byte(at + 5) + 256 * byte(at + 6)
    height = byte(at + 7) + 256 * byte(at + 8)
    pixels = tf.cast(width, tf.int64) * tf.cast(height, tf.int64)
    fits = tf.raw_ops.Assert(condition=pixels <= MAX_PIXELS, data=["too large"])
    with tf.control_dependencies([fits]):
        end = after_blocks(at + _FRAME_HEADER + colours(at + 9) + 1)
    end = tf.where(is_frame, end, 0)
    return tf.strings.join([tf.strings.substr(contents, 0, end), ";"])
