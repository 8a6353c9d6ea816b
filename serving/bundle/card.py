"""`MODEL_CARD.md`: what an exported model is, and how to ask it."""

import dataclasses
import datetime
import importlib.metadata

from ... import __version__
from ..batching_parameters import FILE_NAME as BATCHING_FILE
from ..golden import ATOL, RTOL
from ..model_info import DEFAULT_SIGNATURE
from ..ops import TEXT_OPS
from ..records import WARMUP_FILE
from .about import About
from .examples import EXAMPLE_FILE
from .measure import table
from .models_config import CARD_FILE

_URL = "http://localhost:8501"
_PURPOSES = {
    "saved_model.pb": "the graph with its signatures",
    "fingerprint.pb": "TensorFlow's fingerprint of the graph",
    "variables/": "the weights",
    "assets/": "files that the graph reads, such as vocabularies",
    "assets.extra/": "the warm-up and whatever else was put here",
    BATCHING_FILE: "how a server runs requests together",
    EXAMPLE_FILE: "the request above",
    CARD_FILE: "this card",
}


@dataclasses.dataclass(frozen=True)
class Bundle:
    """What was found out about an export while it was made.

    Attributes:
        name: The model's name.
        version: Its number.
        report: The `Audit`.
        timings: A list of `Timing`, empty if nothing was measured.
        parameters: The `BatchingParameters` chosen, or `None`.
        measured_on: What the timings hold for.
        warm_up: The `WarmUp`, or `None`.
        has_request: Whether there is an `example.json`.
    """

    name: str
    version: int
    report: object
    timings: list = dataclasses.field(default_factory=list)
    parameters: object = None
    measured_on: str = ""
    warm_up: object = None
    has_request: bool = False


def model_card(bundle, files, about=None):
    """Writes a model card.

    Args:
        bundle: A `Bundle`.
        files: Dict from the path of each file of the version, relative to its
            folder, to its size in bytes.
        about: What more is known of the model, an `About`.

    Returns:
        Markdown text.
    """
    about = about or About()
    title = about.title if about.title != bundle.name else ""
    lines = [f"# {bundle.name}", "", title, "", about.summary, ""]
    lines += _facts(bundle, files)
    lines += _ask(bundle)
    if about.metrics:
        lines += ["## Metrics", ""]
        rows = [(name, _number(value)) for name, value in about.metrics.items()]
        lines += _table(("metric", "value"), rows)
    if about.data:
        lines += ["## Data", "", about.data, ""]
    if about.notes:
        lines += ["## Notes", "", *(f"- {_cell(note)}" for note in about.notes), ""]
    lines += _signatures(bundle)
    lines += _serving(bundle)
    lines += _files(files)
    lines += _ops(bundle)
    text = "\n".join(lines).rstrip() + "\n"
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text


def _facts(bundle, files):
    packages = {"amalthea": __version__}
    names = ["tensorflow", "keras"]
    if TEXT_OPS & set(bundle.report.ops):
        names.append("tensorflow-text")
    for name in names:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    made = datetime.datetime.now(datetime.UTC)
    size = sum(files.values())
    rows = [
        ("model", f"`{bundle.name}`, version {bundle.version}"),
        ("made", f"{made:%Y-%m-%d %H:%M} UTC"),
        ("size", _size(size)),
        ("packages", ", ".join(f"{key} {value}" for key, value in packages.items())),
    ]
    return _table(("", ""), rows)


def _ask(bundle):
    lines = ["## Ask it", ""]
    lines += [
        "Start a server in the folder of models: `docker compose up -d` on a GPU,",
        "`docker compose up -d cpu` without one, or `amalthea serve .` without Docker.",
    ]
    if not bundle.has_request:
        url = f"{_URL}/v1/models/{bundle.name}/metadata"
        return [*lines, "Then:", "", "```bash", f"curl -s {url}", "```", ""]
    request = f"{bundle.name}/{bundle.version}/{EXAMPLE_FILE}"
    url = f"{_URL}/v1/models/{bundle.name}:predict"
    inputs = bundle.report.signatures[DEFAULT_SIGNATURE].inputs
    values = ", ".join(f'"{name}": [...]' for name in inputs)
    return [
        *lines,
        "Then, in the same folder:",
        "",
        "```bash",
        f"curl -s -d @{request} {url}",
        "```",
        "",
        "The same in Python, with nothing installed:",
        "",
        "```bash",
        f"python3 -c \"from urllib.request import urlopen; print(urlopen('{url}', "
        f"open('{request}', 'rb').read()).read().decode())\"",
        "```",
        "",
        "With this package, for many inputs at a time and with typed errors:",
        "",
        "```python",
        "from amalthea.serving import Client",
        "",
        f'Client("{_URL}").predict("{bundle.name}", {{{values}}})',
        "```",
        "",
    ]


