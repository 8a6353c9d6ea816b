"""WAV files to samples inside the graph, for training and for serving."""

import tensorflow as tf

from .resample import checked_rate, map_rows, resample, resampled_length
from .wav_header import CODINGS, read_headers
from .wav_samples import decode_samples

LOUDEST = 2.0**16  # a float file may hold 16-bit numbers as they are
TOO_LOUD = "samples far outside -1 to 1"


def decode_wav(wav_bytes, target_rate, max_seconds=60.0):
    """Decodes a batch of WAV files of which any may be bad.

    Read are PCM of 8, 16, 24 and 32 bits, float of 32 and 64, mu-law and A-law,
    also where the header is an extensible one, at any rate from 1,000 to
    192,000 Hz. Of several channels the mean is taken. A file that ends too
    early is read as far as it goes, one whose header does not know the length
    up to its end.

    Args:
        wav_bytes: string `[N]`, the files. `N` may be 0.
        target_rate: The sampling rate of the result in Hz, a Python integer.
        max_seconds: Longer files are refused, which bounds the memory.

    Returns:
        A tuple `(samples, lengths, valid, error)`: float32 `[N, T]`, zeros
        behind each row's end and in bad rows, `T` the longest row (0 if all
        are bad), in -1..1 unless a file of floats goes beyond it; int32 `[N]`,
        each row's number of samples, 0 where it is bad; bool `[N]`; string
        `[N]` that says in a few words what is wrong with a bad row, empty for
        the good ones.

    Raises:
        ValueError: if `target_rate` or `max_seconds` is out of range.
    """
    target_rate = checked_rate(target_rate)
    if not max_seconds > 0:
        raise ValueError(
            "Invalid value for `max_seconds`: expected a number above 0, "
            f"received max_seconds={max_seconds}"
        )
    wav_bytes = tf.convert_to_tensor(wav_bytes, tf.string)
    header = read_headers(wav_bytes)
    seconds = tf.cast(header.frames, tf.float64) / tf.cast(header.rate, tf.float64)
    length_error = tf.where(seconds > max_seconds, too_long_error(max_seconds), "")
    error = tf.where(tf.equal(header.error, ""), length_error, header.error)

    good = tf.equal(error, "")
    header = _emptied(header, good, target_rate)
    lengths = resampled_length(header.frames, header.rate, target_rate)

    def decode(contents, coding, channels, rate, start, frames):
        width = tf.gather([width for _, width in CODINGS], coding)
        size = frames * channels * tf.cast(width, tf.int64)
        data = tf.strings.substr(contents, start, size)
        return resample(decode_samples(data, coding, channels), rate, target_rate)

    samples = map_rows(decode, (wav_bytes, *header[:-1]), lengths)
    # Damaged floats can be anything. The samples of bad rows are none already.
    samples, sane = _silenced(samples)
    valid = good & sane
    lengths = tf.cast(tf.where(valid, lengths, 0), tf.int32)
    error = tf.where(sane, error, TOO_LOUD)
    return samples, lengths, valid, error


def checked_samples(samples, lengths):
    """Silences what is no audio in rows of samples that somebody sends.

    Args:
        samples: float32 `[N, T]`, padded with anything.
        lengths: int32 `[N]`, how many samples a row has, all where negative.

    Returns:
        A tuple `(samples, lengths, sane)`: zeros behind each row's end and in rows
        that are no audio; `lengths` from 0 to `T`; and bool `[N]`, which rows are.
    """
    size = tf.shape(samples)[1]
    lengths = tf.where(lengths < 0, size, tf.minimum(lengths, size))
    samples = tf.where(tf.sequence_mask(lengths, size), samples, 0.0)
    samples, sane = _silenced(samples)
    return samples, lengths, sane


def _silenced(samples):
    """Returns samples without the rows that are no audio, and which rows are."""
    # The comparison is false for a NaN, too.
    sane = tf.reduce_all(tf.abs(samples) <= LOUDEST, axis=1)
    return tf.where(sane[:, None], samples, 0.0), sane


def too_long_error(max_seconds):
    """Returns what is said of a recording that is longer than `max_seconds`."""
    return f"longer than {max_seconds:g} s"


def _emptied(header, good, target_rate):
    """Turns bad rows into files of no samples, which decode without trouble."""
    one = tf.ones_like(header.frames)
    return header._replace(
        coding=tf.where(good, header.coding, 0),
        channels=tf.where(good, header.channels, one),
        rate=tf.where(good, header.rate, one * target_rate),
        start=tf.where(good, header.start, 0),
        frames=tf.where(good, header.frames, 0),
    )
