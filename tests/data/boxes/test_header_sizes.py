"""Sizes read from headers are those of decoded images."""

import pytest
import tensorflow as tf
from helpers.images import encode, kinds, noise
from PIL import Image

from amalthea.data.boxes.sizes import read_header
from amalthea.data.images.decode import decode_image


@pytest.mark.parametrize("kind", kinds())
def test_every_kind(kind):
    assert read_header(kinds()[kind]) == (40, 60, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    contents = encode(noise(), "JPEG", exif=exif)
    decoded = decode_image(tf.constant(contents), 3)
    height, width, read = read_header(contents)
    assert (height, width) == tuple(decoded.shape[:2])
    assert (height, width) == ((40, 60) if orientation < 5 else (60, 40))
    assert read == orientation


def test_what_is_no_image():
    jpeg, png = kinds()["jpeg"], kinds()["png"]
    for contents in (
        b"",
        b"hello",
        b"\xff\xd8\xff",
        jpeg[:30],
        png[:20],
        b"BM",
        b"GIF8",
    ):
        assert read_header(contents) is None
    # The size stands in the header, whatever follows.
    assert read_header(png[:40]) == (40, 60, 1)
