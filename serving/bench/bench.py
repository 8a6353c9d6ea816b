"""The sweep over numbers of clients and sizes of requests."""

import datetime
import ipaddress
import os

from ...errors import UserError
from ..client import Client
from ..client.address import parse_address
from ..client.client import connect
from ..client.targets import Target
from ..client.words import choose_signature, find_rows, load_inputs
from .load import Budget, run_clients
from .result import BenchResult

_CONCURRENCY = (1, 2, 4, 8, 16, 32)
_BATCH = (1, 4, 16, 64)
_MOST_EXAMPLES = 256  # read of the user's files
_MOST_VARIANTS = 8  # different requests of one size
_MOST_BYTES = 64 << 20  # of all requests of one size, which are kept encoded


def bench(
    url,
    model,
    inputs,
    *,
    signature=None,
    version=None,
    label=None,
    concurrency=_CONCURRENCY,
    batch=None,
    seconds=2.0,
    warm_up=2,
    max_requests=20_000,
    max_seconds=300.0,
    timeout=30.0,
    allow_remote=False,
    progress=None,
):
    """Measures how fast a model server answers under load.

    For each number of clients and each size of request, so many threads with a
    connection of their own send real examples in a closed loop: the next
    request goes out when the answer has come. The requests are encoded
    beforehand and the answers are not read, so that the client does not limit.
    Nothing is sent twice; what fails is counted.

    Args:
        url: The server, as for `Client`.
        model: The model's name.
        inputs: Real examples: what `Client.predict` takes, or a list of words
            as `amalthea ask` takes them. They are used in turn.
        signature: The signature's name; `None` is `serving_default` or the
            only one.
        version: The model's version; `None` is the one the server chooses.
        label: A label of a version, instead of the version.
        concurrency: The numbers of clients.
        batch: The sizes of requests, in examples; `None` is 1, 4, 16 and 64
            where examples can be put together, else 1.
        seconds: How long each setting is measured, in seconds.
        warm_up: Requests of each client before that, not counted.
        max_requests: The most requests of the whole sweep.
        max_seconds: The longest time of the whole sweep, in seconds.
        timeout: How long one request may take, in seconds.
        allow_remote: Whether the server may be another machine than this one.
        progress: Called with each `Measurement` when it is done, or `None`.

    Returns:
        A `BenchResult`. If a limit or Ctrl-C ended the sweep early, it says so.

    Raises:
        KeyboardInterrupt: after Ctrl-C, where nothing was measured before it.
        UserError: if a setting is invalid, or the server is another machine.
        ServerError: if the server does not answer a single request.
    """
    address = parse_address(str(url))
    if not allow_remote and not _is_loopback(address.host):
        raise UserError(
            "is another machine, which a load test could harm",
            url,
            "If it is yours to load, allow it with --allow-remote",
        )
    _check_settings(concurrency, batch, seconds, max_requests, max_seconds, timeout)
    target = Target(model, version, label)
    where = {"version": version, "label": label}
    with Client(url, timeout=timeout) as client:
        signatures = client.metadata(model, **where)
        chosen = choose_signature(signatures, signature, model)
        if not isinstance(inputs, dict):
            rows = find_rows(chosen, list(inputs))[:_MOST_EXAMPLES]
            inputs = load_inputs(chosen, rows)
        examples = _Examples(chosen, inputs)
        sizes = examples.sizes(batch)
        client.predict(model, examples.batch(0, 1), signature=chosen.name, **where)
        measured = _measured(address, model, client.status(model, **where))
    budget = Budget(max_requests, max_seconds)
    measurements, interrupted = [], False
    try:
        for size in sizes:
            if budget.spent():
                break
            requests = _encoded(address, target, chosen, examples, size)
            for clients in concurrency:
                if budget.spent():
                    break
                found = run_clients(
                    address, requests, size, clients, seconds, warm_up, timeout, budget
                )
                measurements.append(found)
                if progress is not None:
                    progress(found)
    except KeyboardInterrupt:
        if not measurements:
            raise
        interrupted = True
    return BenchResult(
        url=str(url),
        model=model,
        signature=chosen.name,
        measured=measured,
        measurements=tuple(measurements),
        server_cores=_server_cores(address),
        stopped="interrupted" if interrupted else budget.spent(),
        interrupted=interrupted,
        splits=all(each.is_splittable for each in signatures.values()),
    )


class _Examples:
    """Examples that follow each other in a circle.

    Args:
        signature: The `Signature`.
        inputs: What `Client.predict` takes.
    """

    def __init__(self, signature, inputs):
        from ..client.tensors import count_rows, input_arrays

        self.arrays = input_arrays(signature, inputs)
        self.rows = count_rows(signature, self.arrays)
        if self.rows == 0:
            raise UserError("no examples to send", mend="Give some with --input")

    def sizes(self, wanted):
        """The sizes of requests to measure."""
        if self.rows is not None:
            return _BATCH if wanted is None else wanted
        if wanted is not None and set(wanted) != {1}:
            raise UserError(
                "this signature does not take several examples at once",
                mend="Measure it with --batch 1",
            )
        return (1,)

    def batch(self, first, size):
        """The arrays of `size` examples, from one on."""
        if self.rows is None:
            return self.arrays
        rows = [(first + row) % self.rows for row in range(size)]
        return {name: array[rows] for name, array in self.arrays.items()}


def _encoded(address, target, signature, examples, size):
    """Some different requests of one size, ready to be sent."""
    transport = connect(address)
    requests, room = [], _MOST_BYTES
    for variant in range(min(_MOST_VARIANTS, examples.rows or 1)):
        arrays = examples.batch(variant * size, size)
        request = transport.request(target, signature, arrays, None)
        body = request.encode()
        room -= len(body)
        if requests and room < 0:
            break
        requests.append((request.path, body))
    transport.close()
    return requests


def _measured(address, model, versions):
    """When and on what, in words, for the files that are written."""
    time = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
    loaded = [item.version for item in versions if item.state == "AVAILABLE"]
    version = f" version {max(loaded)}" if loaded else ""
    cores = _server_cores(address)
    text = f", client and server on the same {cores} CPU cores" if cores else ""
    return f"{time}, {address.url}, model {model}{version}{text}"


def _server_cores(address):
    return len(os.sched_getaffinity(0)) if _is_loopback(address.host) else None


def _is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_settings(concurrency, batch, seconds, max_requests, max_seconds, timeout):
    for name, values in (("concurrency", concurrency), ("batch", batch or (1,))):
        if not values or any(value < 1 for value in values):
            raise UserError(
                f"Invalid value for `{name}`: expected numbers of at least 1, "
                f"received {values}"
            )
    for name, value in (
        ("seconds", seconds),
        ("max_requests", max_requests),
        ("max_seconds", max_seconds),
        ("timeout", timeout),
    ):
        if value <= 0:
            raise UserError(
                f"Invalid value for `{name}`: expected more than 0, received {value}"
            )
