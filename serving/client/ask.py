"""`amalthea ask`: a model's answers to what stands on the command line."""

import base64
import json

from .client import Client
from .words import choose_signature, find_rows, load_inputs

_EXAMPLES = 32  # read and sent at a time
_MOST_ITEMS = 8  # of an array that is shown in full


def ask(
    url,
    model,
    words,
    *,
    signature=None,
    version=None,
    label=None,
    as_json=False,
    timeout=30.0,
):
    """Asks a model server and shows the answers.

    Args:
        url: The server, as for `Client`.
        model: The model's name.
        words: What to ask for. With one input of strings each is a file, a
            folder, a pattern, `-` (standard input) or a text; with one input
            of numbers JSON; with several inputs `NAME=VALUE`.
        signature: The signature's name; `None` is `serving_default` or the
            only one.
        version: The model's version; `None` is the one the server chooses.
        label: A label of a version, instead of the version.
        as_json: Whether to show JSON, one object per example, instead of a
            line for people, which leaves out outputs of empty text.
        timeout: How long one request may take, in seconds. Up to 32 examples go
            in one.

    Yields:
        Lines to print, one per example.

    Raises:
        UserError: if a word cannot be understood.
        ServerError: if a request failed.
    """
    where = {"version": version, "label": label}
    show = _json_line if as_json else _line
    with Client(url, timeout=timeout) as client:
        chosen = choose_signature(client.metadata(model, **where), signature, model)
        rows = find_rows(chosen, words)
        step = _examples_at_a_time(chosen)
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            outputs = client.predict(
                model, load_inputs(chosen, part), signature=chosen.name, **where
            )
            yield from map(show, *_by_example(part, outputs))


def _examples_at_a_time(signature):
    fixed = [info.shape[0] for info in signature.inputs.values() if info.shape]
    return min((size for size in fixed if size), default=_EXAMPLES)


def _by_example(rows, outputs):
    """The sources and, for each, the outputs: a dict from name to its value."""
    sources = [source for source, _ in rows]
    if all(array.shape[:1] == (len(rows),) for array in outputs.values()):
        return sources, [
            {name: array[row] for name, array in outputs.items()}
            for row in range(len(rows))
        ]
    # Not one entry per example: what belongs to which cannot be told.
    return [" ".join(sources)], [outputs]


def _line(source, outputs):
    told = {name: value for name, value in outputs.items() if not _is_empty(value)}
    values = [f"{name}={_in_words(value)}" for name, value in (told or outputs).items()]
    return "  ".join([" ".join(source.split()), *values])


def _is_empty(value):
    """Whether it is an empty text, or an array of nothing else."""
    if isinstance(value, bytes):
        return not value
    return value.dtype.kind == "O" and not any(value.flat)


def _in_words(value):
    if isinstance(value, bytes):
        try:
            return " ".join(value.decode().split())
        except UnicodeDecodeError:
            return f"<{len(value)} bytes>"
    if getattr(value, "ndim", 0):
        if value.size > _MOST_ITEMS and value.ndim > 1:
            axes = ", ".join(map(str, value.shape))
            kind = "string" if value.dtype.kind == "O" else value.dtype
            return f"{kind}[{axes}]"
        shown = [_in_words(item) for item in value[:_MOST_ITEMS]]
        if len(value) > len(shown):
            shown.append(f"... {len(value)} in all")
        return f"[{', '.join(shown)}]"
    kind = value.dtype.kind
    if kind == "O":
        return _in_words(value.item())
    if kind == "b":
        return "true" if value else "false"
    return f"{value:.4g}" if kind == "f" else str(value)


def _json_line(source, outputs):
    values = {name: _plain(name, value) for name, value in outputs.items()}
    return json.dumps({"input": source, "outputs": values}, ensure_ascii=False)


def _plain(name, value):
    if isinstance(value, list):
        return [_plain(name, item) for item in value]
    if hasattr(value, "dtype"):
        if value.dtype in ("float16", "float32"):
            # The shortest digits, 0.1 and not 0.10000000149011612.
            value = value.astype(str).astype(float)
        return _plain(name, value.tolist())
    if not isinstance(value, bytes):
        return value
    if not name.endswith("_bytes"):
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(value).decode("ascii")}
