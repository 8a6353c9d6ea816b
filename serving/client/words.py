"""Words of a command line to the inputs of a model."""

import glob
import json
import sys
from pathlib import Path
from typing import NamedTuple

from ...errors import UserError
from ..model_info import DEFAULT_SIGNATURE

_PATTERN = frozenset("*?[")


class Word(NamedTuple):
    """What one word stands for.

    Attributes:
        source: What to call it: a path, a text, `"-"`.
        content: The `Path` of a file, or the value itself.
    """

    source: str
    content: object


def choose_signature(signatures, name, model):
    """The signature that a command is about.

    Args:
        signatures: Dict of `Signature` by name.
        name: Its name; `None` is `serving_default`, or the only one.
        model: The model's name, for the error.

    Returns:
        A `Signature`.

    Raises:
        UserError: if there is none of this name, or there are several.
    """
    if name is None:
        only = next(iter(signatures)) if len(signatures) == 1 else None
        name = DEFAULT_SIGNATURE if DEFAULT_SIGNATURE in signatures else only
    if name not in signatures:
        there = ", ".join(signatures) or "none"
        raise UserError(
            "no such signature" if name else "several signatures",
            name or model,
            f"Choose one of: {there}",
        )
    return signatures[name]


def find_rows(signature, words):
    """Finds out what the words of a command line stand for.

    With one input of strings, a word is a file, a folder (all its files), a
    pattern such as `"photos/*.jpg"`, `-` (standard input) or, where the input's
    name does not end in `_bytes`, a text. With one input of numbers it is JSON:
    one example. With several inputs each word is `NAME=` and such a word; an
    input with one value has it for every example.

    Args:
        signature: The `Signature`.
        words: A list of `str`.

    Returns:
        A list of pairs, one per example: what to call it, and a dict from
        input name to `Word`.

    Raises:
        UserError: if a word cannot be understood.
    """
    infos = signature.inputs
    columns = {name: [] for name in infos}
    for word in words:
        name, value = _name_and_value(infos, word)
        columns[name] += _read_word(infos[name], value)
    named = max(columns.values(), key=len, default=[])
    count = len(named)
    for name, found in columns.items():
        if not found:
            what = f"no value for input `{name}` ({infos[name]})"
            raise UserError(what, mend=f"Give {_form(infos)}")
        if len(found) == 1:
            columns[name] = found * count
        elif len(found) != count:
            what = f"{len(found)} values for input `{name}`, {count} for another"
            raise UserError(what, mend="Give one, or one per example")
    return [
        (named[row].source, {name: column[row] for name, column in columns.items()})
        for row in range(count)
    ]


def load_inputs(signature, rows):
    """Reads the files of some examples.

    Args:
        signature: The `Signature`.
        rows: Some of what `find_rows` returned.

    Returns:
        A dict from input name to a list of values, as `Client.predict` takes it.

    Raises:
        UserError: if a file cannot be read.
    """
    return {
        name: [_load(info, words[name].content) for _, words in rows]
        for name, info in signature.inputs.items()
    }


def _name_and_value(infos, word):
    if len(infos) == 1:
        return next(iter(infos)), word
    name, equals, value = word.partition("=")
    if not equals or name not in infos:
        raise UserError(
            "not a value for one of the inputs", word, f"Give {_form(infos)}"
        )
    return name, value


def _form(infos):
    if len(infos) == 1:
        return "one value per example"
    return " ".join(f"{name}=..." for name in infos)


def _read_word(info, word):
    if info.dtype != "string":
        value = _json(info, word)
        _check_shape(info, word, value)
        return [Word(word, value)]
    if word == "-":
        return [Word(word, _without_newline(info, sys.stdin.buffer.read()))]
    files = _files(word)
    if files is not None:
        if not files:
            raise UserError("no files", word)
        return [Word(str(file), file) for file in files]
    if info.name.endswith("_bytes"):
        raise UserError("no such file", word)
    return [Word(word, word)]


def _files(word):
    """The files that a word names, or `None` if it is no path."""
    try:
        path = Path(word)
        if path.is_dir():
            return sorted(
                file
                for file in path.rglob("*")
                if file.is_file()
                and not any(
                    part.startswith(".") for part in file.relative_to(path).parts
                )
            )
        if path.is_file():
            return [path]
        if _PATTERN & set(word):
            found = map(Path, glob.glob(word, recursive=True))
            return sorted(file for file in found if file.is_file()) or None
    except (OSError, ValueError):  # too long for a path, or a zero byte in it
        return None
    return None


def _json(info, word):
    try:
        return json.loads(word)
    except ValueError:
        content = None
    files = _files(word)
    if files and len(files) == 1:
        content = files[0]
        try:
            return json.loads(_read(content))
        except ValueError:
            pass
    raise UserError(f"not JSON, as input `{info}` needs it", word)


def _check_shape(info, word, value):
    if not info.shape:
        return  # of unknown rank, or not by example
    shape, wanted = [], info.shape[1:]
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    if len(shape) == len(wanted) and all(
        axis in (None, size) for size, axis in zip(shape, wanted, strict=True)
    ):
        return
    raise UserError(
        f"an example of input `{info}` is {_shape_in_words(wanted)}, received "
        f"{_shape_in_words(shape)}",
        word,
        "Give each example as a word of its own" + (", such as 1 2" * (not wanted)),
    )


def _shape_in_words(shape):
    axes = ", ".join("?" if axis is None else str(axis) for axis in shape)
    return f"an array of the shape [{axes}]" if shape else "a single value"


def _load(info, content):
    if isinstance(content, Path):
        return _without_newline(info, _read(content))
    return content


def _read(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", path) from error


def _without_newline(info, content):
    # The newline at the end of a file or of `echo` is no part of the text.
    if info.name.endswith("_bytes"):
        return content
    return content.removesuffix(b"\n").removesuffix(b"\r")
