"""Size and orientation of an encoded image, read from its header."""

import struct

_NOT_FRAMES = (0xC4, 0xC8, 0xCC)  # JPEG markers from C0 to CF that are no frames
_SEARCHED = 2**18  # bytes of a JPEG in which an EXIF segment is looked for


def read_header(contents):
    """Reads the size of an image as it is decoded: upright by its EXIF orientation.

    Args:
        contents: `bytes` of a JPEG, PNG, GIF, BMP or WebP file.

    Returns:
        `(height, width, orientation)`, the orientation from 1 (stored upright) to
        8; or `None` if the header is of no such file.
    """
    try:
        size = _stored_size(contents)
    except (struct.error, IndexError):  # the file is cut off
        return None
    if size is None or min(size) < 1:
        return None
    height, width = size
    orientation = _orientation(contents)
    if orientation >= 5:
        return width, height, orientation
    return height, width, orientation


def _stored_size(contents):
    if contents.startswith(b"\xff\xd8\xff"):
        return _jpeg_size(contents)
    if contents.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack_from(">II", contents, 16)
        return height, width
    if contents.startswith(b"GIF8"):
        width, height = struct.unpack_from("<HH", contents, 6)
        return height, width
    if contents.startswith(b"BM"):
        # A negative height means rows stored from the top.
        width, height = struct.unpack_from("<ii", contents, 18)
        return abs(height), width
    if contents.startswith(b"RIFF") and contents[8:12] == b"WEBP":
        return _webp_size(contents)
    return None


def _jpeg_size(contents):
    at = 2
    while contents[at] == 0xFF:
        marker = contents[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES:
            return struct.unpack_from(">HH", contents, at + 5)
        else:
            at += 2 + struct.unpack_from(">H", contents, at + 2)[0]
    return None


def _webp_size(contents):
    chunk = contents[12:16]
    if chunk == b"VP8X":
        width = int.from_bytes(contents[24:27], "little")
        height = int.from_bytes(contents[27:30], "little")
        return height + 1, width + 1
    if chunk == b"VP8L":
        (packed,) = struct.unpack_from("<I", contents, 21)
        return packed // 2**14 % 2**14 + 1, packed % 2**14 + 1
    width, height = struct.unpack_from("<HH", contents, 26)
    return height % 2**14, width % 2**14


def _orientation(contents):
    """Returns the EXIF orientation; asks the very code that decodes."""
    if b"Exif\0\0" not in contents[:_SEARCHED]:
        return 1
    import tensorflow as tf

    from ..images.exif import jpeg_orientation, may_have_exif
    from ..images.headers import image_format, read_head

    with tf.device("CPU"):
        head = read_head(contents)
        if not may_have_exif(head, image_format(head)):
            return 1
        return int(jpeg_orientation(contents))
