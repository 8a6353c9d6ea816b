"""What is unusual about an image file, read from its header without decoding."""

import struct

_NOT_FRAMES = (0xC4, 0xC8, 0xCC)  # JPEG markers from C0 to CF that are no frames


def unusual_modes(contents):
    """Tells what is unusual about an encoded image.

    Args:
        contents: `bytes` of an image file that can be decoded.

    Returns:
        List of words of: `CMYK`, `16-bit`, `palette`, `alpha`, `animated`.
    """
    if contents.startswith(b"\xff\xd8\xff"):
        return ["CMYK"] if _jpeg_components(contents) == 4 else []
    if contents.startswith(b"\x89PNG"):
        return _png_modes(contents)
    if contents.startswith(b"GIF8"):
        # One graphic control block stands before each frame.
        return ["animated"] if contents.count(b"\x00\x21\xf9\x04") > 1 else []
    if contents[12:16] == b"VP8X":
        return ["alpha"] if contents[20] & 0x10 else []
    return []


def _jpeg_components(contents):
    at = 2
    while at + 10 <= len(contents) and contents[at] == 0xFF:
        marker = contents[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES:
            return contents[at + 9]
        at += 2 + struct.unpack_from(">H", contents, at + 2)[0]
    return None


def _png_modes(contents):
    depth, colour = contents[24], contents[25]
    modes = []
    if depth == 16:
        modes.append("16-bit")
    if colour == 3:
        modes.append("palette")
    if colour in (4, 6):
        modes.append("alpha")
    return modes
