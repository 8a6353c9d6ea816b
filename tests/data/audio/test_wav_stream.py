"""WAV files as they come out of pipes, against soundfile and soxr."""

import io
import struct

import numpy as np
import pytest
import soxr
import tensorflow as tf
from helpers.wav_files import (
    SUBTYPES,
    chunk,
    encode_wav,
    extension,
    format_chunk,
    noise,
    read_wav,
    riff,
)

from amalthea import UserError
from amalthea.data.audio import decode_wav
from amalthea.data.audio.wav_stream import wav_pieces

RATE = 16_000


class Pipe(io.RawIOBase):
    """Gives at most so many bytes at a time, and has no way back."""

    def __init__(self, contents, most=7):
        self._left, self._most = contents, most

    def readable(self):
        return True

    def read(self, size=-1):
        size = self._most if size < 0 else min(size, self._most)
        part, self._left = self._left[:size], self._left[size:]
        return part


def pieces_of(contents, seconds=0.01, rate=RATE):
    return list(wav_pieces(io.BytesIO(contents), seconds, rate))


def whole(contents, seconds=0.01, rate=RATE):
    return np.concatenate(
        [np.zeros(0, np.float32), *pieces_of(contents, seconds, rate)]
    )


@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("subtype", SUBTYPES)
def test_every_coding_equals_soundfile(subtype, channels, kind):
    contents = encode_wav(noise(1001, channels), RATE, subtype, kind)
    np.testing.assert_allclose(whole(contents), read_wav(contents), atol=1e-7)


@pytest.mark.parametrize("seconds", [1e-9, 1 / RATE, 0.0123, 0.0625, 60.0])
def test_pieces_are_as_long_as_asked(seconds):
    contents = encode_wav(noise(1000, 2), RATE)
    pieces = pieces_of(contents, seconds)
    size = max(int(seconds * RATE), 1)
    assert {len(piece) for piece in pieces[:-1]} <= {size}
    assert 0 < len(pieces[-1]) <= size and sum(map(len, pieces)) == 1000
    assert all(piece.dtype == np.float32 for piece in pieces)


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_a_pipe_gives_what_it_has(most):
    contents = encode_wav(noise(500), RATE, "PCM_24")
    pieces = list(wav_pieces(Pipe(contents, most), 0.01, RATE))
    assert [len(piece) for piece in pieces] == [160, 160, 160, 20]
    np.testing.assert_array_equal(np.concatenate(pieces), read_wav(contents))


def test_other_chunks_are_skipped():
    samples = np.arange(-50, 50, dtype="<i2")
    contents = riff(
        chunk(b"LIST", b"odd"),
        format_chunk(),
        chunk(b"fact", b"1234"),
        chunk(b"junk"),
        chunk(b"data", samples.tobytes()),
        chunk(b"LIST", b"no samples"),
    )
    np.testing.assert_array_equal(whole(contents), samples / np.float32(2**15))


def test_an_extensible_header_names_the_coding_behind():
    samples = noise(64).astype("<f4")
    contents = riff(
        format_chunk(0xFFFE, 1, RATE, 32, extra=extension(3, 32)),
        chunk(b"data", samples.tobytes()),
    )
    np.testing.assert_array_equal(whole(contents), samples)


@pytest.mark.parametrize(
    ("bits", "width"), [(12, 2), (20, 3)], ids=["12 bits", "20 bits"]
)
def test_samples_with_fewer_bits_than_their_bytes(bits, width):
    # They are the upper ones.
    values = np.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 1, 0, -1])
    shifted = [
        int(value << (8 * width - bits)).to_bytes(width, "little", signed=True)
        for value in values
    ]
    contents = riff(
        format_chunk(bits=bits, block=width), chunk(b"data", b"".join(shifted))
    )
    np.testing.assert_allclose(whole(contents), values / 2.0 ** (bits - 1), atol=1e-7)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
@pytest.mark.parametrize("count", [0, 1, 160, 320, 333])
def test_a_length_that_is_not_known_means_up_to_the_end(size, count):
    samples = np.arange(count, dtype="<i2")
    contents = riff(
        format_chunk(), chunk(b"data", samples.tobytes(), size), size=0xFFFFFFFF
    )
    np.testing.assert_array_equal(whole(contents), samples / np.float32(2**15))


@pytest.mark.parametrize("size", [0, 36, 0x7FFFF024, 0xFFFFFFFF])
def test_no_length_with_whatever_the_file_claims_to_be_long(size):
    samples = np.arange(333, dtype="<i2")
    contents = riff(format_chunk(), chunk(b"data", samples.tobytes(), 0), size=size)
    np.testing.assert_array_equal(whole(contents), samples / np.float32(2**15))


@pytest.mark.parametrize("name", [b"LIST", b"data"])
def test_no_samples_with_other_chunks_behind(name):
    contents = riff(format_chunk(), chunk(b"data"), chunk(name, bytes(range(100))))
    assert pieces_of(contents) == []
    decode = decode_wav(tf.constant([contents]), RATE, 1.0)
    assert decode[3].numpy().tolist() == [b"WAV without samples"]