def _signatures(bundle):
    lines = ["## Signatures", ""]
    for signature in bundle.report.signatures.values():
        lines += [f"### `{signature.name}`", ""]
        rows = [
            (kind, f"`{info.name}`", info.dtype, _shape(info.shape))
            for kind, infos in (
                ("input", signature.inputs),
                ("output", signature.outputs),
            )
            for info in infos.values()
        ]
        lines += _table(("", "name", "dtype", "shape"), rows)
    return [*lines, "`?` is any size; the first axis counts the examples.", ""]


def _serving(bundle):
    lines = ["## Batching and warm-up", ""]
    if bundle.parameters is None:
        lines.append(
            "There were no examples at export, so nothing was measured: a server "
            "runs each request by itself, and the first ones are slow."
        )
        return [*lines, ""]
    parameters = bundle.parameters
    lines += [
        f"Measured at export on {bundle.measured_on}:",
        "",
        "```",
        *table(bundle.timings),
        "```",
        "",
        f"From this follow the values below; `{BATCHING_FILE}` holds the current ones.",
        "",
    ]
    sizes = _numbers(parameters.batch_sizes)
    rows = [
        ("most rows that run together", parameters.largest_batch),
        ("sizes that a batch is padded to", sizes),
        ("most rows of one request, split if need be", parameters.max_batch_size),
        ("wait for others", f"{parameters.batch_timeout_micros / 1e3:g} ms"),
        ("batches that may wait", parameters.max_enqueued_batches),
        (
            "threads",
            f"{parameters.num_batch_threads} with `amalthea serve`; TensorFlow Serving "
            "takes the pool of `batching.config`",
        ),
    ]
    lines += _table(("setting", "value"), rows)
    lines += [
        "On another machine, a GPU above all, measure again, in the folder of models:",
        "",
        "```bash",
        "amalthea serve . --no-batching",
        f"amalthea bench {_URL} {bundle.name} --input FILE... "
        f"--write {bundle.name}/{bundle.version}",
        "```",
        "",
        "Docker's server runs without batching once the lines `--enable_batching` and",
        "`--batching_parameters_file` in `compose.yaml` are comments.",
        "",
    ]
    lines += _warm_up(bundle.warm_up)
    return lines


def _warm_up(warm_up):
    if warm_up is None or not warm_up.logs:
        return ["There is no warm-up: the examples are too large to keep.", ""]
    kept = "; ".join(
        f"`{name}` with {_numbers(rows)} rows"
        for name, rows in warm_up.kept.items()
        if rows
    )
    lines = [
        f"`{WARMUP_FILE}` makes a server run {len(warm_up.logs)} requests when it "
        f"loads the model, so that the first real ones are fast: {kept}.",
    ]
    if warm_up.dropped:
        dropped = "; ".join(
            f"`{name}` with {_numbers(rows)} rows"
            for name, rows in warm_up.dropped.items()
        )
        lines.append(f"Left out because they are too large: {dropped}.")
    lines += [
        "Each comes with the answer given at export. `amalthea check` replays them",
        f"and compares: numbers may differ by {ATOL:g} + {RTOL:g} of their size, all",
        "else must be equal.",
        "",
    ]
    return lines


def _files(files):
    sizes = {}
    for path, size in {**files, CARD_FILE: None}.items():
        top, slash, _ = path.partition("/")
        top += slash
        sizes[top] = None if size is None else sizes.get(top, 0) + size
    rows = [
        (
            f"`{name}`",
            "" if sizes[name] is None else _size(sizes[name]),
            _PURPOSES.get(name, ""),
        )
        for name in sorted(sizes)
    ]
    return ["## Files", "", *_table(("file", "size", "what it is"), rows)]


def _ops(bundle):
    ops = bundle.report.ops
    text_ops = sorted(TEXT_OPS & set(ops))
    core = [op for op in ops if op not in TEXT_OPS]
    lines = [
        "<details>",
        f"<summary>{len(ops)} kinds of ops, all of which TensorFlow Serving has"
        "</summary>",
    ]
    if text_ops:
        lines += ["", "Of tensorflow-text:", "", _codes(text_ops), "", "Of TensorFlow:"]
    return [*lines, "", _codes(core), "", "</details>", ""]


def _table(heading, rows):
    lines = [f"| {' | '.join(heading)} |", f"|{' --- |' * len(heading)}"]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return [*lines, ""]


def _cell(value):
    return " ".join(str(value).split()).replace("|", "\\|")


def _codes(names):
    return ", ".join(f"`{name}`" for name in names)


def _numbers(values):
    return ", ".join(map(str, values))


def _number(value):
    return f"{value:.4g}" if isinstance(value, float) else value


def _shape(shape):
    return f"[{', '.join('?' if axis is None else str(axis) for axis in shape)}]"


def _size(count):
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"
