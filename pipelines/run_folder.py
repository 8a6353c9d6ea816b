"""The folder that holds all a training made."""

import contextlib
import csv
import fcntl
import json
import os
import shutil
from pathlib import Path

from .. import __version__
from ..errors import UserError
from ..files import atomic_file
from .config import make_config, read_toml, write_toml

_LOCK = ".training"
# What a training that was killed before its first epoch may have left.
_OURS = {
    _LOCK,
    *("checkpoints", "labels.txt", "logs", "phrases.txt", "scratch", "splits.csv"),
    *("vocabulary.txt", "characters.json", "pieces.model"),
}


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
        vocabulary: `vocabulary.txt`: words and their counts, where a task has them.
        phrases: `phrases.txt`: the pairs of words that a task joins.
        characters: `characters.json`: what a task writes with.
        pieces: `pieces.model`: the same, of SentencePiece.
        scratch: `scratch/`: what only the training needs, removed at its end.
        examples: `examples/`: real inputs that go into its exports.
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
        self.vocabulary = self.path / "vocabulary.txt"
        self.phrases = self.path / "phrases.txt"
        self.characters = self.path / "characters.json"
        self.pieces = self.path / "pieces.model"
        self.scratch = self.path / "scratch"
        self.examples = self.path / "examples"
        self.report = self.path / "report"
        self.logs = self.path / "logs"

    def create(self, task):
        """Makes sure a new run can be written here.

        The folder must be absent or empty, or hold a run that was stopped before
        its first epoch ended.

        Args:
            task: Name of the task.

        Raises:
            UserError: if the folder holds something, or cannot be written.
        """
        if self.last.exists():
            raise UserError(
                "holds a run already",
                self.path,
                "Continue it with --resume, or choose another --out",
            )
        if self.path.exists() and not self.path.is_dir():
            raise UserError(
                "is a file, not a folder", self.path, "Choose another --out"
            )
        if self.config_file.exists():
            self.facts(task)
        elif self.path.is_dir():
            kept = [item.name for item in self.path.iterdir() if item.name not in _OURS]
            if kept:
                raise UserError(
                    f"is not empty (it holds {kept[0]})",
                    self.path,
                    "Choose another --out",
                )
        try:
            self.last.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot be written ({error.strerror})",
                self.path,
                "Choose an --out you can write to",
            ) from error

    @contextlib.contextmanager
    def claimed(self):
        """Keeps other trainings out of the folder; clears what a killed one left.

        Raises:
            UserError: if another process is training here.
        """
        # The system drops this lock when the process ends, however it ends.
        handle = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(
                    "another process is training this run", self.path, "Wait for it"
                ) from error
            for partial in self.path.rglob(".*.partial"):
                partial.unlink(missing_ok=True)
            yield
        finally:
            os.close(handle)

    def discard(self):
        """Removes what a training wrote before it could begin."""
        self.clear_scratch()
        for file in (
            *(self.config_file, self.labels, self.splits, self.vocabulary),
            *(self.phrases, self.characters, self.pieces, self.path / _LOCK),
        ):
            file.unlink(missing_ok=True)
        for folder in (self.last.parent, self.path):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def clear_scratch(self):
        """Removes what only the training needed."""
        shutil.rmtree(self.scratch, ignore_errors=True)

    def facts(self, task):
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
        if not {"data", "version"} <= set(facts):
            raise UserError(
                "is damaged (its [run] table needs data and version)", self.config_file
            )
        return facts

    def write_config(self, config, task, data, data_dir=None, *, keep=False):
        """Writes `config.toml`.

        Args:
            config: The settings.
            task: Name of the task.
            data: The data spec.
            data_dir: Where TensorFlow Datasets keeps its data.
            keep: Whether other facts that the file has stay.
        """
        facts = {"task": task, "data": data, "version": __version__}
        if data_dir is not None:
            facts["data_dir"] = str(data_dir)
        there = read_toml(self.config_file)[1] if keep else {}
        write_toml(self.config_file, config, {**there, **facts})

    def add_facts(self, config, **facts):
        """Adds facts to the `[run]` table of `config.toml`."""
        _, there = read_toml(self.config_file)
        write_toml(self.config_file, config, {**there, **facts})

    def read_config(self, config_class):
        """Returns the run's config."""
        settings, _ = read_toml(self.config_file)
        return make_config(config_class, settings, self.config_file)

    def write_labels(self, labels):
        """Writes `labels.txt`, one label a line."""
        with atomic_file(self.labels) as file:
            file.write("".join(f"{label}\n" for label in labels))

    def read_labels(self):
        """Returns the labels, in the model's order."""
        try:
            labels = tuple(self.labels.read_text(encoding="utf-8").splitlines())
        except (OSError, ValueError) as error:
            raise UserError(f"cannot be read ({error})", self.labels) from error
        if not labels:
            raise UserError("is damaged (it has no labels)", self.labels)
        return labels

    def write_rows(self, path, rows):
        """Writes a CSV file from dicts; the columns are those of all rows."""
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with atomic_file(path) as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def read_rows(self, path, columns):
        """Returns the rows of a CSV file as dicts of text; none if it is absent.

        Args:
            path: The file.
            columns: Names that every row must have.
        """
        if not path.exists():
            return []
        try:
            with path.open(encoding="utf-8", newline="") as file:
                reader = csv.DictReader(file)
                rows = list(reader)
        except (OSError, ValueError, csv.Error) as error:
            raise UserError(f"cannot be read ({error})", path) from error
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"is damaged (it has no column {missing[0]!r})", path)
        return rows

    def known_splits(self):
        """Returns which example is in which split: a dict from key to split."""
        rows = self.read_rows(self.splits, ("key", "split"))
        # Of an example that stood in two splits, what was trained on counts.
        rows.sort(key=lambda row: {"train": 2, "val": 1}.get(row["split"], 0))
        return {row["key"]: row["split"] for row in rows}

    def write_metrics(self, split, values):
        """Puts one split's figures into `metrics.json`, beside the others'."""
        metrics = {**self.read_metrics(), split: values}
        write_json(self.metrics, metrics)

    def read_metrics(self):
        """Returns `metrics.json`: a dict from split to figures."""
        return self._read_metrics(
            lambda metrics: {split: dict(values) for split, values in metrics.items()}
        )

    def add_figures(self, figures):
        """Puts figures into the `metrics.json` of a task that has no splits."""
        write_json(self.metrics, {**self.read_figures(), **figures})

    def read_figures(self):
        """Returns the `metrics.json` of a task that has no splits: a dict."""
        return self._read_metrics(lambda metrics: dict(metrics.items()))

    def _read_metrics(self, convert):
        if not self.metrics.exists():
            return {}
        try:
            return convert(json.loads(self.metrics.read_text(encoding="utf-8")))
        except (ValueError, AttributeError, TypeError) as error:
            raise UserError(
                f"is damaged ({error})", self.metrics, "Remove it; it is made anew"
            ) from error


def write_json(path, values):
    """Writes JSON, whole or not at all."""
    with atomic_file(path) as file:
        json.dump(values, file, indent=2, ensure_ascii=False)
        file.write("\n")
