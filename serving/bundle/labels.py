"""Version labels, such as `stable` and `canary`, in `models.config`."""

import contextlib
import math
import os
import re
import time
from pathlib import Path

from ...errors import UserError
from ..locks import claimed
from ..repository import CONFIG_FILE
from .models_config import ModelsConfig
from .versions import version_numbers

_SETTLE = 20.0  # seconds in which a server has surely looked at the file


def read_labels(model_dir):
    """The labels of a model's versions.

    Args:
        model_dir: The folder of the model's versions, `MODELS/NAME`.

    Returns:
        A dict from label to version number.

    Raises:
        UserError: if there is no such folder, or `models.config` is damaged.
    """
    folder = _model_folder(model_dir)
    entry = ModelsConfig(folder.parent).entry(folder.name)
    return dict(entry.version_labels) if entry is not None else {}


def set_labels(model_dir, labels, sleep=time.sleep):
    """Points labels to versions of a model, or removes them.

    A server loads the labelled versions and those that the model's own policy in
    `models.config` names, the newest one if it has none. The policy is noted with
    the first label and restored with the last one removed.

    A server refuses to move a label to a version that it has not loaded, and with
    it the whole file, for ever. So where a label moves to a version that has not
    been listed for 20 seconds, two looks of a server started by `compose.yaml`,
    that version is listed first and the label moved when they are over. The same
    holds for a label that was removed less than 20 seconds ago. If this is stopped
    while it waits, all labels are as they were. The version that a label is moved
    away from stays listed until the next change, so that the label can be moved
    back at once.

    Args:
        model_dir: The folder of the model's versions, `MODELS/NAME`.
        labels: Dict from label to version number, or to `None` to remove it.
        sleep: Waits for a number of seconds; called as often as need be.

    Raises:
        UserError: if a label or a version is not valid, or `models.config` is
            damaged or cannot be written.
    """
    folder = _model_folder(model_dir)
    for label in labels:
        _check_label(label)
    while True:
        with _changing(folder, labels) as config:
            seconds = _prepare(config, folder.name, labels)
            if seconds <= 0:
                _apply(config, folder.name, labels)
                return
        sleep(math.ceil(seconds))


@contextlib.contextmanager
def _changing(folder, labels):
    """Yields the `ModelsConfig` under its lock, and saves it."""
    with claimed(folder.parent):
        present = version_numbers(folder)
        for label, version in labels.items():
            _check_version(folder, label, version, present)
        config = ModelsConfig(folder.parent)
        config.add(folder.name)
        yield config
        config.save()


def _prepare(config, name, labels):
    """Has the versions listed that labels move to; returns how long to wait."""
    moved = {labels[label] for label in _moved(config, name, labels)}
    loaded = config.loaded(name)
    if not moved <= loaded:
        config.choose_versions(name, moved | loaded)
        return _SETTLE
    ages = [config.listed_age(name, version) for version in moved]
    ages += [
        config.removed_age(name, label)
        for label, version in labels.items()
        if version is not None
    ]
    return _SETTLE - min(ages, default=_SETTLE)


def _apply(config, name, labels):
    left = _moved(config, name, labels).values()
    for label, version in labels.items():
        config.set_label(name, label, version)
    config.choose_versions(name, left)


def _moved(config, name, labels):
    """The labels that move, a dict to the versions that they leave."""
    before = config.entry(name).version_labels
    return {
        label: before[label]
        for label, version in labels.items()
        if version is not None and label in before and before[label] != version
    }


def _model_folder(model_dir):
    folder = Path(os.path.abspath(model_dir))
    if not version_numbers(folder):
        raise UserError(
            "no versions of a model here",
            model_dir,
            f"Name a model's folder, beside {CONFIG_FILE}",
        )
    return folder


def _check_label(label):
    if not re.fullmatch(r"[A-Za-z_]\w*", label, re.ASCII):
        raise UserError(
            "Invalid value for a label: expected letters, digits and `_`, not "
            f"starting with a digit, received {label!r}"
        )


def _check_version(folder, label, version, present):
    if version is None:
        return
    if isinstance(version, bool) or not isinstance(version, int):
        raise UserError(
            f"Invalid value for label `{label}`: expected a version number or None, "
            f"received {version!r}"
        )
    if version not in present:
        raise UserError(
            f"has no version {version} for label `{label}`",
            folder,
            f"Choose one of {', '.join(map(str, present))}",
        )
