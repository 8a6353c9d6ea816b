"""What a recogniser writes with: characters, or pieces of words."""

import dataclasses
import functools
import io
import json
import re
import unicodedata
from pathlib import Path

from ...errors import UserError
from ...files import atomic_file

CHARACTERS_FILE = "characters.json"
PIECES_FILE = "pieces.model"
_MARK = "\u2581"  # SentencePiece's sign for the space before a word
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\uff07", "'"))
_LONGEST = 2**20  # bytes of a text; SentencePiece leaves longer ones out


class CharacterTokens:
    """Each character is a class, numbered from 1; class 0 is the blank.

    Args:
        characters: The characters, each once.

    Attributes:
        kind: The name of this kind of tokens.
        strings: List of the text of each class, `""` for the blank.
        starts_word: List of bool, whether a space goes before a class's text.
        is_space: List of bool, whether a class's text is the space.
        delimiter: The class of the space, or `None`.

    Raises:
        ValueError: if there are none, or one is there twice.
    """

    kind = "characters"

    def __init__(self, characters):
        if not characters or len(set(characters)) < len(characters):
            raise ValueError(
                "Invalid value for `characters`: expected some, each once, received "
                f"characters={characters!r}"
            )
        self.strings = ["", *characters]
        self.starts_word = [False] * self.size
        self.is_space = [string == " " for string in self.strings]
        self._classes = {string: k for k, string in enumerate(self.strings) if k}
        self.delimiter = self._classes.get(" ")

    @property
    def size(self):
        """Number of classes, with the blank."""
        return len(self.strings)

    def encode(self, text):
        """Returns the classes of a text; unknown characters are left out.

        Args:
            text: `str`.

        Returns:
            List of int, none of them 0.
        """
        return [self._classes[char] for char in text if char in self._classes]

    def decode(self, labels):
        """Returns the text of a sequence of classes; blanks are left out."""
        return "".join(self.strings[label] for label in labels)

    def unknown(self, text):
        """Returns the set of a text's characters that cannot be encoded."""
        return set(text) - set(self._classes)

    def save(self, folder):
        """Writes `characters.json` into a folder."""
        with atomic_file(Path(folder) / CHARACTERS_FILE) as file:
            json.dump("".join(self.strings), file, ensure_ascii=False)

    @classmethod
    def load(cls, folder):
        """Reads what `save` wrote.

        Raises:
            UserError: if the file cannot be read or is damaged.
        """
        path = Path(folder) / CHARACTERS_FILE
        content = _read(path)
        try:
            return cls(json.loads(content.decode("utf-8")))
        except (ValueError, TypeError) as error:
            raise _damaged(path, error) from error


class PieceTokens:
    """Each piece of a SentencePiece model is a class; class 0 is the blank.

    Classes follow the order of the model's pieces. Those without a text of their own
    (unknown, control, unused and byte pieces) have none; in a model from `train` that
    is piece 0 alone, and classes and pieces have the same numbers.

    Args:
        model: `bytes`, the content of a SentencePiece model's file.

    Attributes:
        kind: The name of this kind of tokens.
        strings: List of the text of each class without the mark of a space before
            it, `""` for the blank.
        starts_word: List of bool, whether a space goes before a class's text.
        is_space: List of bool, whether a class is the mark of a space alone.
        delimiter: `None`: most spaces are not classes of their own.

    Raises:
        ValueError: if it is no such model.

    Reference:
        Kudo 2018, Subword regularization; Kudo and Richardson 2018, SentencePiece.
    """

    kind = "pieces"
    delimiter = None

    def __init__(self, model):
        import sentencepiece

        self._model = bytes(model)
        self._processor = sentencepiece.SentencePieceProcessor()
        try:
            self._processor.load_from_serialized_proto(self._model)
        except RuntimeError as error:
            raise ValueError(
                "Invalid value for `model`: expected a SentencePiece model, received "
                f"{len(self._model):,} other bytes"
            ) from error
        pieces = [""]
        self._classes = {}  # from the model's numbers to classes
        for number in range(self._processor.get_piece_size()):
            if self._has_text(number):
                self._classes[number] = len(pieces)
                pieces.append(self._processor.id_to_piece(number))
        self.starts_word = [piece.startswith(_MARK) for piece in pieces]
        self.strings = [piece.removeprefix(_MARK) for piece in pieces]
        self.is_space = [piece == _MARK for piece in pieces]

    @classmethod
    def train(cls, texts, size):
        """Learns pieces from texts, as a unigram language model.

        Nothing is drawn at random: the same texts give the same pieces.

        Args:
            texts: Iterable of `str`, normalised.
            size: Number of classes, with the blank.

        Returns:
            A `PieceTokens`.

        Raises:
            UserError: if there are no texts, or the size does not suit them.
        """
        texts = [text for text in texts if text.strip()]
        if not texts:
            raise UserError("there are no texts to learn pieces from")
        try:
            return cls(_train(texts, size))
        except (RuntimeError, ValueError) as error:
            raise _unsuitable(size, texts, str(error)) from error

    @property
    def size(self):
        """Number of classes, with the blank."""
        return len(self.strings)

    def encode(self, text):
        """Returns the classes of a text; unknown characters are left out.

        Args:
            text: `str`.

        Returns:
            List of int, none of them 0.
        """
        numbers = self._processor.encode(text)
        return [self._classes[number] for number in numbers if number in self._classes]

    def decode(self, labels):
        """Returns the text of a sequence of classes; blanks are left out."""
        parts = [" " * self.starts_word[k] + self.strings[k] for k in labels]
        return "".join(parts).removeprefix(" ")

    def unknown(self, text):
        """Returns the set of a text's characters that cannot be encoded."""
        pieces = self._processor.encode(text, out_type=str)
        numbers = self._processor.encode(text)
        return {
            char
            for piece, number in zip(pieces, numbers, strict=True)
            if number not in self._classes
            for char in piece.replace(_MARK, "")
        }

    def save(self, folder):
        """Writes `pieces.model` into a folder, as SentencePiece itself writes it."""
        with atomic_file(Path(folder) / PIECES_FILE, "wb") as file:
            file.write(self._model)

    @classmethod
    def load(cls, folder):
        """Reads what `save` wrote.

        Raises:
            UserError: if the file cannot be read or is damaged.
        """
        path = Path(folder) / PIECES_FILE
        content = _read(path)
        try:
            return cls(content)
        except ValueError as error:
            raise _damaged(path, error) from error

    def _has_text(self, number):
        model = self._processor
        return not (
            model.is_unknown(number)
            or model.is_control(number)
            or model.is_unused(number)
            or model.is_byte(number)
        )


