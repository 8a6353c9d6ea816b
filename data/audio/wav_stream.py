"""A WAV file as it comes out of a pipe, piece by piece."""

import io
import struct

import numpy as np

from ...errors import UserError
from .resample import MAX_RATE, MIN_RATE

# libsndfile's names of how a WAV file's samples are coded: by tag and bytes a sample.
_SUBTYPES = {
    (1, 1): "PCM_U8",
    (1, 2): "PCM_16",
    (1, 3): "PCM_24",
    (1, 4): "PCM_32",
    (3, 4): "FLOAT",
    (3, 8): "DOUBLE",
    (6, 1): "ALAW",
    (7, 1): "ULAW",
}
_EXTENSIBLE = 0xFFFE
# What else WAV files begin with: of 64-bit lengths, or big-endian.
_RELATIVES = (b"RF64", b"BW64", b"RIFX")
# Lengths from here on stand for one that is not known yet.
_UNKNOWN = 0x7FFFF000


def wav_pieces(file, seconds, sampling_rate):
    """Yields the samples of a WAV file as they come, mono at a given rate.

    A length of 0 of the samples, unless the file's length says that other chunks
    follow, and one of about 2 GiB or more mean "up to the end": the recording was still
    going on when its header was written.

    Args:
        file: A binary file that is read from front to end.
        seconds: Length of a piece.
        sampling_rate: The wanted rate in Hz.

    Yields:
        float32 `[samples]`; the last may be shorter.

    Raises:
        UserError: if it is no WAV file, or one of a kind that is not supported.
    """
    import soundfile
    import soxr

    channels, rate, subtype, frame, size = _read_header(file)
    resampler = soxr.ResampleStream(rate, sampling_rate, 1, dtype="float32")
    piece = max(int(seconds * rate), 1) * frame
    while True:
        block = _read(file, min(piece, size))
        size -= len(block)
        is_last = len(block) < piece or not size
        block = block[: len(block) // frame * frame]
        samples = np.zeros(0, np.float32)
        if block:
            # As one channel: libsndfile takes a limited number of them.
            samples, _ = soundfile.read(
                io.BytesIO(block),
                dtype="float32",
                **{"samplerate": rate, "channels": 1},
                **{"format": "RAW", "subtype": subtype, "endian": "LITTLE"},
            )
            samples = samples.reshape(-1, channels).mean(axis=1, dtype=np.float32)
        if rate != sampling_rate:
            samples = resampler.resample_chunk(samples, last=is_last)
        if len(samples):
            yield samples
        if is_last:
            return


def _read_header(file):
    """Reads up to the samples: channels, rate, subtype, bytes of a frame, of all."""
    riff = _read(file, 12)
    if riff[8:] == b"WAVE" and riff[:4] in _RELATIVES:
        raise UserError(f"a WAVE file of the kind {riff[:4].decode()}, not RIFF")
    if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        raise UserError("no RIFF WAVE file")
    known, start = None, len(riff)
    while True:
        head = _read(file, 8)
        if len(head) < 8:
            raise UserError("no samples in the file")
        name, size = head[:4], int.from_bytes(head[4:], "little")
        start += len(head)
        if name == b"data":
            break
        content = _read(file, size + size % 2)
        start += len(content)
        if name == b"fmt " and len(content) >= 16:
            known = content
    if known is None:
        raise UserError("no format chunk before the samples")
    tag, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", known[:16])
    if tag == _EXTENSIBLE and len(known) >= 26:
        tag = int.from_bytes(known[24:26], "little")
    width = (bits + 7) // 8
    subtype = _SUBTYPES.get((tag, width))
    if subtype is None:
        raise UserError(f"format {tag} with {bits} bits is not supported")
    if not channels or frame != channels * width:
        raise UserError(
            f"damaged WAV: {channels} channels of {bits} bits in blocks of {frame} "
            "bytes"
        )
    if not MIN_RATE <= rate <= MAX_RATE:
        raise UserError(f"{rate} samples a second, not {MIN_RATE} to {MAX_RATE}")
    end = 8 + int.from_bytes(riff[4:8], "little")
    others_follow = start < end < _UNKNOWN
    endless = size >= _UNKNOWN or (size == 0 and not others_follow)
    return channels, rate, subtype, frame, 2**62 if endless else size


def _read(file, size):
    """Reads so many bytes, fewer only at the file's end: a pipe gives what it has."""
    parts = []
    while size > 0 and (part := file.read(min(size, 2**20))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
