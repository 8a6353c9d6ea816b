"""The few YAML forms that describe a YOLO data set."""

import re

from ...errors import UserError

_KEY = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#'"\[{-][^#]*?)\s*:(?:\s|$)"""
)
_FLOW = re.compile(
    r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[\[\]{},]|:(?=\s)"""
    r"""|[^\s,\[\]{}'"](?:(?!:\s)[^,\[\]{}])*)"""
)
_COMMENT = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(?:^|(?<=\s))#.*""")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t"}


def read_yolo_config(path, keys):
    """Reads some settings of a `data.yaml`.

    Understood are scalars, and lists and dicts of scalars, in one line with
    brackets or one entry a line. That is all that such files are written in; other
    keys may hold anything.

    Args:
        path: The file.
        keys: The keys to read.

    Returns:
        Dict of those keys that are there, to a string, a list of strings or a dict
        from string to string. An empty value is left out.

    Raises:
        UserError: if the file cannot be read, or one of these values is none of
            these forms.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read ({error})", path) from error
    values = {}
    for key, block in _blocks(lines).items():
        if key not in keys:
            continue
        try:
            value = _value([_COMMENT.sub(r"\1", line).rstrip() for line in block])
        except ValueError as error:
            raise UserError(
                f"has a value of {key!r} that cannot be understood",
                path,
                "Write it as a list, one entry a line",
            ) from error
        if value not in ("", "null", "~"):
            values[key] = value
    return values


def _blocks(lines):
    """Returns a dict from each key at the margin to the lines of its value."""
    blocks, block = {}, []
    for line in lines:
        match = _KEY.match(line)
        if match:
            block = blocks[_scalar(match[1])] = [line[match.end() :]]
        else:
            block.append(line)
    return blocks


def _value(lines):
    first = lines[0].strip()
    rest = [line for line in lines[1:] if line.strip() not in ("", "---", "...")]
    if first.startswith(("[", "{")):
        return _flow(" ".join([first, *rest]))
    if not first and rest and rest[0].strip().startswith(("[", "{")):
        return _flow(" ".join(rest))
    if first and rest:
        raise ValueError("a scalar over several lines")
    if first or not rest:
        return _scalar(first)
    if len({len(line) - len(line.lstrip()) for line in rest}) > 1:
        raise ValueError("nested values")
    entries = [line.strip() for line in rest]
    if all(entry == "-" or entry.startswith("- ") for entry in entries):
        return [_scalar(entry[1:].strip()) for entry in entries]
    pairs = [(_KEY.match(entry), entry) for entry in entries]
    if not all(match for match, _ in pairs):
        raise ValueError("neither a list nor a dict")
    return {_scalar(match[1]): _scalar(entry[match.end() :]) for match, entry in pairs}


def _flow(text):
    """Reads a list or dict in brackets."""
    tokens, at = [], 0
    while text[at:].strip():
        match = _FLOW.match(text, at)
        if match is None:
            raise ValueError("unknown characters")
        tokens.append(match[1].rstrip())
        at = match.end()
    opening, *inner, closing = tokens
    if opening + closing not in ("[]", "{}") or {*inner} & {*"[]{}"}:
        raise ValueError("unbalanced or nested brackets")
    entries, entry = [], []
    for token in [*inner, ","]:
        if token != ",":
            entry.append(token)
        elif entry:
            entries.append(entry)
            entry = []
    if opening == "[":
        if any(len(entry) != 1 for entry in entries):
            raise ValueError("no list of scalars")
        return [_scalar(entry[0]) for entry in entries]
    if any(len(entry) != 3 or entry[1] != ":" for entry in entries):
        raise ValueError("no dict of scalars")
    return {_scalar(key): _scalar(value) for key, _, value in entries}


def _scalar(text):
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text[1:-1])
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if text[:1] in {*"|>&*!\"'"}:
        raise ValueError("more than a scalar")
    return text
