"""`models.config`: which models of a folder a server loads, and which versions."""

import contextlib
import re

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from ...errors import UserError
from ...files import atomic_file
from ..repository import CONFIG_FILE, CONTAINER_ROOT, PLATFORM, wanted_versions
from .config_notes import KEPT_SECONDS, ConfigNotes
from .versions import is_model_name, is_version, version_age, version_numbers

CARD_FILE = "MODEL_CARD.md"  # in the versions that this package exported

_HEADER = """\
# The models that a server loads: TensorFlow Serving by --model_config_file, and
# `amalthea serve`. Each export brings it up to date. Entries and fields of your own
# stay as they are; comments are lost when something changes. As long as a model has
# version labels, its `model_version_policy` is a list made here: the labelled versions,
# and those that the model's own policy names, the newest one if it has none. With the
# last label the list goes, and the model's own policy is back.
"""
# By this line an entry of a folder that is gone is told from one that a user wrote.
_WRITTEN = "# Entries added by amalthea:"


class ModelsConfig:
    """The content of a `models.config`, to be read and changed under a lock.

    Args:
        models_dir: The folder of models, a `Path`. The file need not exist.

    Attributes:
        path: The file.

    Raises:
        UserError: if the file cannot be read or is not a list of models.
    """

    def __init__(self, models_dir):
        self.path = models_dir / CONFIG_FILE
        self._dir = models_dir
        text = ""
        with contextlib.suppress(FileNotFoundError):
            text = _read(self.path)
        self._config = _parse(text, self.path)
        self._written = _written(text)
        self._notes = ConfigNotes(text)
        self._before = self._state()
        self._loaded_before = {
            entry.name: self.loaded(entry.name)
            for entry in self._config.model_config_list.config
        }

    def entry(self, name):
        """The `ModelConfig` of a model, or `None`."""
        for entry in self._config.model_config_list.config:
            if entry.name == name:
                return entry
        return None

    def add(self, name):
        """Returns the entry of a model, which is added if there is none."""
        entry = self.entry(name)
        if entry is None:
            entry = self._config.model_config_list.config.add(
                name=name, base_path=_base_path(name), model_platform=PLATFORM
            )
            self._written.add(name)
        return entry

    def tidy(self):
        """Adds exports that have no entry yet and drops entries without a folder.

        A server that finds one model's folder missing stops looking for new
        versions of all models. Only entries that this package added are dropped.
        An entry that it added and a user removed is not added again.
        """
        entries = self._config.model_config_list.config
        for name in sorted(self._written):
            entry = self.entry(name)
            if (self._dir / name).is_dir():
                continue
            if entry is not None and entry.base_path == _base_path(name):
                entries.remove(entry)
            if self.entry(name) is None:
                self._written.discard(name)
        names = {entry.name for entry in entries} | self._written
        for card in sorted(self._dir.glob(f"*/*/{CARD_FILE}")):
            name = card.parent.parent.name
            fits = is_version(card.parent.name) and is_model_name(name)
            if fits and name not in names:
                self.add(name)
                names.add(name)

    def set_label(self, name, label, version):
        """Points a label of a model to a version.

        Args:
            name: The model's name; it must have an entry.
            label: The label.
            version: The version, or `None` to remove the label.
        """
        entry = self.entry(name)
        labels, policy = entry.version_labels, entry.model_version_policy
        if version is not None:
            if not labels:
                self._notes.set_policy(name, policy)
            labels[label] = version
        elif label in labels:
            del labels[label]
            self._notes.add_removed(name, label)
            if not labels and policy.HasField("specific"):
                _set_policy(entry, self._notes.policy(name))

    def choose_versions(self, name, extra=()):
        """Lists the versions that a model with labels has loaded.

        These are the labelled ones, those that the model's own policy names (the
        newest if it has none), and those that were listed within the last minute:
        a label may be about to move there. Without labels, and where a user has
        all versions loaded, nothing changes.

        Args:
            name: The model's name; it must have an entry.
            extra: More versions to list.
        """
        entry = self.entry(name)
        policy = entry.model_version_policy
        if not entry.version_labels or policy.HasField("all"):
            return
        if not policy.HasField("specific"):  # a user's, newer than what was noted
            self._notes.set_policy(name, policy)
        present = version_numbers(self._dir / name)
        wanted = set(extra) & set(present)
        for version in present:
            if self._notes.listed_age(name, version) < KEPT_SECONDS:
                wanted.add(version)
        wanted |= {*entry.version_labels.values()}
        own = self._notes.policy(name)
        wanted |= {*wanted_versions(own, present), *own.specific.versions}
        policy.specific.versions[:] = sorted(wanted)

    def loaded(self, name):
        """The versions that a server following this file loads, a set."""
        present = version_numbers(self._dir / name)
        entry = self.entry(name)
        if entry is None:
            return set(present[-1:])
        return set(wanted_versions(entry.model_version_policy, present))

    def listed_age(self, name, version):
        """For how long at least a server has been told to load a version.

        Args:
            name: The model's name.
            version: A version that is there and listed.

        Returns:
            Seconds.
        """
        return min(
            self._notes.listed_age(name, version),
            version_age(self._dir / name, version),
        )

    def removed_age(self, name, label):
        """How long ago a label was removed, in seconds; infinite if not lately."""
        return self._notes.removed_age(name, label)

    def save(self):
        """Writes the file, unless nothing has changed.

        Raises:
            UserError: if it cannot be written.
        """
        if self._state() == self._before and not self._notes.mended:
            return
        entries = self._config.model_config_list.config
        for entry in entries:
            if entry.model_version_policy.HasField("specific"):
                before = self._loaded_before.get(entry.name, set())
                for version in self.loaded(entry.name) - before:
                    self._notes.add_listed(entry.name, version)
        names = ", ".join(sorted(self._written))
        with atomic_file(self.path) as file:
            file.write(f"{_HEADER}#\n{_WRITTEN} {names or '(none)'}\n")
            file.write(self._notes.text({entry.name for entry in entries}))
            file.write(text_format.MessageToString(self._config, as_utf8=True))

    def _state(self):
        return self._config.SerializeToString(deterministic=True), set(self._written)


def _base_path(name):
    return f"{CONTAINER_ROOT}/{name}"


def _set_policy(entry, policy):
    entry.ClearField("model_version_policy")
    if policy.WhichOneof("policy_choice"):
        entry.model_version_policy.CopyFrom(policy)


def _read(path):
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot be read ({reason})", path) from error


def _parse(text, path):
    config = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(text, config)
    except text_format.ParseError as error:
        raise UserError(
            f"not a model config ({error})", path, "Mend it or move it away"
        ) from error
    if config.WhichOneof("config") == "custom_model_config":
        raise UserError("has no `model_config_list`", path, "Move it away")
    return config


def _written(text):
    found = re.search(rf"^{re.escape(_WRITTEN)} (.*)$", text, re.MULTILINE)
    names = found.group(1).split(", ") if found else []
    return {name.strip() for name in names} - {"(none)", ""}
