"""The folder that holds all a training made."""

import contextlib
import csv
import json
from pathlib import Path

from .. import __version__
from ..errors import UserError
from ..files import atomic_file
from .config import make_config, read_toml, write_toml


class RunFolder:
    """The folder of one run; it can be moved, resumed and read by a person.

    Args:
        path: The folder.

    Attributes:
        path: The folder, a `Path`.
        config_file: `config.toml`: every setting, and a `[run]` table with the
            task, the data and the version that trained it.
        last: `checkpoints/last.npz`: the whole state of the training.
        best: `checkpoints/best.npz`: the weights that validated best.
        model: `model.keras`: the finished model, for Keras alone.
        report: `report/`: plots and `index.html`.
        logs: `logs/`: TensorBoard's event files.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.config_file = self.path / "config.toml"
        self.last = self.path / "checkpoints" / "last.npz"
        self.best = self.path / "checkpoints" / "best.npz"
        self.model = self.path / "model.keras"
        self.history = self.path / "history.csv"
        self.metrics = self.path / "metrics.json"
        self.labels = self.path / "labels.txt"
        self.splits = self.path / "splits.csv"
        self.report = self.path / "report"
        self.logs = self.path / "logs"

    @classmethod
    def create(cls, path, task):
        """Makes sure a new run can be written to `path`.

        Args:
            path: A folder that is absent or empty, or holds a run that was
                stopped before its first epoch ended.
            task: Name of the task.

        Returns:
            The `RunFolder`.

        Raises:
            UserError: if `path` holds something, or cannot be written.
        """
        run = cls(path)
        if run.last.exists():
            raise UserError(
                "holds a run already",
                path,
                "Continue it with --resume, or choose another --out",
            )
        if run.path.is_file():
            raise UserError("is a file, not a folder", path, "Choose another --out")
        if run.path.is_dir() and not run.config_file.exists():
            kept = [item.name for item in run.path.iterdir()]
            if kept:
                raise UserError(
                    f"is not empty (it holds {kept[0]})", path, "Choose another --out"
                )
        elif run.config_file.exists():
            run.check_task(task)
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            run.last.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot be written ({error.strerror})",
                path,
                "Choose an --out you can write to",
            ) from error
        return run

    def discard_if_empty(self):
        """Removes the folders that `create` made if nothing was written."""
        for folder in (self.last.parent, self.path):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def check_task(self, task):
        """Returns the `[run]` table, after checking that the run is of `task`.

        Raises:
            UserError: if the folder is no run, or a run of another task.
        """
        if not self.path.is_dir():
            raise UserError("no such run folder", self.path)
        if not self.config_file.is_file():
            raise UserError(
                "is not a run folder (it has no config.toml)",
                self.path,
                "Name the folder that was given to train as --out",
            )
        _, facts = read_toml(self.config_file)
        if facts.get("task") != task:
            raise UserError(
                f"is a run of the task {facts.get('task')!r}, not of {task!r}",
                self.path,
            )
        return facts

    def write_config(self, config, task, data):
        """Writes `config.toml`."""
        facts = {"task": task, "data": str(data), "version": __version__}
        self.add_facts(config, **facts)

    def add_facts(self, config, **facts):
        """Writes `config.toml` with more facts in its `[run]` table."""
        run = read_toml(self.config_file)[1] if self.config_file.exists() else {}
        write_toml(self.config_file, config, {**run, **facts})

    def read_config(self, config_class):
        """Returns the run's config."""
        settings, _ = read_toml(self.config_file)
        return make_config(config_class, settings, self.config_file)

    def write_labels(self, labels):
        """Writes `labels.txt`, one label a line."""
        for label in labels:
            if label != label.strip() or len(label.splitlines()) != 1:
                raise UserError(
                    f"the label {label!r} is empty, ends in a space or has a line break"
                )
        with atomic_file(self.labels) as file:
            file.write("".join(f"{label}\n" for label in labels))

    def read_labels(self):
        """Returns the labels, in the model's order."""
        try:
            return tuple(self.labels.read_text(encoding="utf-8").splitlines())
        except OSError as error:
            raise UserError(
                f"cannot be read ({error.strerror})", self.labels
            ) from error

    def write_rows(self, path, rows):
        """Writes a CSV file from dicts; the columns are those of all rows."""
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with atomic_file(path) as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def read_rows(self, path):
        """Returns the rows of a CSV file as dicts of text; none if absent."""
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def write_metrics(self, split, values):
        """Puts one split's figures into `metrics.json`, beside the others'."""
        metrics = {**self.read_metrics(), split: values}
        write_json(self.metrics, metrics)

    def read_metrics(self):
        """Returns `metrics.json`: a dict from split to figures."""
        if not self.metrics.exists():
            return {}
        return json.loads(self.metrics.read_text(encoding="utf-8"))


def write_json(path, values):
    """Writes JSON, whole or not at all."""
    with atomic_file(path) as file:
        json.dump(values, file, indent=2, ensure_ascii=False)
        file.write("\n")
