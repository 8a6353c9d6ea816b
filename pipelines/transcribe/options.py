"""What speech recognition adds to the flags of verbs; free of TensorFlow."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ...errors import UserError
from ..verbs import Run, optional, switch


@dataclasses.dataclass(frozen=True)
class PredictOptions:
    """INPUT is a recording, a folder or pattern of them, or `-` for a recording on the
    standard input. What is longer than the run's max_seconds is cut where it is
    quietest."""

    stream: switch() = False
    """Of a streaming model: hear each recording in pieces and print the text as it
    grows. WAV on the standard input is heard while it comes."""
    chunk: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 0.5
    """With --stream, the length of a piece."""

    def __post_init__(self):
        if not 0.01 <= self.chunk <= 60:
            _refuse("chunk", "0.01 to 60 seconds", self.chunk)


@dataclasses.dataclass(frozen=True)
class EvaluateOptions:
    """Other data than the run was trained on is taken as it is: nothing is joined, and
    no speaker is held out."""

    pattern: optional(str, "PATTERN") = None
    """How its recordings are named if names carry the text; '' where a list has the
    texts. As in the run's own data if not given."""


@dataclasses.dataclass(frozen=True)
class DoctorOptions:
    """Recordings are looked at as training would use them."""

    pattern: Annotated[str, tyro.conf.arg(metavar="PATTERN")] = ""
    """How recordings are named if names carry the text, e.g.
    {text}_{speaker}_{take}."""
    hold_out: Annotated[tuple[str, ...], tyro.conf.arg(metavar="SPEAKER...")] = ()
    """Speakers whose recordings are the test."""
    sampling_rate: optional(int, "HZ") = None
    """Samples a second that the model would hear."""
    subsampling: Literal[1, 2, 4, 8] = 4
    """How many frames of audio would become one of text."""
    lowercase: bool = True
    """Write texts in small letters."""
    punctuation: bool = True
    """Keep punctuation."""
    max_seconds: float = 30.0
    """Longer recordings would be left out of training."""
    val_fraction: float = 0.15
    """Share of the data for validation where the data does not say."""
    test_fraction: float = 0.15
    """Share of the data for the test where the data does not say."""


@dataclasses.dataclass
class DecodingArguments:
    """Changes how a run decodes: its evaluations, predictions and exports follow.
    Without any flag, shows how it does."""

    run: Run
    """The run folder."""
    beam_width: optional(int, "N") = None
    """Texts that the prefix beam search follows; 1 takes the most likely symbol of each
    frame."""
    hot_words: optional(tuple[str, ...], "WORD...") = None
    """Words to expect, such as names; '' for none."""
    hot_word_score: optional(float, "BONUS") = None
    """Added for each of them."""
    alpha: optional(float, "WEIGHT") = None
    """Weight of the language model, if the run has one."""
    beta: optional(float, "BONUS") = None
    """Added for each word, or token, with a language model."""

    def __post_init__(self):
        if self.hot_words is not None:
            self.hot_words = tuple(word for word in self.hot_words if word)


@dataclasses.dataclass
class LanguageModelArguments:
    """Gives a run a language model, which its evaluations, predictions and exports
    then use: learnt from text, or read from an ARPA file. Its weights alpha and beta
    are chosen on the validation recordings unless they are given."""

    run: Run
    """The run folder."""
    text: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FILE...")] = ()
    """Text files to learn from, plain or compressed, a sentence on each line; the
    training transcripts if none are named."""
    arpa: optional(Path, "FILE") = None
    """An ARPA file instead."""
    unit: optional(Literal["words", "tokens"], "{words,tokens}") = None
    """A model of words, or of what the run writes with: characters or pieces. If not
    given, words where the run writes spaces as characters."""
    order: optional(int, "N") = None
    """Length of the longest n-grams: 3 for words, 6 for characters, 4 for pieces, if
    not given."""
    min_count: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Words with fewer occurrences count as unknown."""
    alpha: optional(float, "WEIGHT") = None
    """Weight of the language model."""
    beta: optional(float, "BONUS") = None
    """Added for each word or token."""
    beam_width: optional(int, "N") = None
    """Texts that the search follows; the run's own if not given, 2 at least."""
    remove: switch() = False
    """Take the run's language model away."""

    def __post_init__(self):
        if sum((bool(self.text), self.arpa is not None, self.remove)) > 1:
            raise UserError("`--text`, `--arpa` and `--remove` exclude each other")
        if self.order is not None and self.order < 1:
            _refuse("order", "at least 1", self.order)
        if self.min_count < 1:
            _refuse("min_count", "at least 1", self.min_count)
        if self.alpha is not None and self.alpha < 0:
            _refuse("alpha", "at least 0", self.alpha)
        if self.beam_width is not None and self.beam_width < 2:
            _refuse("beam_width", "at least 2", self.beam_width)


def _refuse(name, expected, value):
    raise UserError(
        f"Invalid value for `{name}`: expected {expected}, received {name}={value}"
    )
