"""A client of model servers."""

import threading
import types

from ...errors import UserError
from ..model_info import DEFAULT_SIGNATURE
from .address import parse_address
from .answers import AnswerMismatch
from .errors import (
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    Unavailable,
    server_error,
)
from .retries import Deadline, call_with_retries, poll
from .targets import Target

_MEBIBYTE = 1 << 20
HELPERS = "amalthea.client"  # the entry points that become methods


class Client:
    """Asks a model server, over REST or gRPC, with the same answers from both.

    Threads may share a client; its connections are kept open. Use it as a
    context manager, or call `close` when done. It speaks TensorFlow Serving's
    APIs, so the server may be TensorFlow Serving or `amalthea serve`.

    Helpers of the installed tasks are methods, too: `dir(client)` shows them.

    Args:
        url: `http://HOST:PORT` or `https://...` for REST, `grpc://HOST:PORT`
            or `grpcs://...` (encrypted) for gRPC. gRPC loads TensorFlow at the
            first call.
        api: `"rest"` or `"grpc"`, for a `url` without a scheme.
        timeout: How long a call may take, in seconds, all its requests,
            retries and pauses together.
        batch_size: The most examples in one request; more are sent one
            request after the other. `None`: any number.
        max_request_bytes: The most bytes in one request, where the examples
            can be sent apart. An example that is larger goes alone.
        retries: How many times a request is sent again. That is done only
            where the connection was refused or the host not found, and where the
            server answered `UNAVAILABLE` or `RESOURCE_EXHAUSTED` (HTTP 503 or
            429): it refused the request before any work. A run that was out of
            memory and a request that is too large have the same code, but are
            not repeated; neither is what a broken connection cut off.

    Raises:
        UserError: if `url` or a setting is invalid.

    Example:

    ```python
    with Client("http://localhost:8501") as client:
        image = open("cat.jpg", "rb").read()
        client.predict("pets", {"image_bytes": [image]})["label"]
    ```
    """

    def __init__(
        self,
        url,
        *,
        api=None,
        timeout=30.0,
        batch_size=32,
        max_request_bytes=32 * _MEBIBYTE,
        retries=2,
    ):
        self._address = parse_address(str(url), api)
        _check("timeout", timeout, timeout > 0, "more than 0")
        if batch_size is not None:
            _check("batch_size", batch_size, batch_size >= 1, "at least 1, or None")
        _check(
            "max_request_bytes", max_request_bytes, max_request_bytes >= 1, "at least 1"
        )
        _check("retries", retries, retries >= 0, "at least 0")
        self._timeout, self._retries = timeout, retries
        self._batch_size, self._max_bytes = batch_size, max_request_bytes
        self._lock = threading.Lock()  # guards _transport and _closed
        self._transport = None
        self._closed = False
        # From Target to signatures. Threads may both fetch and store the same.
        self._signatures = {}

    @property
    def url(self):
        """The server's URL."""
        return self._address.url

    @property
    def batch_size(self):
        """The most examples in one request, or `None` for any number."""
        return self._batch_size

    def predict(
        self,
        model,
        inputs,
        *,
        signature=DEFAULT_SIGNATURE,
        version=None,
        label=None,
        outputs=None,
        timeout=None,
    ):
        """Runs a signature of a model.

        Args:
            model: The model's name.
            inputs: Dict from input name to an array or nested lists with one
                entry per example. Text may be `str` or `bytes`.
            signature: The signature's name.
            version: The model's version; `None` is the one the server chooses.
            label: A label of a version, instead of the version.
            outputs: The names of the wanted outputs; `None` for all.
            timeout: In seconds; `None` is the client's.

        Returns:
            A dict from output name to numpy array, of the dtype that the
            signature states; strings are `bytes` in an array of dtype
            `object`. If the examples were sent in several requests and their
            answers differ in an inner axis, the smaller ones are filled up
            with zeros or empty strings.

        Raises:
            InvalidArgument: if the inputs do not fit the model.
            NotFound: if there is no such model, version or label.
            DeadlineExceeded: if there was no answer in time.
            ServerError: if the request failed otherwise.
        """
        target = _target(model, version, label)
        deadline = self._deadline(timeout)
        signatures = self._signatures.get(target)
        is_fresh = signatures is None
        if is_fresh:
            signatures = self._fetch_signatures(target, deadline)
        while True:
            try:
                return self._predict(
                    target, signatures, signature, inputs, outputs, deadline
                )
            except (AnswerMismatch, InvalidArgument) as error:
                # The server may have another version by now, of another signature.
                if not is_fresh:
                    known, is_fresh = signatures, True
                    signatures = self._fetch_signatures(target, deadline)
                    if signatures != known:
                        continue
                if isinstance(error, AnswerMismatch):
                    message = f"the answer does not fit the signature ({error})"
                    raise server_error("INTERNAL", message, self.url) from error
                raise

    def status(self, model, *, version=None, label=None, timeout=None):
        """Asks how the versions of a model stand.

        Args:
            model: The model's name.
            version: One version; `None` for all.
            label: A label of a version, instead of the version.
            timeout: In seconds; `None` is the client's.

        Returns:
            A list of `VersionStatus`, as the server sorts them.

        Raises:
            NotFound: if there is no such model, version or label.
            ServerError: if the request failed otherwise.
        """
        target = _target(model, version, label)
        return self._call("status", target, self._deadline(timeout))

    def metadata(self, model, *, version=None, label=None, timeout=None):
        """Asks for the signatures of a model.

        Args:
            model: The model's name.
            version: The model's version; `None` is the one the server chooses.
            label: A label of a version, instead of the version.
            timeout: In seconds; `None` is the client's.

        Returns:
            A dict of `Signature` by name.

        Raises:
            NotFound: if there is no such model, version or label.
            ServerError: if the request failed otherwise.
        """
        target = _target(model, version, label)
        return self._fetch_signatures(target, self._deadline(timeout))

    def wait_until_ready(self, model, timeout=60.0, *, version=None, label=None):
        """Waits until a model can be asked, also for the server to start.

        Args:
            model: The model's name.
            timeout: How long to wait, in seconds.
            version: Which version; `None` for any.
            label: A label of a version, instead of the version.

        Raises:
            DeadlineExceeded: if it cannot be asked by then; the text says how
                it stands.
            ServerError: if the server refuses to tell.
        """
        target = _target(model, version, label)

        def find_obstacle(attempt):
            try:
                versions = self._connected().status(target, attempt)
            except (NotFound, Unavailable, DeadlineExceeded) as error:
                return error.message
            if any(item.state == "AVAILABLE" for item in versions):
                return None
            return ", ".join(map(_in_words, versions)) or "no version"

        obstacle = poll(find_obstacle, self._deadline(timeout))
        if obstacle is not None:
            raise server_error(
                "DEADLINE_EXCEEDED",
                f"model {model} is not ready after {timeout:g} s: {obstacle}",
                self.url,
            )

    def close(self):
        """Closes the connections; the client cannot be used any more."""
        with self._lock:
            self._closed = True
            transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __repr__(self):
        return f"Client({self.url!r})"

    def __getattr__(self, name):
        # Only for names that are not there. Tasks offer helpers as entry points,
        # so that this module needs to know no task.
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        found = _helpers()
        if name not in found:
            there = ", ".join(sorted(found)) or "none"
            raise AttributeError(
                f"{type(self).__name__!r} has no attribute {name!r}; "
                f"helpers of the installed tasks: {there}"
            )
        return types.MethodType(found[name].load(), self)

    def __dir__(self):
        return sorted({*super().__dir__(), *_helpers()})

    def _predict(self, target, signatures, name, inputs, outputs, deadline):
        # Imported here so that importing this module loads no numpy.
        from .tensors import count_rows, input_arrays, join_parts, no_rows, split_rows

        signature = _choose(signatures, name)
        names = _output_names(signature, outputs)
        arrays = input_arrays(signature, inputs)
        rows = count_rows(signature, arrays)
        if rows == 0:
            return no_rows(signature, names)
        transport = self._connected()
        request = transport.request(target, signature, arrays, outputs and names)

        def answer(*part):
            body = request.encode(*part)
            content = call_with_retries(
                lambda: transport.send(request.path, body, deadline),
                deadline,
                self._retries,
            )
            return transport.outputs(content, signature, names)

        if rows is None:
            return answer()
        parts = split_rows(request.row_sizes(), self._batch_size, self._max_bytes)
        answers = [(stop - start, answer(start, stop)) for start, stop in parts]
        return join_parts(answers, names)

    def _fetch_signatures(self, target, deadline):
        found = self._call("signatures", target, deadline)
        self._signatures[target] = found
        return found

    def _call(self, method, target, deadline):
        call = getattr(self._connected(), method)
        return call_with_retries(
            lambda: call(target, deadline), deadline, self._retries
        )

    def _deadline(self, timeout):
        if timeout is not None:
            _check("timeout", timeout, timeout > 0, "more than 0")
        # First, as loading what gRPC needs takes seconds that the server has not.
        self._connected()
        return Deadline(self._timeout if timeout is None else timeout, self.url)

    def _connected(self):
        with self._lock:
            if self._closed:
                raise UserError("this client is closed", self.url, "Make another one")
            if self._transport is None:
                self._transport = connect(self._address)
            return self._transport


