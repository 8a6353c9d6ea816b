"""Single recordings, wherever they lie: each can be read as samples or as a WAV file.

A clip has two methods. `read()` returns mono float32 samples and their rate;
`wav()` returns the bytes of a WAV file with the same samples. Both raise a
`UserError` where the recording cannot be read.
"""

import dataclasses
import io
from collections.abc import Callable

import numpy as np

from ...errors import UserError
from ..files import read_file

# What the WAV reader inside exported models takes as it is.
_PLAIN_WAV = frozenset(
    ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")
)


@dataclasses.dataclass(frozen=True, eq=False)
class StoredClip:
    """A recording in a format that libsndfile reads, or a part of one.

    Attributes:
        source: The path of a file, or its content as `bytes`.
        offset: Where the part begins, in seconds.
        duration: The length of the part in seconds; to the end if `None`.
    """

    source: str | bytes
    offset: float = 0.0
    duration: float | None = None

    @property
    def is_part(self):
        return self.offset > 0 or self.duration is not None

    def content(self):
        """Returns the encoded bytes of the whole recording."""
        if isinstance(self.source, bytes):
            return self.source
        return read_file(self.source)

    def read(self):
        return self._decode(self.content())

    def wav(self):
        content = self.content()
        if not self.is_part and _is_plain_wav(content):
            return content
        return encode_wav(*self._decode(content))

    def _decode(self, content):
        import soundfile

        try:
            with soundfile.SoundFile(io.BytesIO(content)) as sound:
                rate = sound.samplerate
                first = round(self.offset * rate)
                if first:
                    sound.seek(first)
                frames = -1
                if self.duration is not None:
                    frames = round(self.duration * rate)
                samples = sound.read(frames, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise UserError(_reason(error)) from error
        return _mono(samples), rate


@dataclasses.dataclass(frozen=True, eq=False)
class ArrayClip:
    """A recording whose samples are in memory.

    Attributes:
        values: `[samples]` or `[samples, channels]`, floats in -1..1 or integers
            of 16 bits.
        rate: Samples a second.
    """

    values: np.ndarray
    rate: int

    def read(self):
        values = self.values.reshape(len(self.values), -1)
        if np.issubdtype(values.dtype, np.integer):
            values = values.astype(np.float32) / 2**15
        return _mono(values.astype(np.float32)), self.rate

    def wav(self):
        return encode_wav(*self.read())


@dataclasses.dataclass(frozen=True, eq=False)
class MadeClip:
    """A recording that is made when it is asked for.

    Attributes:
        make: Function without arguments that returns float32 `[samples]`, always
            the same.
        rate: Samples a second.
    """

    make: Callable[[], np.ndarray]
    rate: int

    def read(self):
        return self.make(), self.rate

    def wav(self):
        return encode_wav(*self.read())


def read_resampled(clip, rate):
    """Returns a clip's samples at a rate, float32 `[samples]`.

    Raises:
        UserError: if it cannot be read.
    """
    return resample(*clip.read(), rate)


def resample(samples, source_rate, rate):
    """Resamples with a band-limiting filter (soxr, as librosa does by default).

    Args:
        samples: float32 `[samples]`.
        source_rate: Their samples a second.
        rate: The wanted samples a second.

    Returns:
        float32 `[ceil(samples * rate / source_rate)]`.
    """
    if source_rate == rate or not len(samples):
        return samples
    import soxr

    length = int(np.ceil(len(samples) * rate / source_rate))
    samples = np.ascontiguousarray(samples, np.float32)
    return fit_length(soxr.resample(samples, source_rate, rate), length)


def fit_length(samples, length):
    """Cuts the end off, or appends zeros."""
    if len(samples) >= length:
        return samples[:length]
    return np.pad(samples, (0, length - len(samples)))


def encode_wav(samples, rate):
    """Returns the bytes of a mono WAV file of 32-bit floats, without loss."""
    from scipy.io import wavfile

    # libsndfile would write the time of day into the file.
    file = io.BytesIO()
    wavfile.write(file, rate, np.asarray(samples, np.float32))
    return file.getvalue()


def look_at(content):
    """Returns duration in seconds and rate of an encoded recording.

    Only its header is read.

    Args:
        content: `bytes`.

    Raises:
        UserError: if it is no recording, or an empty one.
    """
    import soundfile

    try:
        seen = soundfile.info(io.BytesIO(content))
    except soundfile.SoundFileError as error:
        raise UserError(_reason(error)) from error
    if not seen.frames:
        raise UserError("has no samples")
    return seen.frames / seen.samplerate, seen.samplerate


def _mono(samples):
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise UserError("has samples that are no numbers")
    return np.ascontiguousarray(mono)


def _is_plain_wav(content):
    import soundfile

    if content[:4] != b"RIFF":
        return False
    try:
        return soundfile.info(io.BytesIO(content)).subtype in _PLAIN_WAV
    except soundfile.SoundFileError:
        return True  # the reader says what is wrong with it


def _reason(error):
    text = getattr(error, "error_string", None) or str(error) or type(error).__name__
    return f"is no recording that can be read ({text.strip().rstrip('.')})"
