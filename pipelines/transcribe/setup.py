"""What a training takes from its data: recordings, tokens, and which are of use."""

import numpy as np

from ...data.audio import JoinedClips, WaveformAugmentation, load_audio, required_frames
from ...data.audio.clips import StoredClip, read_resampled
from ...data.audio.tree import AUDIO_SUFFIXES
from ...data.text.compressed import open_compressed
from ...errors import UserError
from ..inputs import find_files
from .model import longest_steps
from .tokens import CharacterTokens, PieceTokens, TextNormalizer, alphabet

_TENTH = 10  # of the joined recordings of an epoch, validation and test each


def load_tables(data, data_dir, config, run=None):
    """Loads the recordings of a data spec.

    Args:
        data: The spec.
        data_dir: Where TensorFlow Datasets keeps its data.
        config: A `TranscribeConfig`: how recordings are named, split and joined.
        run: A `RunFolder` whose splits hold, if given.

    Returns:
        `(table, stored)`: the `AudioTable` to train and measure on, and that of the
        recordings as they are stored; the same unless they are joined.
    """
    stored = load_audio(
        data,
        pattern=config.pattern or None,
        data_dir=data_dir,
        val_fraction=config.val_fraction,
        test_fraction=config.test_fraction,
        known_splits=run and run.known_splits(),
    )
    if config.hold_out:
        stored = stored.hold_out(config.hold_out, val_fraction=config.val_fraction)
    table = stored
    if config.join:
        table = JoinedClips(
            stored,
            count=config.join_count,
            held_out_count=max(config.join_count // _TENTH, 1),
            parts=config.join,
            max_seconds=config.max_seconds,
            seed=config.seed,
        ).table()
    return table, stored


def normalizer(config):
    """Returns the `TextNormalizer` that a config asks for."""
    return TextNormalizer(lowercase=config.lowercase, punctuation=config.punctuation)


def make_tokens(config, texts):
    """Returns the tokens of texts, which are normalised already.

    Raises:
        UserError: if the texts do not do.
    """
    if config.tokens == "pieces":
        return PieceTokens.train(texts, config.piece_count)
    return CharacterTokens(alphabet(texts))


def encode_hot_words(config, tokens):
    """Returns the labels of each hot word of a config.

    Raises:
        UserError: if one cannot be written with the tokens.
    """
    words = list(map(normalizer(config), config.hot_words))
    for word in words:
        if not tokens.encode(word) or tokens.unknown(word):
            raise UserError(
                "Invalid value for `hot_words`: expected words in the characters of "
                f"the training texts, received {word!r}"
            )
    return list(map(tokens.encode, words))


def usable_rows(table, config, encode):
    """Finds the recordings that CTC can learn from.

    Args:
        table: An `AudioTable`.
        config: A `TranscribeConfig` with the data's values.
        encode: Function from a text to its labels.

    Returns:
        `(rows, left_out)`: the numbers of the rows, and a list of `(name, reason)`.
    """
    samples = (table.durations * config.sampling_rate).astype(int)
    steps = longest_steps(config, samples)
    rows, left_out = [], []
    for row, text in enumerate(table.texts):
        labels = encode(text)
        needed = required_frames(labels)
        if table.durations[row] > config.max_seconds:
            reason = f"{table.durations[row]:.1f} s, longer than max_seconds"
        elif not labels:
            reason = "has no text"
        elif needed > steps[row]:
            reason = f"too short for its text: {steps[row]} steps, {needed} needed"
        else:
            rows.append(row)
            continue
        left_out.append((table.names[row], reason))
    return np.array(rows, int), left_out


def make_augmentation(config):
    """Returns the `WaveformAugmentation` that a config asks for."""
    return WaveformAugmentation(
        speed=config.speed,
        speed_probability=config.speed_probability,
        noise=config.noise_snr,
        noise_probability=config.noise_probability,
        reverberation_probability=config.reverberation_probability,
        gain_probability=config.gain_probability,
    )


def read_noises(folder, sampling_rate):
    """Reads the recordings of noise in a folder and below it.

    Args:
        folder: Its path; nothing is read if empty.
        sampling_rate: The wanted rate in Hz.

    Returns:
        List of float32 `[samples]`.

    Raises:
        UserError: if the folder has none, or one cannot be read.
    """
    if not folder:
        return []
    noises = []
    for path in find_files(folder, AUDIO_SUFFIXES, "recordings"):
        try:
            noises.append(read_resampled(StoredClip(str(path)), sampling_rate))
        except UserError as error:
            raise UserError(error.what, path, error.mend) from error
    return noises


def read_texts(paths):
    """Yields the lines of text files, plain or compressed.

    Raises:
        UserError: if a file cannot be read.
    """
    for path in paths:
        with open_compressed(path) as file:
            for line in file:
                yield line.decode("utf-8", errors="replace")


def split_rows(table):
    """Returns the rows of `splits.csv`: which recording is in which split."""
    return [
        {"key": key, "split": split, "text": text, "name": name}
        for key, split, text, name in zip(
            table.keys, table.splits, table.texts, table.names, strict=True
        )
    ]


def table_lines(table):
    """Yields a text for each recording: all of it that training depends on."""
    for key, text in zip(table.keys, table.texts, strict=True):
        yield f"{key} {text}"