@pytest.mark.parametrize("cut", [1, 2, 3, 50, 399])
def test_a_file_that_ends_too_early_is_read_as_far_as_it_goes(cut):
    samples = np.arange(200, dtype="<i2").reshape(100, 2)
    contents = riff(format_chunk(channels=2), chunk(b"data", samples.tobytes()))
    frames = (400 - cut) // 4
    expected = samples[:frames].mean(axis=1) / 2**15
    np.testing.assert_allclose(whole(contents[:-cut]), expected, atol=1e-7)


@pytest.mark.parametrize("source", [8_000, 11_025, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("seconds", [0.01, 0.5])
def test_another_rate_is_that_of_soxr_in_one_go(source, seconds):
    samples = 0.9 * noise(source + 17).astype(np.float32)
    contents = encode_wav(samples, source, "FLOAT")
    expected = soxr.resample(samples, source, RATE)
    heard = whole(contents, seconds)
    assert abs(len(heard) - len(expected)) <= 1
    size = min(len(heard), len(expected))
    np.testing.assert_allclose(heard[:size], expected[:size], atol=2e-4)


@pytest.mark.parametrize("count", [0, 1, 441, 882])
def test_another_rate_with_a_length_that_is_not_known(count):
    # The end comes as a surprise, also right behind a piece.
    samples = 0.5 * noise(count + 2)[:count]
    contents = encode_wav(samples, 44_100)
    at = contents.index(b"data") + 4
    endless = contents[:at] + struct.pack("<I", 0xFFFFFFFF) + contents[at + 4 :]
    np.testing.assert_array_equal(whole(endless), whole(contents))


@pytest.mark.parametrize(
    ("contents", "part"),
    [
        (b"", "no RIFF WAVE file"),
        (b"RIFF", "no RIFF WAVE file"),
        (b"fLaC" + bytes(100), "no RIFF WAVE file"),
        (b"RIFF\0\0\0\0AVI " + bytes(100), "no RIFF WAVE file"),
        (b"RIFX\0\0\0\0AVI " + bytes(100), "no RIFF WAVE file"),
        (b"RF64\0\0\0", "no RIFF WAVE file"),
        (encode_wav(noise(9), kind="RF64"), "WAVE file of the kind RF64, not RIFF"),
        (b"BW64" + riff(format_chunk())[4:], "kind BW64"),
        (b"RIFX" + riff(format_chunk())[4:], "kind RIFX"),
        (riff(), "no samples in the file"),
        (riff(format_chunk()), "no samples in the file"),
        (
            riff(format_chunk(), chunk(b"LIST", size=2**32 - 1)),
            "no samples in the file",
        ),
        (riff(chunk(b"data", bytes(8))), "no format chunk before the samples"),
        (riff(chunk(b"fmt ", bytes(9)), chunk(b"data")), "no format chunk"),
        (riff(format_chunk(2), chunk(b"data")), "format 2 with 16 bits"),
        (riff(format_chunk(1, 1, RATE, 40), chunk(b"data")), "format 1 with 40 bits"),
        (riff(format_chunk(3, 1, RATE, 16), chunk(b"data")), "format 3 with 16 bits"),
        (riff(format_chunk(0xFFFE), chunk(b"data")), "is not supported"),
        (
            riff(format_chunk(channels=0), chunk(b"data")),
            "0 channels of 16 bits in blocks of 0 bytes",
        ),
        (
            riff(format_chunk(1, 2, block=3), chunk(b"data")),
            "damaged WAV: 2 channels of 16 bits in blocks of 3 bytes",
        ),
        # The coding comes first: blocks of an unknown one may be of any size.
        (riff(format_chunk(2, block=7), chunk(b"data")), "format 2 with 16 bits"),
        (riff(format_chunk(rate=0), chunk(b"data")), "0 samples a second"),
        (riff(format_chunk(rate=999), chunk(b"data")), "999 samples a second"),
        (riff(format_chunk(rate=2**30), chunk(b"data")), "samples a second"),
    ],
    ids=range(24),
)
def test_what_is_wrong_with_a_header(contents, part):
    with pytest.raises(UserError, match=part):
        pieces_of(contents)


def test_any_number_of_channels():
    contents = riff(
        format_chunk(channels=2000, bits=8), chunk(b"data", bytes([192]) * 6000)
    )
    np.testing.assert_allclose(whole(contents), [0.5, 0.5, 0.5])


def test_damaged_headers_end_in_a_users_error_or_in_samples():
    good = encode_wav(noise(40, 2), RATE)
    random = np.random.default_rng(0)
    for _ in range(2000):
        contents = bytearray(good)
        for _ in range(random.integers(1, 4)):
            contents[random.integers(44)] = random.integers(256)
        try:
            heard = whole(bytes(contents), seconds=0.001)
        except UserError:
            continue
        assert heard.dtype == np.float32
