"""The contract of a task: train, load, evaluate, predict, export, doctor."""

import abc
import dataclasses
import os
from pathlib import Path

from ..errors import UserError
from .config import make_config
from .environment import prepare_training, restored_policy, start_tensorflow
from .registry import find_task
from .run_folder import RunFolder, write_json
from .training.checkpoint import load_state
from .training.fingerprint import check_fingerprint
from .training.progress import Progress

# What may differ between a run's settings and those it is resumed with.
MAY_CHANGE = {"epochs", "patience", "cache", "workers"}


class Task(abc.ABC):
    """A task: one class that the command line and Python code both use.

    A subclass sets `name` and `config_class` and fills in the abstract methods;
    what all tasks share (seeding, run folder, resuming, export) is here.

    `predict`, `evaluate` and `export` must go through the one module that
    `serving_module` returns: there is no second path for pre- or
    post-processing.

    Attributes:
        name: The task's word on the command line.
        config_class: Its config dataclass.
        embedded: Names of the data sets that need no path.
        streams: Whether the command line prints each result of `stream` as it
            comes, as JSON one object a line. Otherwise it waits for all of them
            and prints one list.
        run: The `RunFolder` this task was trained in or loaded from.
        config: Its config, with every value filled in.
    """

    name: str
    config_class: type
    embedded: tuple[str, ...] = ()
    streams: bool = False

    def __init__(self, run, config):
        self.run = run
        self.config = config
        self._module = None

    @classmethod
    def train(
        cls,
        data=None,
        out=None,
        *,
        config=None,
        resume=False,
        data_dir=None,
        quiet=False,
        **settings,
    ):
        """Trains on a data set and writes a run folder.

        Args:
            data: A data spec: an embedded set, a path or `tfds:name`. May be
                left out when resuming.
            out: The run folder to make, or to resume.
            config: A config; the task's defaults (or, when resuming, the run's
                own settings) if not given.
            resume: Continue the run in `out`; it ends with the weights it would
                have had without the interruption. Without a run there, start.
            data_dir: Where TensorFlow Datasets keeps its data.
            quiet: Print nothing.
            **settings: Fields of the config to set, e.g. `epochs=20`.

        Returns:
            The trained task.

        Raises:
            UserError: for a wrong setting, unusable data, or a folder that
                cannot be written.
        """
        if out is None:
            raise UserError("`out` is missing", mend="Name the run folder to write")
        run = RunFolder(out)
        config, facts = cls._settings(run, config, settings, resume)
        data = data if data is not None else facts.get("data")
        data_dir = data_dir if data_dir is not None else facts.get("data_dir")
        if data is None:
            raise UserError("`data` is missing", mend="Name the data to train on")
        resume = resume and run.last.exists()
        progress = Progress(quiet)
        start_tensorflow()
        is_new = not run.config_file.exists()
        if not resume:
            run.create(cls.name)
        with run.claimed(), restored_policy():
            prepare_training(config)
            if not resume:
                # From here on --resume knows what was asked for.
                run.write_config(config, cls.name, cls._lasting(data), data_dir)
            try:
                task = cls._prepare(run, config, data, data_dir, resume, progress)
            except UserError:
                if is_new:
                    run.discard()
                raise
            if resume:
                check_fingerprint(run, task.fingerprint)
            run.write_config(
                task.config, cls.name, cls._lasting(data), data_dir, keep=resume
            )
            task._fit(resume, progress)
        return task

    @classmethod
    def load(cls, run):
        """Loads a trained run.

        Args:
            run: The run folder. A run that was stopped after an epoch loads too,
                with the weights that validated best so far.

        Returns:
            The task.

        Raises:
            UserError: if the folder is no run of this task, or is damaged.
        """
        run = RunFolder(run)
        run.facts(cls.name)
        if not run.best.exists():
            raise UserError(
                "holds no trained weights yet",
                run.path,
                "Train it with --resume until an epoch has ended",
            )
        config = run.read_config(cls.config_class)
        start_tensorflow()
        with restored_policy():
            return cls._restore(run, config)

    def evaluate(self, data=None, *, split="test", data_dir=None, json=None, **options):
        """Measures the model on one split of a data set.

        Args:
            data: A data spec; the one the run was trained on if not given.
            split: `"train"`, `"val"`, `"test"` or `"all"`.
            data_dir: Where TensorFlow Datasets keeps its data.
            json: A file to write the figures to.
            **options: The task's own options of `evaluate`.

        Returns:
            The figures, a dict; its keys are on the task's page in `docs/`. The
            run's `metrics.json` and report are brought up to date too.

        Raises:
            UserError: if the data cannot be used or has no such split.
        """
        facts = self.run.facts(self.name)
        if data is None:
            data = facts["data"]
        if data_dir is None:
            data_dir = facts.get("data_dir")
        metrics = self._evaluate(data, split, data_dir, **options)
        if json is not None:
            write_json(Path(json), metrics)
        return metrics

    def serving_module(self):
        """Returns the `tf.Module` that is exported; made once."""
        if self._module is None:
            self._module = self._make_serving_module()
        return self._module

    def _answer(self, signature, **inputs):
        """Asks the serving module; numpy arrays in, numpy arrays out."""
        from ..serving.module import ask

        return ask(self.serving_module(), signature, **inputs)

    def export(self, models_dir, name=None, version=None, *, keep=None):
        """Exports one SavedModel that takes raw input and returns the answer.

        Beside it lies all that a model server needs; see `docs/serving.md`.

        Args:
            models_dir: The folder of models that a server watches.
            name: The model's name; the run folder's name if not given.
            version: A whole number; one more than the highest there if not
                given.
            keep: How many versions to keep; older ones that bear no label are
                removed. All if not given.

        Returns:
            The `Path` of the version folder, which appears whole or not at all.

        Raises:
            UserError: if the version exists or the folder cannot be written.
        """
        from ..serving.publish import publish

        module = self.serving_module()
        return publish(
            module,
            module.endpoints,
            models_dir,
            name or self.run.path.resolve().name,
            version,
            examples=self._examples(),
            about=self._about(),
            keep=keep,
        )

    def _about(self):
        """Returns what an export's model card says of the run."""
        from ..serving.bundle.about import About

        return About(
            title=self.run.path.resolve().name,
            summary=find_task(self.name).summary,
            data=self._about_data(),
            metrics=self._about_metrics(),
        )

    def _about_metrics(self):
        """Returns the figures of a model card: dict from name to number."""
        return {
            f"{split} {name}": value
            for split, figures in self.run.read_metrics().items()
            for name, value in figures.items()
            if isinstance(value, int | float)
        }

    def _about_data(self):
        """Returns what a model card says of the data; no path of this machine."""
        return Path(self.run.facts(self.name)["data"]).name

    @classmethod
    def _settings(cls, run, config, settings, resume):
        """Returns the config to train with and what the run knows of itself."""
        given = dataclasses.asdict(config) if config is not None else {}
        if not (resume and run.config_file.exists()):
            return make_config(cls.config_class, {**given, **settings}), {}
        facts = run.facts(cls.name)
        stored = run.read_config(cls.config_class)
        # A value that is not given leaves what the run took from its data.
        given = {name: value for name, value in given.items() if value is not None}
        wanted = make_config(
            cls.config_class, {**dataclasses.asdict(stored), **given, **settings}
        )
        if run.last.exists():
            _check_unchanged(stored, wanted)
        return wanted, facts

    @classmethod
    def _lasting(cls, data):
        """Returns a data spec that holds from any working directory."""
        if str(data) not in cls.embedded and Path(data).exists():
            return str(Path(data).resolve())
        return str(data)

    @property
    @abc.abstractmethod
    def fingerprint(self):
        """A text that changes when the data a run is trained and chosen on does."""

    @classmethod
    @abc.abstractmethod
    def _prepare(cls, run, config, data, data_dir, resume, progress):
        """Loads the data, fills in the config, builds the model; returns the task."""

    @abc.abstractmethod
    def _fit(self, resume, progress):
        """Trains through `run_training`, keeps the best weights, writes the report."""

    @classmethod
    @abc.abstractmethod
    def _restore(cls, run, config):
        """Rebuilds the task from a run folder."""

    @abc.abstractmethod
    def _evaluate(self, data, split, data_dir, **options):
        """Returns the figures on one split, measured through the serving module."""

    @abc.abstractmethod
    def _examples(self):
        """Returns real inputs: dict from signature to dict from input to array.

        An export is warmed up and checked with them. The arrays of one signature
        have equally many rows, 1 to 32. An empty dict leaves all that out.
        """

    @abc.abstractmethod
    def _make_serving_module(self):
        """Returns a `tf.Module` with a dict `endpoints` of `tf.function`s."""

    @abc.abstractmethod
    def predict(self, inputs, **options):
        """Returns a list of typed results, through the serving module.

        There is one for each input, or several where an input has several parts,
        such as the frames of a video. `options` are the task's own.
        """

    def _train_model(self, training, resume, progress):
        """Trains `self.model`; it ends with the best weights, written as `model.keras`.

        Args:
            training: What `run_training` drives.
            resume: Continue from the last epoch, if there is one.
            progress: A `Progress`.
        """
        from .training.loop import run_training

        run_training(
            self.run,
            training,
            self.config,
            resume=resume,
            fingerprint=self.fingerprint,
            progress=progress,
        )
        load_state(self.run.best, {"model": self.model.variables})
        self._save_model(self.model)

    def _save_model(self, model):
        """Writes `model.keras`, whole or not at all."""
        partial = self.run.path / ".partial.keras"
        try:
            model.save(partial)
            os.replace(partial, self.run.model)
        except OSError as error:
            raise UserError(
                f"cannot be written ({error.strerror or error})", self.run.model
            ) from error
        finally:
            partial.unlink(missing_ok=True)

    def stream(self, inputs, *, save_dir=None, **options):
        """Yields what `predict` returns, one by one, and saves it.

        A task with inputs that take long or never end, such as a video or a
        camera, yields each result as soon as it is known, saves it in passing,
        and sets `streams`. What was saved until the caller stops is kept.

        Args:
            inputs: As for `predict`.
            save_dir: The folder to save to; nothing is saved if not given.
            **options: The task's own options of `predict`.

        Yields:
            The typed results.
        """
        results = self.predict(inputs, **options)
        if save_dir is not None:
            self.save_results(results, save_dir, **options)
        yield from results

    def save_results(self, results, folder, **options):
        """Writes the results of `predict` into a folder, as `predictions.json`.

        A task whose results can be drawn or played adds files of its own.
        `options` are those that `predict` was given.
        """
        rows = [dataclasses.asdict(result) for result in results]
        write_json(Path(folder) / "predictions.json", rows)

    @staticmethod
    @abc.abstractmethod
    def metric_lines(metrics):
        """Returns the figures of `evaluate` as lines for a person."""

    @staticmethod
    @abc.abstractmethod
    def result_lines(results):
        """Returns the results of `predict` as lines for a person."""

    @classmethod
    @abc.abstractmethod
    def doctor(cls, data, *, data_dir=None, **settings):
        """Looks for faults in a data set; returns a report with `fatal`, `lines()`."""


def _check_unchanged(stored, wanted):
    """Raises `UserError` where a resumed run is given other settings."""
    for field in dataclasses.fields(stored):
        old, new = getattr(stored, field.name), getattr(wanted, field.name)
        if old != new and field.name not in MAY_CHANGE:
            raise UserError(
                f"a resumed run keeps its settings: {field.name} is {old!r}, "
                f"not {new!r}",
                mend="Start a new run with another --out",
            )
