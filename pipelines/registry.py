"""The tasks there are. Importing this loads neither TensorFlow nor Keras."""

import dataclasses
import importlib

from ..errors import UserError


@dataclasses.dataclass(frozen=True)
class TaskEntry:
    """Where a task lives.

    Args:
        name: The word on the command line.
        summary: One line for `amalthea tasks`.
        package: The task's folder under `amalthea.pipelines`. Its `config`
            module (free of TensorFlow) and its `task` module hold the two
            classes.
        config: Name of the config class.
        task: Name of the task class.
    """

    name: str
    summary: str
    package: str
    config: str
    task: str

    def config_class(self):
        """Returns the config class, without loading TensorFlow."""
        return getattr(self._module("config"), self.config)

    def task_class(self):
        """Returns the task class, which loads TensorFlow."""
        from .environment import start_tensorflow

        start_tensorflow()  # before the task's own import would, with its chatter
        return getattr(self._module("task"), self.task)

    def _module(self, name):
        return importlib.import_module(f".{self.package}.{name}", __package__)


TASKS = {
    entry.name: entry
    for entry in (
        TaskEntry(
            "classify",
            "image classification: image bytes in, label and probabilities out",
            "classify",
            "ClassifyConfig",
            "ImageClassification",
        ),
    )
}


def find_task(name):
    """Returns the entry of a task.

    Raises:
        UserError: if there is no task of that name.
    """
    if name not in TASKS:
        raise UserError(f"unknown task `{name}`", mend=f"Tasks: {', '.join(TASKS)}")
    return TASKS[name]
