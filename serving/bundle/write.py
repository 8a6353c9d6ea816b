"""What an export puts into its version folder beside the model."""

import dataclasses

from ..batching_parameters import FILE_NAME as BATCHING_FILE
from ..model_info import DEFAULT_SIGNATURE
from ..records import WARMUP_FILE, write_records
from .card import Bundle, model_card
from .examples import EXAMPLE_FILE, check_examples, rest_request
from .measure import (
    batching_file,
    choose,
    cpu_cores,
    measure,
    measured_on,
)
from .models_config import CARD_FILE
from .warm_up import make_warm_up

BUNDLE_FILES = frozenset([BATCHING_FILE, CARD_FILE, EXAMPLE_FILE, WARMUP_FILE])


def write_bundle(folder, model, report, name, version, examples=None, about=None):
    """Measures and warms up a model; writes what a server and its users need.

    Args:
        folder: The folder that holds the saved model.
        model: The `ServedModel` loaded from it.
        report: Its `Audit`.
        name: The model's name.
        version: Its number.
        examples: Dict from signature name to a dict from input name to a numpy
            array `[rows, ...]` of real rows. Without any, only the card is
            written.
        about: What more the card says, an `About`.

    Raises:
        UserError: if the examples do not fit the model, or it rejects them.
    """
    examples = examples or {}
    check_examples(examples, model.signatures)
    bundle = Bundle(name, version, report)
    if examples:
        bundle = _measured(folder, model, examples, bundle)
    files = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }
    card = model_card(bundle, files, about)
    (folder / CARD_FILE).write_text(card, encoding="utf-8")


def _measured(folder, model, examples, bundle):
    def run(signature, inputs):
        return model.predict(signature, **inputs)

    timings = measure(run, examples)
    splits = all(signature.is_splittable for signature in model.signatures.values())
    parameters = choose(timings, cpu_cores(), splits)
    where = measured_on()
    path = f"MODELS/{bundle.name}/{bundle.version}"
    text = batching_file(parameters, timings, where, path)
    (folder / BATCHING_FILE).write_text(text, encoding="utf-8")

    warm_up = make_warm_up(run, bundle.name, examples, parameters.batch_sizes)
    if warm_up.logs:
        write_records(folder / WARMUP_FILE, warm_up.logs)

    request = examples.get(DEFAULT_SIGNATURE)
    if request is not None:
        (folder / EXAMPLE_FILE).write_text(rest_request(request), encoding="utf-8")
    return dataclasses.replace(
        bundle,
        timings=timings,
        parameters=parameters,
        measured_on=where,
        warm_up=warm_up,
        has_request=request is not None,
    )
