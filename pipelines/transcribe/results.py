"""The typed answer for one recording; free of TensorFlow."""

import dataclasses

OUTPUTS = (
    *("text", "score", "words", "word_starts", "word_ends", "word_confidence"),
    *("word_count", "valid", "error"),
)


@dataclasses.dataclass(frozen=True)
class Word:
    """A word that was heard.

    Attributes:
        text: The word.
        start: Where its first symbol was heard, in seconds. CTC puts a symbol
            somewhere in its sound, often at the beginning.
        end: Where its last symbol ended, in seconds.
        confidence: The mean probability of its symbols, 0 to 1.
    """

    text: str
    start: float
    end: float
    confidence: float


@dataclasses.dataclass(frozen=True)
class Transcript:
    """The answer for one recording.

    Attributes:
        source: The file, or its number where bytes were given.
        text: What was said.
        score: The natural logarithm of the text's probability, with what a language
            model and hot words add.
        words: Tuple of `Word`.
        valid: Whether the recording could be read.
        error: Why not, in a few words.
    """

    source: str
    text: str
    score: float
    words: tuple[Word, ...]
    valid: bool
    error: str


@dataclasses.dataclass(frozen=True)
class PartialTranscript:
    """What was understood of a recording so far.

    Attributes:
        source: The file.
        seconds: How much of it was heard.
        text: What was said.
        is_final: Whether that was all of it.
        valid: Whether the recording could be read.
        error: Why not, in a few words.
    """

    source: str
    seconds: float
    text: str
    is_final: bool
    valid: bool = True
    error: str = ""


def transcripts(names, answers):
    """Makes typed results of what a signature returned.

    Args:
        names: What each row is called.
        answers: Dict from output name to numpy array, one row for each name; see
            `SpeechRecognizer`. Texts are bytes.

    Returns:
        A list of `Transcript`.
    """
    return [
        Transcript(
            source=name,
            text=answers["text"][row].decode(errors="replace"),
            score=float(answers["score"][row]),
            words=tuple(
                Word(
                    answers["words"][row][place].decode(errors="replace"),
                    round(float(answers["word_starts"][row][place]), 3),
                    round(float(answers["word_ends"][row][place]), 3),
                    float(answers["word_confidence"][row][place]),
                )
                for place in range(answers["word_count"][row])
            ),
            valid=bool(answers["valid"][row]),
            error=answers["error"][row].decode(),
        )
        for row, name in enumerate(names)
    ]


def unreadable(source, error):
    """Returns the `Transcript` of a recording that could not be read.

    Args:
        source: What it is called.
        error: Why not, in a few words.
    """
    return Transcript(source, "", 0.0, (), False, error)


def with_errors(results, errors):
    """Puts in why recordings could not be read before they were sent.

    Args:
        results: List of `Transcript`.
        errors: A text for each; empty for one that was read.

    Returns:
        A list of `Transcript`.
    """
    return [
        unreadable(result.source, error) if error else result
        for result, error in zip(results, errors, strict=True)
    ]


def result_lines(results):
    """Returns `Transcript`s and `PartialTranscript`s as lines for a person."""
    return [_line(result) for result in results]


def _line(result):
    text = result.text if result.valid else f"error: {result.error}"
    if isinstance(result, PartialTranscript):
        return f"{result.source}  {result.seconds:7.2f} s  {text}"
    return f"{result.source}  {text}"
