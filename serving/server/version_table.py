"""The versions in memory: what requests hold, and how they are given up."""

import contextlib
import logging
import threading
import time

from ..model_info import VersionStatus
from .errors import StatusError

_LOG = logging.getLogger("amalthea.serving")


class VersionTable:
    """The loaded versions of all models, their states and labels.

    One lock guards everything. It is held to read and write the tables, never
    while a model is loaded, run or freed.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._available = {}  # name: {version: LoadedVersion}, none of them empty
        self._states = {}  # name: {version: VersionStatus}
        self._labels = {}  # name: {label: version}
        self._leaving = {}  # (name, version): the thread that frees it
        self._closed = False

    @contextlib.contextmanager
    def acquire(self, name, version=None, label=None):
        """See `ModelManager.acquire`."""
        with self._lock:
            loaded = self._find(name, version, label)
            loaded.users += 1
        try:
            yield loaded
        finally:
            with self._lock:
                loaded.users -= 1
                if not loaded.users:
                    self._changed.notify_all()

    def status(self, name, version=None):
        """See `ModelManager.status`."""
        with self._lock:
            states = dict(self._states.get(name, {}))
        if version is None:
            if not states:
                raise StatusError(
                    "NOT_FOUND", f"Could not find any versions of model {name}"
                )
            return [states[number] for number in sorted(states, reverse=True)]
        if version not in states:
            raise StatusError(
                "NOT_FOUND", f"Could not find version {version} of model {name}"
            )
        return [states[version]]

    def available(self, name):
        """Returns the available versions of a model, a rising list."""
        with self._lock:
            return sorted(self._available.get(name, ()))

    def in_memory(self, name):
        """Returns the versions of a model that are available or yet to be freed."""
        with self._lock:
            leaving = {version for other, version in self._leaving if other == name}
            return leaving.union(self._available.get(name, ()))

    def names(self):
        """Returns the names of the models with an available version, a set."""
        with self._lock:
            return set(self._available)

    def set_state(self, name, status):
        """Notes what became of a version: a `VersionStatus`."""
        with self._lock:
            self._states.setdefault(name, {})[status.version] = status

    def set_labels(self, labels):
        """Gives versions their labels, in place of all labels before.

        A new label may name a version that is yet to come, as with TensorFlow
        Serving's `--allow_version_labels_for_unavailable_models`.

        Args:
            labels: Dict from model name to a dict from label to version.

        Raises:
            StatusError: FAILED_PRECONDITION, if a label would move to a version
                that is not available. All labels stay as they were.
        """
        with self._lock:
            for name, versions in labels.items():
                for label, version in versions.items():
                    before = self._labels.get(name, {}).get(label, version)
                    available = version in self._available.get(name, ())
                    if before != version and not available:
                        raise StatusError(
                            "FAILED_PRECONDITION",
                            f"Request to assign label to version {version} of model "
                            f"{name}, which is not currently available for inference",
                        )
            self._labels = labels

    def add(self, loaded):
        """Makes a version available to requests, unless the table is closed.

        Args:
            loaded: A `LoadedVersion`.
        """
        with self._lock:
            self._available.setdefault(loaded.name, {})[loaded.version] = loaded
            self._note(loaded, "AVAILABLE")
            if self._closed:
                self._remove(loaded)

    def remove(self, name, version):
        """Takes a version from requests and frees it when none holds it any more.

        It does not wait for that: a thread does. If there is no thread to be had,
        the version stays as it is.
        """
        with self._lock:
            loaded = self._available.get(name, {}).get(version)
            if loaded is not None:  # a stop may have been quicker
                self._remove(loaded)

    def wait_until_freed(self, names, seconds):
        """Waits while versions that were removed are still held or being freed.

        Args:
            names: The names of their models, a set.
            seconds: How long to wait at most.
        """
        with self._lock:
            self._changed.wait_for(
                lambda: self._closed or names.isdisjoint(n for n, _ in self._leaving),
                seconds,
            )

    def close(self, deadline):
        """Removes all versions and waits until they are freed.

        Args:
            deadline: When to wait no longer, in the seconds of `time.monotonic`.
        """
        with self._lock:
            self._closed = True
            self._changed.notify_all()
            for versions in list(self._available.values()):
                for loaded in list(versions.values()):
                    self._remove(loaded)
            threads = list(self._leaving.values())
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def _find(self, name, version, label):
        if not name:
            raise StatusError("INVALID_ARGUMENT", "ModelSpec has no name specified.")
        if version is None and label is not None:
            version = self._labels.get(name, {}).get(label)
            if version is None:
                raise StatusError(
                    "INVALID_ARGUMENT", f"Unrecognized servable version label: {label}"
                )
        versions = self._available.get(name)
        if version is None:
            if versions:
                return versions[max(versions)]
            wanted = f"Latest({name})"
        else:
            if versions and version in versions:
                return versions[version]
            wanted = f"Specific({name}, {version})"
        raise StatusError("NOT_FOUND", f"Servable not found for request: {wanted}")

    def _note(self, loaded, state):
        states = self._states.setdefault(loaded.name, {})
        states[loaded.version] = VersionStatus(loaded.version, state)

    def _remove(self, loaded):
        thread = threading.Thread(
            target=self._free, args=[loaded], name="model-unload", daemon=True
        )
        try:
            thread.start()  # it waits for the lock
        except RuntimeError as error:
            text = "model %s: version %d not unloaded: %s"
            _LOG.error(text, loaded.name, loaded.version, error)
            return
        versions = self._available[loaded.name]
        del versions[loaded.version]
        if not versions:
            del self._available[loaded.name]
        self._note(loaded, "UNLOADING")
        self._leaving[loaded.name, loaded.version] = thread

    def _free(self, loaded):
        with self._lock:
            self._changed.wait_for(lambda: not loaded.users)
        try:
            loaded.close()
        except Exception:  # it counts as gone whatever happened
            _LOG.exception("model %s: fault in freeing a version", loaded.name)
        with self._lock:
            self._note(loaded, "END")
            del self._leaving[loaded.name, loaded.version]
            self._changed.notify_all()
        _LOG.info("model %s: version %d unloaded", loaded.name, loaded.version)
