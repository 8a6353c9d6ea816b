"""What a server counts, in the text form that Prometheus reads."""

import bisect
import collections
import itertools
import re
import threading

from ..model_info import DEFAULT_SIGNATURE

_INFERENCE = ("Predict", "Classify", "Regress")


def _exponential(scale, growth, count):
    return [scale * growth**power for power in range(count)]


# The limits are those of TensorFlow Serving: its dashboards name them.
_LATENCY = _exponential(10, 1.8, 33)  # microseconds, to about 20 minutes
_QUEUING = _exponential(100, 1.2, 52)  # microseconds, to about 1 second
_SIZES = _exponential(1, 2, 14)


class Metrics:
    """Counters and histograms of a server, under TensorFlow Serving's names.

    Those under `:amalthea:` are ours: they tell signatures apart. Latencies are
    in microseconds. Any thread may call any method; one lock guards all values.

    What clients ask for is counted by its name only if the server has it, see
    `know`. Every other model and signature is counted by an empty name: clients
    must not be able to fill the memory.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._families = []
        self._known = {}  # model: {version: (its signatures, its folder)}
        self._load_attempts = self._counter(
            "/tensorflow/cc/saved_model/load_attempt_count", "model_path", "status"
        )
        self._load_latency = self._counter(
            "/tensorflow/cc/saved_model/load_latency", "model_path"
        )
        served = "/tensorflow/serving/"
        self._requests = self._counter(served + "request_count", "model_name", "status")
        self._request_latency = self._histogram(
            served + "request_latency", _LATENCY, "model_name", "API", "entrypoint"
        )
        self._runtime = self._histogram(
            served + "runtime_latency", _LATENCY, "model_name", "API", "runtime"
        )
        session = served + "batching_session/"
        self._queuing = self._histogram(
            session + "queuing_latency", _QUEUING, "thread_pool_name"
        )
        self._input_sizes = self._histogram(session + "input_batch_size", _SIZES)
        self._batch_sizes = self._histogram(session + "processed_batch_size", _SIZES)
        self._padding = self._histogram(
            session + "padding_size", _SIZES, "execution_batch_size"
        )
        self._batch_runs = self._counter(session + "wrapped_run_count")

        ours, signature = "/amalthea/serving/", ("model", "version", "signature")
        self._our_requests = self._counter(
            ours + "request_count", "model", "signature", "api", "code"
        )
        self._our_latency = self._histogram(
            ours + "request_latency", _LATENCY, "model", "signature", "api"
        )
        self._our_rows = self._counter(ours + "row_count", "model", "signature", "api")
        self._our_runtime = self._histogram(
            ours + "runtime_latency", _LATENCY, *signature
        )
        self._our_queuing = self._histogram(
            ours + "queuing_latency", _QUEUING, *signature
        )
        self._our_batch_sizes = self._histogram(ours + "batch_size", _SIZES, *signature)
        self._our_padding = self._counter(ours + "padding_row_count", *signature)
        self._our_queue = self._gauge(ours + "queue_length", *signature)
        self._by_path = (self._load_attempts, self._load_latency)
        self._by_version = (
            self._our_runtime,
            self._our_queuing,
            self._our_batch_sizes,
            self._our_padding,
            self._our_queue,
        )
        self._families.sort(key=lambda family: family.name)

    def know(self, model, version, signatures, model_path):
        """Notes that a version is being loaded.

        Args:
            model: The model's name.
            version: Its version, a whole number.
            signatures: The names of its signatures.
            model_path: The version's folder.
        """
        with self._lock:
            versions = self._known.setdefault(model, {})
            versions[version] = frozenset(signatures), str(model_path)

    def forget(self, model, version):
        """Drops the values that are of one version alone: it is unloaded.

        Args:
            model: The model's name.
            version: Its version, a whole number.
        """
        with self._lock:
            versions = self._known.get(model, {})
            if version not in versions:
                return
            _, path = versions.pop(version)
            if not versions:
                del self._known[model]
            for family in self._by_path:
                family.drop(path)
            for family in self._by_version:
                family.drop(model, str(version))

    def request(self, model, api, entrypoint, signature, code, seconds, rows=None):
        """Counts one request that was answered.

        Args:
            model: The name that the client asked for, whatever that is.
            api: `"REST"` or `"GRPC"`.
            entrypoint: The call, e.g. `"Predict"` or `"GetModelMetadata"`.
            signature: The name of the signature that the client asked for; empty
                for the default one, or none.
            code: The canonical code's name, e.g. `"OK"`.
            seconds: How long the answer took.
            rows: How many rows were answered, where that is known.
        """
        latency = _microseconds(seconds)
        if entrypoint == "Predict":
            signature = signature or DEFAULT_SIGNATURE
        # TensorFlow Serving counts every REST request, but only inference by gRPC,
        # times only what succeeds, and writes the call's name its own way.
        if api == "REST":
            served = True
            call = entrypoint.lower() if entrypoint in _INFERENCE else ""
        else:
            served = entrypoint in _INFERENCE
            call = entrypoint
        with self._lock:
            versions = self._known.get(model, {})
            if not versions:
                model = ""
            if not any(signature in names for names, _ in versions.values()):
                signature = ""
            if served:
                self._requests.add((model, code))
                if code == "OK":
                    self._request_latency.observe((model, call, api), latency)
            self._our_requests.add((model, signature, api, code))
            if code == "OK":
                self._our_latency.observe((model, signature, api), latency)
            if rows is not None:
                self._our_rows.add((model, signature, api), rows)

    def runtime(self, model, version, signature, seconds):
        """Counts one run that succeeded, with its time in a batch's queue.

        Args:
            model: The model's name.
            version: Its version, a whole number.
            signature: The signature's name.
            seconds: How long it took.
        """
        latency = _microseconds(seconds)
        with self._lock:
            self._runtime.observe((model, "Predict", "TF1"), latency)
            self._our_runtime.observe((model, str(version), signature), latency)

    def load(self, model_path, ok, seconds):
        """Counts one attempt to load a version.

        Args:
            model_path: The version's folder.
            ok: Whether it succeeded.
            seconds: How long it took.
        """
        path = str(model_path)
        with self._lock:
            self._load_attempts.add((path, "success" if ok else "fail"))
            self._load_latency.add((path,), _microseconds(seconds))

    def batch_input(self, rows):
        """Counts one input of one request that is going to be batched.

        Args:
            rows: How many rows it has.
        """
        with self._lock:
            self._input_sizes.observe((), rows)

    def queued(self, model, version, signature, seconds):
        """Counts the wait of one request for its batch.

        Args:
            model: The model's name.
            version: Its version, a whole number.
            signature: The signature's name.
            seconds: How long it waited.
        """
        latency = _microseconds(seconds)
        with self._lock:
            # The name is empty in TensorFlow Serving too, whatever its settings say.
            self._queuing.observe(("",), latency)
            self._our_queuing.observe((model, str(version), signature), latency)

    def batch(self, model, version, signature, size, padding):
        """Counts one batch that is run.

        Args:
            model: The model's name.
            version: Its version, a whole number.
            signature: The signature's name.
            size: How many rows are run, padding included.
            padding: How many of them are padding.
        """
        labels = (model, str(version), signature)
        with self._lock:
            self._batch_sizes.observe((), size)
            self._padding.observe((str(size),), padding)
            self._batch_runs.add(())
            self._our_batch_sizes.observe(labels, size)
            self._our_padding.add(labels, padding)

    def queue(self, model, version, signature, length):
        """Notes how many requests wait for a batch.

        Args:
            model: The model's name.
            version: Its version, a whole number.
            signature: The signature's name.
            length: How many requests wait.
        """
        with self._lock:
            self._our_queue.set((model, str(version), signature), length)

    def text(self):
        """Returns all values in Prometheus' text form."""
        with self._lock:  # copies only: requests wait for this lock
            families = [(family, family.copy()) for family in self._families]
        lines = []
        for family, cells in families:
            lines.append(f"# TYPE {family.name} {family.kind}")
            for labels in sorted(cells):
                lines.extend(family.lines(labels, cells[labels]))
        return "\n".join(lines) + "\n"

    def _counter(self, name, *labels):
        return self._add(_Numbers(name, "counter", labels))

    def _gauge(self, name, *labels):
        return self._add(_Numbers(name, "gauge", labels))

    def _histogram(self, name, limits, *labels):
        return self._add(_Histograms(name, limits, labels))

    def _add(self, family):
        self._families.append(family)
        return family