def load_tokens(folder, kind):
    """Reads the tokens that were saved in a folder.

    Args:
        folder: Its path.
        kind: `"characters"` or `"pieces"`.

    Raises:
        UserError: if there are none, or the file is damaged.
    """
    kinds = {tokens.kind: tokens for tokens in (CharacterTokens, PieceTokens)}
    return kinds[kind].load(folder)


@dataclasses.dataclass(frozen=True)
class TextNormalizer:
    """Brings texts to the form that is learnt and scored.

    Unicode's form NFC, and single spaces between words.

    Args:
        lowercase: Whether letters become lower-case.
        punctuation: Whether punctuation and symbols are kept. Without, dashes and
            slashes part words and the others vanish, but for apostrophes inside of
            words, which all become `'`.

    Call arguments:
        text: `str`.
    """

    lowercase: bool = True
    punctuation: bool = True

    def __call__(self, text):
        text = unicodedata.normalize("NFC", text)
        if self.lowercase:
            # A letter and its mark may be one character only in lower case.
            text = unicodedata.normalize("NFC", text.lower())
        if not self.punctuation:
            text = _without_punctuation(text)
        return " ".join(text.split())


def alphabet(texts):
    """Returns the characters of texts, sorted.

    Args:
        texts: Iterable of `str`, normalised.

    Returns:
        `str`, each character once.

    Raises:
        UserError: if there are none.
    """
    characters = set().union(*texts)
    if not characters:
        raise UserError("the texts have no characters")
    return "".join(sorted(characters))


def _without_punctuation(text):
    # An apostrophe is inside of a word if it has letters, marks or digits around it.
    text = re.sub(r"(?<![^\W_])'|'(?![^\W_])", "", text.translate(_APOSTROPHES))
    return "".join(map(_spoken, text))


@functools.cache
def _spoken(char):
    category = unicodedata.category(char)
    if category == "Pd" or char == "/":
        return " "
    return "" if category[0] in "PS" and char != "'" else char


def _train(texts, size):
    """Returns the file of a SentencePiece model, as `bytes`."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        vocab_size=size,
        character_coverage=1.0,
        normalization_rule_name="identity",
        max_sentence_length=_LONGEST,
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        num_threads=1,
        minloglevel=3,
    )
    return model.getvalue()


def _unsuitable(size, texts, reason):
    """The `UserError` for a number of pieces that texts cannot give."""
    fitting = _most_pieces(texts, reason)
    if fitting:
        return UserError(
            f"{size:,} pieces are too many for these texts",
            mend=f"Ask for {fitting:,}",
        )
    needed = len(set("".join(texts)) - {" "}) + 2  # with the blank and the mark
    if size < needed:
        return UserError(
            f"{size:,} pieces are too few for the texts' different characters",
            mend=f"Ask for at least {needed:,}",
        )
    return UserError(f"no pieces could be learnt from the texts ({reason})")


def _most_pieces(texts, reason):
    """Returns a number of pieces that works where too many were asked for, or `None`.

    With the number in SentencePiece's complaint it may complain again.
    """
    while most := re.search(r"value <= (\d+)", reason):
        try:
            _train(texts, int(most[1]))
            return int(most[1])
        except (RuntimeError, ValueError) as error:
            reason = str(error)
    return None


def _read(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", path) from error


def _damaged(path, error):
    return UserError(f"is damaged ({error})", path, "Copy it again from its run")
