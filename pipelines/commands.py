"""The commands that need no task."""

import time
from pathlib import Path

from ..errors import UserError
from ..serving.quiet import import_tensorflow
from .environment import start_tensorflow
from .registry import TASKS

_WITHOUT_BATCHING = (
    "To choose batching values, measure a server without batching: "
    "amalthea serve MODELS --no-batching"
)


def tasks(words):
    """`amalthea tasks`"""
    if words:
        raise UserError(f"`tasks` takes no arguments, received {words[0]}")
    for entry in TASKS.values():
        print(f"{entry.name:10} {entry.summary}")


def check(words):
    """`amalthea check`; returns 1 if there are findings."""
    from .verbs import Check, parse

    folder = parse(Check, words, "amalthea check").folder
    start_tensorflow()
    from ..serving.check import check

    result = check(folder)
    for line in result.lines():
        print(line)
    return int(bool(result.findings))


def serve(words):
    """`amalthea serve`; returns when the server has been stopped."""
    from .verbs import Serve, parse

    arguments = parse(Serve, words, "amalthea serve")
    from ..serving.server.engine import serve

    return serve(arguments.models, arguments.options, arguments.engine)


def ask(words):
    """`amalthea ask`"""
    from .verbs import Ask, parse

    arguments = parse(Ask, words, "amalthea ask")
    _prepare_client(arguments.url)
    from ..serving.client.ask import ask

    lines = ask(
        arguments.url,
        arguments.model,
        list(arguments.inputs),
        signature=arguments.signature,
        version=arguments.version,
        label=arguments.label,
        as_json=arguments.json,
        timeout=arguments.timeout,
    )
    for line in lines:
        print(line, flush=True)


def bench(words):
    """`amalthea bench`"""
    from .verbs import Bench, parse

    arguments = parse(Bench, words, "amalthea bench")
    from ..serving.bench import HEADING, bench, check_folder, check_version_dir

    check_folder(arguments.out)
    if arguments.write is not None:
        check_version_dir(arguments.write)
    _prepare_client(arguments.url)
    heading = [HEADING]

    def show(measurement):
        print(*heading, measurement.line(), sep="\n", flush=True)
        heading.clear()

    result = bench(
        arguments.url,
        arguments.model,
        list(arguments.input),
        signature=arguments.signature,
        version=arguments.version,
        label=arguments.label,
        concurrency=arguments.concurrency,
        batch=arguments.batch or None,
        seconds=arguments.seconds,
        max_requests=arguments.max_requests,
        max_seconds=arguments.max_seconds,
        allow_remote=arguments.allow_remote,
        progress=show,
    )
    _finish_bench(result, arguments.out, arguments.write)


def _finish_bench(result, out, version_dir):
    """Prints what a sweep found, then writes it."""
    from ..serving.bench import write_suggestion

    suggestion, reasons = None, []
    try:
        suggestion = result.suggestion()
        reasons = [*suggestion.reasons, "", suggestion.parameters.text()]
    except UserError as error:
        reasons = [str(error)]
    # First, so that a disk that is full does not take it along.
    print(*result.notes(), _WITHOUT_BATCHING, "", *reasons, sep="\n", flush=True)
    print(*result.write(out), sep="\n", flush=True)
    if version_dir is not None:
        if suggestion is None or result.interrupted:
            print(f"{version_dir}: left as it is")
        else:
            print(*write_suggestion(version_dir, suggestion), sep="\n")
    if result.interrupted:
        raise KeyboardInterrupt


def label(words):
    """`amalthea label`"""
    from .verbs import Label, parse

    arguments = parse(Label, words, "amalthea label")
    from ..serving.bundle.labels import read_labels, set_labels

    if arguments.labels:
        set_labels(arguments.model, _assignments(arguments.labels), sleep=_wait)
    for name, version in sorted(read_labels(arguments.model).items()):
        print(f"{name} {version}")


def quickstart(words):
    """`amalthea quickstart`"""
    from .verbs import Quickstart, parse

    folder = parse(Quickstart, words, "amalthea quickstart").folder
    start_tensorflow()
    from .quickstart import quickstart

    quickstart(Path(folder))


def _prepare_client(url):
    # The messages of gRPC's API load TensorFlow; let it be quiet.
    if url.startswith("grpc"):
        import_tensorflow()


def _wait(seconds):
    print(f"waiting {seconds:.0f} s, until a server has followed", flush=True)
    time.sleep(seconds)


def _assignments(words):
    found = {}
    for word in words:
        name, version = _assignment(word)
        if name in found:
            raise UserError(f"label {name} is given twice")
        found[name] = version
    return found


def _assignment(word):
    name, _, version = word.partition("=")
    if name and version == "none":
        return name, None
    if not name or not version.isdecimal() or not version.isascii():
        raise UserError(
            f"Invalid value for a label: expected LABEL=N or LABEL=none, "
            f"received {word}"
        )
    return name, int(version)


COMMANDS = {
    # name: (function, one line)
    "tasks": (tasks, "what there is, one line each"),
    "serve": (serve, "serve exported models by REST and gRPC"),
    "ask": (ask, "ask a served model"),
    "check": (check, "audit an exported model and replay its warm-up"),
    "label": (label, "point labels such as `stable` to versions of a model"),
    "bench": (bench, "measure a served model under load; suggest batching values"),
    "quickstart": (quickstart, "train, export, check, serve on an embedded data set"),
}
