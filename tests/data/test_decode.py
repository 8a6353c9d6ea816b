"""Decoding in the graph, compared with Pillow."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from helpers.images import animation, encode, kinds, noise, pixels
from PIL import Image, ImageOps

from amalthea.data.images.decode import decode_batch, decode_image, resize_image

KINDS = kinds()


@pytest.fixture(scope="module")
def decoders():
    """One compiled decoder per number of channels."""
    signature = [tf.TensorSpec([], tf.string)]
    return {
        channels: tf.function(
            lambda contents, channels=channels: decode_image(contents, channels),
            input_signature=signature,
            autograph=False,
        )
        for channels in (1, 3, 4)
    }


@pytest.fixture(scope="module")
def batch_decoder():
    spec = tf.TensorSpec([16, 16, 3], tf.float32)
    return tf.function(
        lambda contents: decode_batch(
            contents, 3, lambda image: resize_image(image, 16, 16, "squash"), spec
        ),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "png-16-bit"])
@pytest.mark.parametrize("channels, mode", [(1, "L"), (3, "RGB")])
def test_pixels_are_those_of_pillow(decoders, kind, channels, mode):
    decoded = decoders[channels](KINDS[kind]).numpy()
    # Converted by way of RGB: of a JPEG, Pillow would take the stored luma.
    rgb = Image.fromarray(pixels(KINDS[kind], "RGB"))
    expected = np.asarray(rgb.convert(mode)).reshape(40, 60, channels)
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - expected).max() <= (2 if "cmyk" in kind else 0)


def test_16_bits_are_cut_to_the_upper_8(decoders):
    decoded = decoders[1](KINDS["png-16-bit"]).numpy()[..., 0]
    wide = np.linspace(0, 65535, 40 * 60).reshape(40, 60).astype(np.uint16)
    np.testing.assert_array_equal(decoded, wide >> 8)


def test_later_frames_of_a_gif_are_not_looked_at(decoders):
    frames = [noise(300, 500, seed) for seed in range(3)]
    contents = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    expected = pixels(contents)
    # Later frames are cut and spoilt; decoding them would fail.
    spoilt = contents[: len(contents) * 2 // 3] + b"spoilt"
    for gif in (contents, spoilt):
        np.testing.assert_array_equal(decoders[3](gif), expected)


@pytest.mark.parametrize("kind", ["png", "png-alpha", "jpeg", "gif", "bmp", "webp"])
def test_four_channels_have_the_alpha_of_a_png(decoders, kind):
    image = noise().convert("RGBA")
    image.putalpha(77)
    contents = encode(image) if kind == "png-alpha" else KINDS[kind]
    decoded = decoders[4](contents).numpy()
    assert decoded.shape == (40, 60, 4)
    assert np.all(decoded[..., 3] == (77 if kind == "png-alpha" else 255))


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("jfif", [True, False])
def test_exif_orientation(decoders, orientation, byte_order, jfif):
    contents = with_exif(exif_block(orientation, byte_order), jfif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(contents)))
    decoded = decoders[3](contents).numpy()
    assert decoded.shape == (upright.height, upright.width, 3)
    np.testing.assert_array_equal(decoded, upright)


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"MM",
        b"II*\0",
        b"XX*\0\x08\0\0\0",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0",
        b"II*\0\x08\0\0\0\xff\xff",
        b"II*\0\x08\0\0\0\x01",
    ],
)
def test_malformed_exif_counts_as_upright(decoders, block):
    assert decoders[3](with_exif(block)).shape == (40, 60, 3)


@pytest.mark.parametrize("value", [0, 9, 255, 65535])
def test_unknown_orientation_counts_as_upright(decoders, value):
    assert decoders[3](with_exif(exif_block(value, "<"))).shape == (40, 60, 3)


def test_cut_exif_never_turns_the_image_wrongly(decoders):
    block = exif_block(6, "<")
    shapes = {decoders[3](with_exif(block[:n])).shape[0] for n in range(len(block))}
    assert shapes <= {40, 60}


def huge(format):
    """A header that claims 60,000 x 60,000 pixels."""
    contents = bytearray(KINDS[format])
    side = 60_000
    if format == "png":
        contents[16:24] = struct.pack(">II", side, side)
    elif format == "gif":
        contents[6:10] = struct.pack("<HH", side, side)
    elif format == "bmp":
        contents[18:26] = struct.pack("<ii", side, side)
    elif format == "jpeg":
        at = contents.index(b"\xff\xc0") + 5
        contents[at : at + 4] = struct.pack(">HH", side, side)
    elif format == "webp":
        contents[12:30] = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0"
        contents[24:30] = struct.pack("<I", side)[:3] * 2
    return bytes(contents)


def frame_beyond_the_canvas():
    """A GIF whose frame claims 60,000 x 60,000 pixels on a small canvas."""
    contents = bytearray(KINDS["gif"])
    at = contents.index(struct.pack("<BHHHH", 0x2C, 0, 0, 60, 40)) + 5
    contents[at : at + 4] = struct.pack("<HH", 60_000, 60_000)
    return bytes(contents)


def bmp_with_run_lengths():
    contents = bytearray(KINDS["bmp-grey"])
    contents[30] = 1
    return bytes(contents)


BAD = {
    "empty": (b"", "empty input"),
    "text": (b"hello", "not an image: expected JPEG, PNG, GIF, BMP or WebP"),
    "tiff": (encode(noise(), "TIFF"), "not an image"),
    "jpeg-xl": (b"\xff\x0a" + bytes(100), "not an image"),
    "jpeg-cut": (KINDS["jpeg"][:-300], "damaged JPEG"),
    "png-cut": (KINDS["png"][:-300], "damaged PNG"),
    "png-header": (KINDS["png"][:8], "damaged PNG"),
    "gif-cut": (KINDS["gif"][:100], "damaged GIF"),
    "bmp-cut": (KINDS["bmp"][:1000], "damaged BMP"),
    "webp-cut": (KINDS["webp"][:100], "damaged WebP"),
    "webp-animated": (animation("WEBP"), "animated WebP is not supported"),
    "bmp-palette": (encode(noise().convert("P"), "BMP"), "colour palette"),
    "bmp-1-bit": (encode(noise().convert("1"), "BMP"), "kind of BMP"),
    "bmp-run-lengths": (bmp_with_run_lengths(), "kind of BMP"),
    "png-huge": (huge("png"), "larger than 67 million pixels"),
    "gif-huge": (huge("gif"), "larger than 67 million pixels"),
    "gif-frame": (frame_beyond_the_canvas(), "damaged GIF"),
    "gif-no-frame": (KINDS["gif"][:13], "damaged GIF"),
    "bmp-huge": (huge("bmp"), "larger than 67 million pixels"),
    "webp-huge": (huge("webp"), "larger than 67 million pixels"),
    "jpeg-huge": (huge("jpeg"), "larger than 67 million pixels"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_bytes_raise(decoders, name):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decoders[3](BAD[name][0])


def test_bad_rows_tell_why_and_leave_the_others_alone(batch_decoder):
    good = [KINDS["jpeg"], KINDS["png"]]
    alone = batch_decoder(good)[0].numpy()
    rows = [good[0], *(contents for contents, _ in BAD.values()), good[1]]
    images, valid, error = (tensor.numpy() for tensor in batch_decoder(rows))
    np.testing.assert_array_equal(valid, [True] + [False] * len(BAD) + [True])
    np.testing.assert_array_equal(images[[0, -1]], alone)
    assert not images[1:-1].any()
    assert error[0] == error[-1] == b""
    for (_, reason), told in zip(BAD.values(), error[1:-1], strict=True):
        assert reason in told.decode()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_alone_tells_why(batch_decoder, name):
    # A single row takes a path of its own.
    contents, reason = BAD[name]
    images, valid, error = (tensor.numpy() for tensor in batch_decoder([contents]))
    assert not images.any() and not valid.any()
    assert reason in error[0].decode()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_batches_are_turned_upright_too(batch_decoder, orientation):
    turned = with_exif(exif_block(orientation, "<"))
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(turned))))
    expected = resize_image(upright, 16, 16, "squash").numpy()
    alone, _, _ = batch_decoder([turned])
    among, _, _ = batch_decoder([KINDS["png"], turned, KINDS["jpeg"]])
    np.testing.assert_array_equal(alone[0], expected)
    np.testing.assert_array_equal(among[1], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_alone_is_what_it_is_among_others(batch_decoder, kind):
    alone = batch_decoder([KINDS[kind]])[0].numpy()
    among = batch_decoder([KINDS["png"], KINDS[kind]])[0].numpy()
    np.testing.assert_array_equal(alone[0], among[1])


def test_empty_and_wholly_bad_batches(batch_decoder):
    images, valid, error = batch_decoder(tf.zeros([0], tf.string))
    assert images.shape == (0, 16, 16, 3)
    assert valid.shape == error.shape == (0,)
    images, valid, _ = batch_decoder([b"", b"x"])
    assert images.shape == (2, 16, 16, 3)
    assert not valid.numpy().any()


def test_order_is_kept(batch_decoder):
    values = list(range(0, 250, 5))
    flat = [encode(np.full((9, 7, 3), value, np.uint8)) for value in values]
    images, valid, _ = batch_decoder(flat)
    assert valid.numpy().all()
    np.testing.assert_allclose(images[:, 8, 8, 0], values, atol=1e-3)


def test_channels_are_checked():
    with pytest.raises(ValueError, match="Invalid value for `channels`"):
        decode_image(tf.constant(b""), 2)


def with_exif(block, jfif=True):
    """A JPEG with the EXIF block in APP1, after or instead of the JFIF segment."""
    contents = encode(noise(), "JPEG", quality=95)
    assert contents[2:4] == b"\xff\xe0"
    body = b"Exif\0\0" + block
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return contents[: 20 if jfif else 2] + segment + contents[20:]


def exif_block(orientation, byte_order):
    """A directory of three entries with the orientation in the middle."""
    mark = b"II" if byte_order == "<" else b"MM"
    entries = [(0x0100, 4, 1, 60), (0x0112, 3, 1, orientation), (0x0128, 3, 1, 2)]
    block = mark + struct.pack(byte_order + "HI", 42, 8)
    block += struct.pack(byte_order + "H", len(entries))
    for tag, kind, count, value in entries:
        form = "HHII" if kind == 4 else "HHIHH"
        fields = (tag, kind, count, value, *((0,) if kind == 3 else ()))
        block += struct.pack(byte_order + form, *fields)
    return block + bytes(4)


@pytest.mark.parametrize("kinds", [["png"], ["jpeg"], ["png", "bad", "jpeg"], ["bad"]])
def test_a_transform_may_return_a_structure(kinds):
    spec = {
        "image": tf.TensorSpec([8, 8, 3], tf.float32),
        "size": tf.TensorSpec([2], tf.int32),
    }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def decode(contents):
        def transform(image):
            return {
                "image": resize_image(image, 8, 8, "squash"),
                "size": tf.shape(image)[:2],
            }

        return decode_batch(contents, 3, transform, spec)

    contents = [KINDS.get(kind, b"no image") for kind in kinds]
    parts, valid, _ = decode(tf.constant(contents))
    assert valid.numpy().tolist() == [kind != "bad" for kind in kinds]
    for kind, image, size in zip(kinds, parts["image"], parts["size"], strict=True):
        assert size.numpy().tolist() == ([0, 0] if kind == "bad" else [40, 60])
        if kind == "bad":
            np.testing.assert_array_equal(image, 0)
        else:
            alone = decode_image(tf.constant(KINDS[kind]), 3)
            np.testing.assert_allclose(image, resize_image(alone, 8, 8, "squash"))
