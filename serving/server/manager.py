"""Keeps models loaded, replaces and frees them as their folders change."""

import logging
import threading
import time

from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from ...errors import UserError
from ..model_info import VersionStatus
from ..repository import wanted_versions
from .errors import StatusError
from .loading import FailedLoad, load_version
from .model_config import ModelConfigSource, check_model_config
from .version_table import VersionTable
from .versions import fingerprint, version_folders

_LOG = logging.getLogger("amalthea.serving")


class ModelManager:
    """Keeps the models of a folder loaded, as TensorFlow Serving does.

    A new version is loaded and warmed up before an old one is given up, and one
    that cannot be loaded changes nothing for the others; when it is tried again
    says `FailedLoad`. A request holds its version until it is done: only then is
    the version freed. As in TensorFlow Serving, a version that is served stays as
    it was loaded, whatever becomes of its files and its model's `base_path`.

    Models are loaded in the thread that polls, or in the one that calls `reload`;
    the lock `_changing` lets one of them work at a time. Requests do not meet
    that lock, only the one of the `VersionTable`.

    Args:
        models: The folder of models, see `ModelConfigSource`.
        options: `ServerOptions`; `poll_seconds` and `grace_seconds` count here.
        make_runner: Called with each `ServedModel`, the version's folder, the
            model's name and the version; returns an object with `close()` and
            `run(signature, inputs, outputs, deadline=None)`.
        metrics: `Metrics` to count the loads in, or `None`.
        clock: Tells the seconds by which failed loads are tried again.

    Raises:
        UserError: if there is nothing at `models`.
    """

    def __init__(
        self, models, options, make_runner, metrics=None, clock=time.monotonic
    ):
        self._source = ModelConfigSource(models)
        self._options = options
        self._make_runner = make_runner
        self._metrics = metrics
        self._clock = clock
        self._table = VersionTable()
        self._config = ModelServerConfig()  # replaced as a whole, never changed
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._poll_forever, name="model-poll", daemon=True
        )
        self._changing = threading.Lock()  # for `_config`, `_source` and what follows
        self._next_config = None  # asked for, but its labels are not possible yet
        self._failed = {}  # (name, version): FailedLoad
        self._complaints = {}  # model, or None for the config: what is logged of it

    def start(self):
        """Loads the models, then follows their folders in a thread.

        Raises:
            UserError: if the config is wrong or, as TensorFlow Serving ends then
                too, a model has no version that can be loaded. Nothing is left
                running.
        """
        try:
            with self._changing:
                config = self._source.poll()
                models = config.model_config_list.config
                _require_folders(models)
                self._adopt(config)
                self._follow_folders()
                failures = self._failures(models)
            if failures:
                name, status = failures[0]
                raise UserError(
                    f"model {name}, version {status.version}: {status.error_message}"
                )
            self._thread.start()
        except StatusError as error:
            self.stop()
            raise UserError(error.message) from error
        except BaseException:
            self.stop()
            raise

    def stop(self, grace_seconds=None):
        """Follows the folders no more and frees all models.

        Args:
            grace_seconds: How long to wait for requests and a load under way, in
                seconds; by default `options.grace_seconds`. What takes longer is
                freed when it ends.
        """
        if grace_seconds is None:
            grace_seconds = self._options.grace_seconds
        deadline = time.monotonic() + grace_seconds
        self._stopping.set()
        self._table.close(deadline)
        if self._thread.is_alive():
            self._thread.join(max(deadline - time.monotonic(), 0))

    def acquire(self, name, version=None, label=None):
        """Holds a version for one request.

        Args:
            name: The model's name.
            version: Its version; the latest available one if not given.
            label: The label of a version, instead of its number.

        Returns:
            A context manager that gives the `LoadedVersion`, which stays loaded
            while the block runs. On entry it raises `StatusError` if there is no
            such version, with TensorFlow Serving's code and text.
        """
        return self._table.acquire(name, version, label)

    def status(self, name, version=None, label=None):
        """Tells the states of a model's versions, past ones too.

        Args:
            name: The model's name.
            version: The version to tell of; all if not given.
            label: Makes no difference, as in TensorFlow Serving.

        Returns:
            A list of `VersionStatus`, the latest version first.

        Raises:
            StatusError: NOT_FOUND, if there is none.
        """
        return self._table.status(name, version)

    def models(self):
        """Returns the names of the models that are asked for, as a list."""
        return [model.name for model in self._config.model_config_list.config]

    def is_ready(self):
        """Tells whether each model that is asked for has an available version."""
        if not self._config.HasField("model_config_list") or self._stopping.is_set():
            return False
        return self._table.names().issuperset(self.models())

    def reload(self, config):
        """Serves other models; returns when those that are new are available.

        It holds until `models.config` changes or another call comes. Where a model
        was dropped before and requests still hold its version, it waits for these,
        `options.grace_seconds` at most.

        Args:
            config: A `ModelServerConfig` with a `model_config_list`.

        Raises:
            StatusError: if the config is wrong or the folder of a new model is
                not there, and then nothing changes; or if a new model cannot be
                loaded.
        """
        if config.WhichOneof("config") != "model_config_list":
            raise StatusError(
                "INVALID_ARGUMENT",
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported",
            )
        check_model_config(config, self._config)
        config = self._source.with_absolute_paths(config)
        models = config.model_config_list.config
        # Before the lock: the other models are followed meanwhile.
        self._table.wait_until_freed(
            {model.name for model in models}.difference(self.models()),
            self._options.grace_seconds,
        )
        with self._changing:
            known = self.models()
            new = [model for model in models if model.name not in known]
            _require_folders(new)
            self._adopt(config)
            self._source.list_no_more()
            self._follow_folders()
            failures = self._failures(new)
        if failures:
            texts = "".join(_failure_text(*failure) for failure in failures)
            raise StatusError(
                "UNKNOWN",
                f"{len(failures)} model(s) did not become available: {{{texts}}}",
            )

    def poll(self):
        """Looks once at the config and all folders, and loads what is new."""
        with self._changing:
            try:
                self._next_config = self._source.poll() or self._next_config
                if self._next_config is not None:
                    self._adopt(self._next_config)
            except UserError as error:
                self._complain(None, str(error))
            except StatusError as error:
                self._complain(None, error.message)
            self._follow_folders()

    def _poll_forever(self):
        while not self._stopping.wait(self._options.poll_seconds):
            try:
                self.poll()
            except Exception:  # a fault here must not end the polling
                _LOG.exception("a look at the models failed")

    # What follows needs the lock `_changing`.

    def _adopt(self, config):
        models = config.model_config_list.config
        labels = {model.name: dict(model.version_labels) for model in models}
        self._table.set_labels(labels)
        self._config = config
        self._next_config = None
        self._forget_failures(lambda name, version: name not in labels)
        self._complaints.pop(None, None)

    def _follow_folders(self):
        models = self._config.model_config_list.config
        for name in self._table.names() - {model.name for model in models}:
            self._follow_versions(name, {})
        for model in models:
            folders = version_folders(model.base_path)
            if folders is None:  # what is loaded stays, as in TensorFlow Serving
                self._complain(model.name, f"model {model.name}: no {model.base_path}")
                continue
            self._complaints.pop(model.name, None)
            wanted = wanted_versions(model.model_version_policy, folders)
            self._follow_versions(
                model.name, {version: folders[version] for version in wanted}
            )

    def _follow_versions(self, name, folders):
        """Loads the versions that are wanted, and only then gives up others."""
        self._forget_failures(lambda n, version: n == name and version not in folders)
        self._give_up_unwanted(name, folders)
        # One that is still being freed is loaded again at a later look.
        in_memory = self._table.in_memory(name)
        new = [
            version
            for version, folder in folders.items()
            if version not in in_memory and self._is_due(name, version, folder)
        ]
        for version in new:
            self._table.set_state(name, VersionStatus(version, "START"))
        for version in reversed(new):
            if self._stopping.is_set():
                return
            self._load(name, version, folders[version])
            self._give_up_unwanted(name, folders)

    def _give_up_unwanted(self, name, wanted):
        available = self._table.available(name)
        unwanted = [version for version in available if version not in wanted]
        if wanted and unwanted == available:
            unwanted = unwanted[:-1]  # it stays until a wanted one is available
        for version in unwanted:
            self._table.remove(name, version)

    def _is_due(self, name, version, folder):
        failed = self._failed.get((name, version))
        return (
            failed is None
            or failed.due <= self._clock()
            or failed.files != fingerprint(folder)
        )

    def _forget_failures(self, condition):
        self._failed = {
            key: failed for key, failed in self._failed.items() if not condition(*key)
        }

    def _load(self, name, version, folder):
        self._table.set_state(name, VersionStatus(version, "LOADING"))
        files, start = fingerprint(folder), time.monotonic()
        try:
            loaded = load_version(name, version, folder, self._make_runner)
        except StatusError as error:
            loaded = None
            self._failed[name, version] = FailedLoad.after(
                self._failed.get((name, version)), files, error.code, self._clock()
            )
            self._table.set_state(
                name, VersionStatus(version, "END", error.code, error.message)
            )
            _LOG.error("model %s: version %d not loaded: %s", name, version, error)
        else:
            self._failed.pop((name, version), None)
            self._table.add(loaded)
            _LOG.info("model %s: version %d loaded", name, version)
        if self._metrics is not None:
            seconds = time.monotonic() - start
            self._metrics.load(str(folder), loaded is not None, seconds)

    def _failures(self, models):
        """Returns (name, status) of each model without an available version."""
        failures = []
        for model in models:
            if model.name not in self._table.names():
                statuses = self._table.status(model.name)
                failed = [status for status in statuses if status.error_code != "OK"]
                failures.append((model.name, (failed or statuses)[0]))
        return failures

    def _complain(self, subject, text):
        """Logs what is wrong, once while it is."""
        if self._complaints.get(subject) != text:
            self._complaints[subject] = text
            _LOG.error("%s", text)


def _failure_text(name, status):
    text = f"{{name: {name} version: {status.version}}}"
    if status.error_code != "OK":
        text += f" due to error: {status.error_code}: {status.error_message}"
    return f"{{{text}}}, "


def _require_folders(models):
    """Raises a `StatusError` for a model that has no version to load.

    TensorFlow Serving would wait for one, for ever, and take no other config.
    """
    for model in models:
        folders = version_folders(model.base_path)
        if folders is None:
            raise StatusError(
                "INVALID_ARGUMENT",
                f"Could not find base path {model.base_path} for servable {model.name}",
            )
        if not wanted_versions(model.model_version_policy, folders):
            raise StatusError(
                "NOT_FOUND",
                "Unable to find a numerical version path for servable "
                f"{model.name} at: {model.base_path}",
            )
