"""What must be known of earlier changes to `models.config`: a comment line in it."""

import contextlib
import json
import re
import time

from google.protobuf import text_format
from tensorflow_serving.config.file_system_storage_path_source_pb2 import (
    FileSystemStoragePathSourceConfig,
)

KEPT_SECONDS = 60.0  # how long it is remembered when something changed
_LINE = "# Notes for later changes, leave them alone:"


class ConfigNotes:
    """When versions were listed and labels removed; what a user's policy was.

    Args:
        text: The file's content.

    Attributes:
        mended: Whether a time was in the future, and is now the present.
    """

    def __init__(self, text=""):
        self._now = time.time()
        self.mended = False
        self._listed = {}  # (model, version) -> time
        self._removed = {}  # (model, label) -> time
        self._policies = {}  # model -> text proto
        # What somebody has spoilt is forgotten.
        with contextlib.suppress(ValueError, TypeError, AttributeError, OverflowError):
            self._parse(text)

    def add_listed(self, name, version):
        """Notes that a server is told from now on to load a version."""
        self._listed[name, version] = self._now

    def listed_age(self, name, version):
        """How long ago a version was listed, in seconds; infinite if not lately."""
        return self._now - self._listed.get((name, version), float("-inf"))

    def add_removed(self, name, label):
        """Notes that a label is removed."""
        self._removed[name, label] = self._now

    def removed_age(self, name, label):
        """How long ago a label was removed, in seconds; infinite if not lately."""
        return self._now - self._removed.get((name, label), float("-inf"))

    def set_policy(self, name, policy):
        """Notes the `ServableVersionPolicy` a model has without labels.

        Args:
            name: The model's name.
            policy: The policy; the newest version only if it has no choice.
        """
        self._policies.pop(name, None)
        if policy.WhichOneof("policy_choice"):
            text = text_format.MessageToString(policy, as_one_line=True)
            self._policies[name] = text

    def policy(self, name):
        """The policy that was noted, without a choice if none was."""
        policy = FileSystemStoragePathSourceConfig.ServableVersionPolicy()
        with contextlib.suppress(text_format.ParseError):
            text_format.Parse(self._policies.get(name, ""), policy)
        return policy

    def text(self, names):
        """The line for the file, empty if there is nothing to note.

        Args:
            names: The models that are in the file.
        """
        parts = {
            "listed": [[*key, when] for key, when in self._recent(self._listed, names)],
            "removed": [
                [*key, when] for key, when in self._recent(self._removed, names)
            ],
            "policies": {
                name: text
                for name, text in sorted(self._policies.items())
                if name in names
            },
        }
        parts = {key: value for key, value in parts.items() if value}
        return f"{_LINE} {json.dumps(parts)}\n" if parts else ""

    def _recent(self, times, names):
        return sorted(
            (key, when)
            for key, when in times.items()
            if key[0] in names and self._now - when < KEPT_SECONDS
        )

    def _parse(self, text):
        found = re.search(rf"^{re.escape(_LINE)} (.*)$", text, re.MULTILINE)
        parts = json.loads(found.group(1)) if found else {}
        for name, version, when in parts.get("listed", ()):
            self._listed[str(name), int(version)] = self._past(when)
        for name, label, when in parts.get("removed", ()):
            self._removed[str(name), str(label)] = self._past(when)
        for name, policy in parts.get("policies", {}).items():
            self._policies[name] = str(policy)

    def _past(self, when):
        # Of a machine whose clock is ahead: as if it had happened just now.
        self.mended |= float(when) > self._now
        return min(float(when), self._now)
