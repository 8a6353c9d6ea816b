"""`models.config`: which models of a folder a server loads, and which versions."""

import contextlib
import re

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from ...errors import UserError
from ...files import atomic_file
from .versions import is_model_name, version_numbers

CONFIG_FILE = "models.config"
CARD_FILE = "MODEL_CARD.md"  # in the versions that this package exported

_HEADER = """\
# The models that a server loads: TensorFlow Serving by --model_config_file, and
# `amalthea serve`. Each export brings it up to date. Entries and fields of your own
# stay as they are; comments are lost when something changes. A model with version
# labels has its labelled versions and the newest one loaded, any other model the
# newest one.
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
        self._before = self._state()

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
                name=name, base_path=_base_path(name), model_platform="tensorflow"
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
            is_version = card.parent.name.isdecimal() and is_model_name(name)
            if is_version and name not in names:
                self.add(name)
                names.add(name)

    def choose_versions(self, name, extra=()):
        """Has a model's labelled versions loaded, and the newest.

        Without labels, and where a user has all versions loaded, nothing
        changes.

        Args:
            name: The model's name; it must have an entry.
            extra: More versions to load.
        """
        entry = self.entry(name)
        policy = entry.model_version_policy
        labelled = set(entry.version_labels.values())
        if not labelled or policy.WhichOneof("policy_choice") == "all":
            return
        present = version_numbers(self._dir / name)
        wanted = labelled | set(present[-1:]) | (set(extra) & set(present))
        policy.specific.versions[:] = sorted(wanted)

    def loaded(self, name):
        """The versions that a server following this file loads, a set."""
        present = version_numbers(self._dir / name)
        entry = self.entry(name)
        policy = entry.model_version_policy if entry is not None else None
        choice = policy.WhichOneof("policy_choice") if policy is not None else None
        if choice == "all":
            return set(present)
        if choice == "specific":
            return set(policy.specific.versions) & set(present)
        count = policy.latest.num_versions if choice == "latest" else 1
        return set(present[-max(count, 1) :])

    def save(self):
        """Writes the file, unless nothing has changed.

        Raises:
            UserError: if it cannot be written.
        """
        if self._state() == self._before:
            return
        names = ", ".join(sorted(self._written))
        with atomic_file(self.path) as file:
            file.write(f"{_HEADER}#\n{_WRITTEN} {names or '(none)'}\n")
            file.write(text_format.MessageToString(self._config, as_utf8=True))

    def _state(self):
        return self._config.SerializeToString(deterministic=True), set(self._written)


def _base_path(name):
    return f"/models/{name}"  # where the container of `compose.yaml` sees it


def _read(path):
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read ({error})", path) from error


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