def connect(address):
    """Makes the connections to a server, of the API of its address.

    Args:
        address: An `Address`.

    Returns:
        A `RestTransport` or a `GrpcTransport`.

    Raises:
        UserError: if what gRPC needs is not installed.
    """
    if address.api == "rest":
        from .rest_transport import RestTransport

        return RestTransport(address)
    try:
        from .grpc_transport import GrpcTransport
    except ImportError as error:
        raise UserError(
            f"gRPC needs a package that is not installed ({error.name})",
            address.url,
            "Run `pip install tensorflow-serving-api`, or use REST: http://HOST:PORT",
        ) from error
    return GrpcTransport(address)


def _helpers():
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=HELPERS)}


def _target(model, version, label):
    if version is not None and label is not None:
        raise server_error("INVALID_ARGUMENT", "both a version and a label are given")
    if not model:
        raise server_error("INVALID_ARGUMENT", "no model is named")
    if version is not None and not isinstance(version, int):
        raise server_error(
            "INVALID_ARGUMENT", f"a version is a whole number, not {version!r}"
        )
    return Target(model, version, label)


def _choose(signatures, name):
    if name not in signatures:
        raise server_error(
            "FAILED_PRECONDITION",
            f"the model has no signature `{name}`; it has "
            f"{', '.join(signatures) or 'none'}",
        )
    return signatures[name]


def _output_names(signature, wanted):
    if wanted is None:
        return list(signature.outputs)
    unknown = [name for name in wanted if name not in signature.outputs]
    if unknown or not wanted:
        lack = f"it lacks {', '.join(unknown)}" if unknown else "none is wanted"
        raise server_error(
            "INVALID_ARGUMENT",
            f"signature `{signature.name}` has the outputs "
            f"{', '.join(signature.outputs)}; {lack}",
        )
    return list(wanted)


def _in_words(status):
    text = f"version {status.version} is {status.state}"
    return f"{text} ({status.error_message})" if status.error_message else text


def _check(name, value, valid, expected):
    if not valid:
        raise UserError(
            f"Invalid value for `{name}`: expected {expected}, received {value}"
        )
