"""Image classification as a task: train, evaluate, predict, export, doctor."""

import os
from collections import Counter

import keras
import numpy as np
import tensorflow as tf

from ...data.images import EMBEDDED, ImageLoader
from ...data.images.doctor import examine_images
from ...errors import UserError
from ..base import Task
from ..config import make_config
from ..training.checkpoint import load_state
from ..training.loop import run_training
from ..training.supervised import SupervisedTraining
from .augmentation import Augmentation
from .calibration import fit_temperature
from .config import ClassifyConfig
from .examples import keep_examples, read_examples
from .inputs import gather_images
from .metrics import class_indices, classification_metrics
from .model import build_model
from .module import ImageClassifier
from .report import SHEET, write_pictures, write_report
from .results import classified_images
from .setup import (
    check_classes,
    class_weights,
    filled_in,
    fingerprint,
    load_table,
    split_rows,
    training_size,
)

SERVING_BATCH = 64  # images a call of the serving module gets in evaluate and predict
SHOWN_UNREADABLE = 5
MOST_LABELS = 30  # that a model card names
SPLITS = ("train", "val", "test")
MANY = 2000  # images whose reading takes long enough to be announced


class ImageClassification(Task):
    """Image classification on a user's own images.

    Attributes:
        model: The Keras model, from pixels `[N, height, width, channels]` of 0 to
            255 to logits.
        labels: The class names, in the order of the logits.
        temperature: What the logits are divided by to give probabilities.
    """

    name = "classify"
    config_class = ClassifyConfig
    embedded = EMBEDDED

    def __init__(self, run, config, model, labels, temperature=1.0):
        super().__init__(run, config)
        self.model = model
        self.labels = labels
        self.temperature = temperature
        self._table = None

    @classmethod
    def _prepare(cls, run, config, data, data_dir, resume, progress):
        table = load_table(data, data_dir, config, run if resume else None)
        for line in table.summary():
            progress.say(line)
        config = filled_in(config, table)
        task = cls(
            run,
            config,
            build_model(config, len(table.class_names)),
            tuple(table.class_names),
        )
        task._table = table
        progress.say(
            f"model: {config.model}{config.depth if config.model == 'resnet' else ''}, "
            f"{task.model.count_params():,} parameters, input "
            f"{' x '.join(map(str, (*config.image_size, config.channels)))}, "
            f"augmentation {config.augment!r}"
        )
        if not resume:
            run.write_labels(task.labels)
            run.write_rows(run.splits, split_rows(table))
        return task

    def _fit(self, resume, progress):
        table = self._table
        train = table.select("train")
        loader = self._loader(
            train, training_size(self.config, train), progress, drop_remainder=True
        )
        check_classes(train.take(loader.rows))
        weights = class_weights(train.take(loader.rows), self.config)
        val = None
        if "val" in table.splits:
            val = self._loader(table.select("val"), self.config.image_size, progress)
        else:
            progress.say("no validation data: the last epoch is kept, not the best")
        training = SupervisedTraining(
            self.model,
            keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=self.config.label_smoothing
            ),
            self.config,
            train_epoch=lambda epoch: self._batches(loader.epoch(epoch), weights),
            val=val and self._batches(val.ordered(), np.ones_like(weights)),
            steps_per_epoch=loader.steps_per_epoch,
            metrics=lambda: {"accuracy": keras.metrics.CategoricalAccuracy()},
            augment=Augmentation(self.config),
            score=_score,
        )
        run_training(
            self.run,
            training,
            self.config,
            resume=resume,
            fingerprint=self.fingerprint,
            progress=progress,
        )
        load_state(self.run.best, {"model": self.model.variables})
        self._save_model()
        if val:
            self._calibrate(val)
        for split in ("val", "test"):
            if split in table.splits:
                progress.say(self._measure_in_one_line(table.select(split), split))
        self._keep_examples(table)
        write_report(self.run, self.config)
        progress.say(f"run: {self.run.path}")
        progress.say(f"report: {self.run.report / 'index.html'}")

    def _measure_in_one_line(self, table, split):
        try:
            metrics = self._measure(table, split)
        except UserError as error:  # no reason to end a finished training
            return str(error)
        accuracy, examples = metrics["accuracy"], metrics["examples"]
        return f"{split}: accuracy {accuracy:.4f} ({examples:,} images)"

    @property
    def fingerprint(self):
        seen = np.flatnonzero(self._table.splits != "test")
        return fingerprint(self._table.take(seen))

    @classmethod
    def _restore(cls, run, config):
        keras.config.set_dtype_policy(config.precision)
        labels = run.read_labels()
        model = build_model(config, len(labels))
        load_state(run.best, {"model": model.variables})
        temperature = run.facts(cls.name).get("temperature", 1.0)
        return cls(run, config, model, labels, temperature)

    def _evaluate(self, data, split, data_dir):
        table = load_table(data, data_dir, self.config, self.run)
        if split != "all":
            table = table.select(split)
        metrics = self._measure(table, split)
        write_report(self.run, self.config)
        return metrics

    def predict(self, inputs):
        """Classifies images.

        Args:
            inputs: Files, folders, glob patterns or encoded images as `bytes`;
                one or a list of them. A folder stands for the images in it and
                below it.

        Returns:
            A list of `ClassifiedImage`, in the order of the inputs. An image
            that cannot be read has `valid` false and does not stop the others.

        Raises:
            UserError: if a file is missing or a folder or pattern has no image.
        """
        names, contents = gather_images(inputs)
        answers = self._answers(contents)
        return classified_images(names, answers)

    @classmethod
    def doctor(cls, data, *, data_dir=None, **settings):
        """Looks for faults in a set of images before it is trained on.

        Args:
            data: A data spec.
            data_dir: Where TensorFlow Datasets keeps its data.
            **settings: `val_fraction` and `test_fraction`, as for training.

        Returns:
            A report; `report.fatal` is true if training would fail,
            `report.lines()` is the text.
        """
        config = make_config(cls.config_class, settings)
        return examine_images(load_table(data, data_dir, config))

    @staticmethod
    def metric_lines(metrics):
        """Returns the figures of `evaluate` as lines for a person."""
        names = ("accuracy", "top5", "macro_f1", "calibration_error")
        lines = [f"{name:18} {metrics[name]:.4f}" for name in names]
        lines.append(f"{'examples':18} {metrics['examples']}")
        if metrics["unreadable"]:
            lines.append(f"{'unreadable':18} {metrics['unreadable']} (left out)")
        return lines

    @staticmethod
    def result_lines(results):
        """Returns the answers of `predict` as lines for a person."""
        width = min(max(len(result.source) for result in results), 60)
        return [
            f"{result.source:{width}}  "
            + (
                "  ".join(f"{label} {share:.3f}" for label, share in result.top)
                if result.valid
                else f"error: {result.error}"
            )
            for result in results
        ]

    def _make_serving_module(self):
        return ImageClassifier(self.model, self.labels, self.config, self.temperature)

    def _examples(self):
        contents = read_examples(self.run)
        if contents is None:
            facts = self.run.facts(self.name)
            data, data_dir = facts["data"], facts.get("data_dir")
            self._keep_examples(load_table(data, data_dir, self.config, self.run))
            contents = read_examples(self.run)
        if not contents:  # the user wants none to be exported
            return {}
        images, valid, errors = self.serving_module().decode(
            tf.constant(list(contents.values()))
        )
        for name, good, error in zip(contents, valid, errors.numpy(), strict=True):
            if not good:
                raise UserError(error.decode(), self.run.examples / name, "Remove it")
        return {
            "serving_default": {"image_bytes": np.array([*contents.values()], object)},
            "pixels": {"pixels": images.numpy()},
        }

    def _about_data(self):
        rows = self.run.read_rows(self.run.splits, ("split",))
        counts = Counter(row["split"] for row in rows)
        splits = ", ".join(
            f"{counts[name]:,} {name}" for name in SPLITS if counts[name]
        )
        labels = ", ".join(self.labels[:MOST_LABELS])
        if len(self.labels) > MOST_LABELS:
            labels += f" and {len(self.labels) - MOST_LABELS} more"
        return (
            f"{super()._about_data()}: {splits} images; "
            f"{len(self.labels)} classes: {labels}"
        )

    def _keep_examples(self, table):
        """Keeps some images with the run, if it can be ones it was not trained on.

        What is there is left: a user may have put other images there, or none.
        """
        if self.run.examples.exists():
            return

        def is_readable(contents):
            return self.serving_module().decode(tf.constant(contents))[1]

        for split in reversed(SPLITS):
            if split in table.splits:
                rows = table.select(split)
                if keep_examples(self.run, rows, is_readable):
                    return

    def _loader(self, table, size, progress, drop_remainder=False):
        if table.pixels is None and len(table) > MANY:
            progress.say(f"reading {len(table):,} images")
        loader = ImageLoader(
            table,
            height=size[0],
            width=size[1],
            channels=self.config.channels,
            resize=self.config.resize,
            batch_size=self.config.batch_size,
            cache=self.config.cache,
            seed=self.config.seed,
            drop_remainder=drop_remainder,
        )
        for name, reason in loader.unreadable[:SHOWN_UNREADABLE]:
            progress.say(f"left out: {name}: {reason}")
        more = len(loader.unreadable) - SHOWN_UNREADABLE
        if more > 0:
            progress.say(f"left out: {more} more images")
        return loader

    def _calibrate(self, loader):
        """Fits the temperature on the validation images; keeps it with the run."""
        logits, labels = [], []
        for images, batch in loader.ordered():
            logits.append(self.model.predict_on_batch(images))
            labels.append(batch.numpy())
        self.temperature = round(
            fit_temperature(np.concatenate(logits), np.concatenate(labels)), 4
        )
        self.run.add_facts(self.config, temperature=self.temperature)

    def _batches(self, dataset, weights):
        weights = tf.constant(weights)

        def add_targets(images, labels):
            targets = tf.one_hot(labels, len(self.labels))
            return images, targets, tf.gather(weights, labels)

        return dataset.map(add_targets).prefetch(tf.data.AUTOTUNE)

    def _answers(self, contents):
        """Runs the serving module over encoded images, a batch at a time."""
        serve = self.serving_module().endpoints["serving_default"]
        parts, batch = [], []
        for content in contents:
            batch.append(content)
            if len(batch) == SERVING_BATCH:
                parts.append(serve(tf.constant(batch)))
                batch = []
        if batch:
            parts.append(serve(tf.constant(batch)))
        return {
            key: np.concatenate([part[key].numpy() for part in parts])
            for key in parts[0]
        }

    def _measure(self, table, split):
        """Measures one split; writes its figures and pictures to the run."""
        answers = self._answers(table.contents(missing=b""))
        metrics = {"data": table.source}
        metrics |= classification_metrics(table.labels, answers, self.labels)
        if not metrics["examples"]:
            raise UserError(f"no readable image in the split {split!r}", table.source)
        right = class_indices(answers["label"], self.labels) == table.labels
        wrong = np.flatnonzero(answers["valid"] & ~right)
        worst = wrong[np.argsort(-answers["probability"][wrong], kind="stable")]
        mistakes = [
            {
                "name": table.names[row],
                "label": self.labels[table.labels[row]],
                "predicted": answers["label"][row].decode(),
                "probability": float(answers["probability"][row]),
            }
            for row in worst
        ]
        self.run.write_metrics(split, metrics)
        self.run.write_rows(self.run.report / f"{split}_mistakes.csv", mistakes)
        shown = worst[:SHEET]
        pictures = zip(mistakes, table.contents(shown, missing=b""), strict=False)
        write_pictures(
            self.run,
            split,
            metrics,
            {**answers, "right": right},
            [{**mistake, "content": content} for mistake, content in pictures],
        )
        return metrics

    def _save_model(self):
        """Writes `model.keras`, whole or not at all."""
        partial = self.run.path / ".partial.keras"
        try:
            self.model.save(partial)
            os.replace(partial, self.run.model)
        except OSError as error:
            raise UserError(
                f"cannot be written ({error.strerror or error})", self.run.model
            ) from error
        finally:
            partial.unlink(missing_ok=True)


def _score(figures):
    """Best is the highest accuracy, and of equals the lowest loss."""
    if "val_accuracy" in figures:
        return figures["val_accuracy"], -figures["val_loss"]
    return (figures["epoch"],)
