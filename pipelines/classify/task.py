"""Image classification as a task: train, evaluate, predict, export, doctor."""

import contextlib
import dataclasses
import functools

import keras
import numpy as np
import tensorflow as tf

from ...data.images import EMBEDDED, ImageLoader
from ...data.images.doctor import examine_images
from ...data.untuned import PREFETCH
from ...errors import UserError
from ..config import make_config
from ..image_task import ImageTask, announce_reading
from ..inputs import gather_images, gather_sources, try_reading
from ..training.checkpoint import load_state
from ..training.fingerprint import fingerprint
from ..training.supervised import SupervisedTraining
from .augmentation import Augmentation
from .calibration import fit_temperature
from .config import ClassifyConfig
from .heat_map import heat_map_endpoint
from .heat_map_files import HeatMapFiles
from .heat_map_results import heat_maps, json_lines
from .metrics import class_indices, classification_metrics
from .model import build_model
from .module import ImageClassifier
from .options import ExportOptions, HeatMapSettings
from .report import SHEET, write_pictures, write_report
from .results import classified_images
from .setup import (
    check_classes,
    class_weights,
    filled_in,
    load_table,
    split_rows,
    training_size,
)


class ImageClassification(ImageTask):
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
        self._heat_map_endpoints = {}

    @classmethod
    def _load_table(cls, data, data_dir, config, run=None):
        return load_table(data, data_dir, config, run)

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
        self._train_model(training, resume, progress)
        if val:
            self._calibrate(val)
        self._conclude(table, progress)

    @staticmethod
    def _in_one_line(split, metrics):
        accuracy, examples = metrics["accuracy"], metrics["examples"]
        return f"{split}: accuracy {accuracy:.4f} ({examples:,} images)"

    def _write_report(self):
        write_report(self.run, self.config)

    @functools.cached_property
    def fingerprint(self):
        seen = np.flatnonzero(self._table.splits != "test")
        table = self._table.take(seen)
        return fingerprint(
            f"{key} {label}"
            for key, label in zip(table.keys, table.labels, strict=True)
        )

    @classmethod
    def _restore(cls, run, config):
        keras.config.set_dtype_policy(config.precision)
        labels = run.read_labels()
        model = build_model(config, len(labels))
        load_state(run.best, {"model": model.variables})
        temperature = run.facts(cls.name).get("temperature", 1.0)
        return cls(run, config, model, labels, temperature)

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

    def heat_map(self, inputs, *, save_dir=None, **settings):
        """Slides the classifier over images that are larger than its input.

        Args:
            inputs: As for `predict`.
            save_dir: A folder to write a picture and the maps of each image to.
            **settings: Fields of `HeatMapSettings`: `canvas`, `scales`, `stride`
                and `context`.

        Returns:
            A list of `HeatMap`, in the order of the inputs. An image that cannot
            be read has `valid` false.

        Raises:
            UserError: if a file is missing or the settings do not suit the model.
        """
        return list(self._heat_maps(inputs, save_dir, settings))

    def heat_map_lines(self, inputs, *, json=False, save_dir=None, **settings):
        """Does what the verb `heatmap` asks for; yields lines to print.

        They come image by image; maps are dropped once they are written.
        """
        with contextlib.closing(self._heat_maps(inputs, save_dir, settings)) as results:
            if json:
                yield from json_lines(results)
            else:
                yield from (result.line() for result in results)

    def _heat_maps(self, inputs, save_dir, settings):
        """Yields a `HeatMap` for each image, saved if there is a `save_dir`."""
        sources = gather_sources(inputs)
        endpoint = self._heat_map_endpoint(HeatMapSettings(**settings))
        with contextlib.ExitStack() as stack:
            files = save_dir and stack.enter_context(HeatMapFiles(save_dir))
            for name, source in sources:
                content, error = try_reading(source)
                answers = endpoint(tf.constant([content]))
                answers = {key: value.numpy() for key, value in answers.items()}
                (result,) = heat_maps([name], answers)
                if error:  # the graph says only that there are no bytes
                    result = dataclasses.replace(result, error=error)
                if files:
                    files.add(result, content)
                yield result

    def _heat_map_endpoint(self, settings):
        if settings not in self._heat_map_endpoints:
            self._heat_map_endpoints[settings] = heat_map_endpoint(
                self.model, self.labels, self.config, self.temperature, settings
            )
        return self._heat_map_endpoints[settings]

    def export(self, models_dir, name=None, version=None, *, keep=None, **options):
        """Exports the classifier as every task does; see `Task.export`.

        Args:
            models_dir: The folder of models that a server watches.
            name: The model's name; the run folder's name if not given.
            version: A whole number; one more than the highest there if not given.
            keep: How many versions to keep; all if not given.
            **options: Fields of `ExportOptions`. `heat_map=(height, width)` adds
                a signature `heat_map`, see `heat_map_endpoint`.

        Returns:
            The `Path` of the version folder.

        Raises:
            UserError: as `Task.export`, or if the settings do not suit the model.
        """
        settings = ExportOptions(**options).settings()
        module = self.serving_module()
        endpoints = dict(module.endpoints)
        if settings:
            added = self._heat_map_endpoint(settings)
            module.endpoints = {**endpoints, "heat_map": added}
        try:
            return super().export(models_dir, name, version, keep=keep)
        finally:
            module.endpoints = endpoints

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
        examples = self._image_examples()
        if examples is None:
            return {}
        contents, images = examples
        return {
            "serving_default": {"image_bytes": contents},
            "pixels": {"pixels": images.numpy()},
        }

    def _loader(self, table, size, progress, drop_remainder=False):
        announce_reading(table, progress)
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
        progress.left_out(loader.unreadable, "images")
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

        return dataset.map(add_targets).prefetch(PREFETCH)

    def _answers(self, contents):
        """Returns the serving module's answers for encoded images."""
        parts = list(self.answer_batches(contents))
        return {
            name: np.concatenate([part[name] for part in parts]) for name in parts[0]
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


def _score(figures):
    """Best is the highest accuracy, and of equals the lowest loss."""
    if "val_accuracy" in figures:
        return figures["val_accuracy"], -figures["val_loss"]
    return (figures["epoch"],)