class _Family:
    """The values of one name, by label values. `Metrics` guards it by its lock."""

    def __init__(self, name, kind, labels):
        self.name = re.sub(r"[^a-zA-Z0-9_]", ":", name)
        self.kind = kind
        self._labels = labels
        self._cells = collections.defaultdict(self._new_cell)
        if not labels:
            self._cells[()] = self._new_cell()

    def drop(self, *first):
        """Drops the values whose first labels are these."""
        size = len(first)
        for labels in [labels for labels in self._cells if labels[:size] == first]:
            del self._cells[labels]

    def _named(self, labels):
        return [
            f'{name}="{_escape(value)}"'
            for name, value in zip(self._labels, labels, strict=True)
        ]


class _Numbers(_Family):
    """Counters or gauges."""

    def _new_cell(self):
        return 0

    def add(self, labels, amount=1):
        self._cells[labels] += amount

    def set(self, labels, value):
        self._cells[labels] = value

    def copy(self):
        return dict(self._cells)

    def lines(self, labels, value):
        yield f"{self.name}{{{','.join(self._named(labels))}}} {value}"


class _Histograms(_Family):
    """Histograms: the count of each bucket, then the sum."""

    def __init__(self, name, limits, labels):
        self._limits = limits
        super().__init__(name, "histogram", labels)

    def _new_cell(self):
        return [0] * (len(self._limits) + 2)

    def observe(self, labels, value):
        cell = self._cells[labels]
        # A value on a limit goes to the bucket above it, as in TensorFlow.
        cell[bisect.bisect_right(self._limits, value)] += 1
        cell[-1] += value

    def copy(self):
        return {labels: list(cell) for labels, cell in self._cells.items()}

    def lines(self, labels, cell):
        named = self._named(labels)
        limits = [f"{limit:.6g}" for limit in self._limits] + ["+Inf"]
        counts = itertools.accumulate(cell[:-1])
        for limit, count in zip(limits, counts, strict=True):
            bucket = ",".join([*named, f'le="{limit}"'])
            yield f"{self.name}_bucket{{{bucket}}} {count}"
        # TensorFlow Serving writes six digits, so its sums seem to stand still
        # once they are large.
        yield f"{self.name}_sum{{{','.join(named)}}} {cell[-1]}"
        yield f"{self.name}_count{{{','.join(named)}}} {count}"


def _escape(value):
    # TensorFlow Serving forgets the line's end, which would break the page.
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return text.encode("utf-8", "replace").decode("utf-8")


def _microseconds(seconds):
    return round(seconds * 1e6)
