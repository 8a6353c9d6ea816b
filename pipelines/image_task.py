"""What the tasks share whose input is encoded images and whose model is Keras'."""

import abc
from collections import Counter

import numpy as np
import tensorflow as tf

from ..data.splits import SPLITS
from ..errors import UserError
from .base import Task
from .examples import keep_held_out_examples, read_examples

SERVING_BATCH = 64  # images a call of the serving module gets in evaluate and predict
MOST_LABELS = 30  # that a model card names
MANY = 2000  # images whose reading takes long enough to be announced


class ImageTask(Task):
    """A task on images: examples, batches of answers, the finished model.

    A subclass sets `model` and `labels`, makes a serving module whose signature
    `serving_default` takes `image_bytes` and which has `decode(image_bytes) ->
    (images, valid, error)`, and fills in `_load_table`, `_measure`,
    `_write_report` and `_in_one_line`.

    Attributes:
        model: The Keras model.
        labels: The class names, in the order of its outputs.
    """

    @classmethod
    @abc.abstractmethod
    def _load_table(cls, data, data_dir, config, run=None):
        """Returns the `ImageSet` of a data spec.

        Args:
            data: The spec.
            data_dir: Where TensorFlow Datasets keeps its data.
            config: The task's config.
            run: A `RunFolder` whose labels and splits hold, if given.
        """

    @abc.abstractmethod
    def _measure(self, table, split):
        """Measures one split; writes its figures and pictures to the run.

        Args:
            table: The `ImageSet` of the split.
            split: Its name.

        Returns:
            The figures, a dict.

        Raises:
            UserError: if no image of it can be measured.
        """

    @abc.abstractmethod
    def _write_report(self):
        """Writes the page of the run from what its folder holds."""

    @staticmethod
    @abc.abstractmethod
    def _in_one_line(split, metrics):
        """Returns the line that says what a split's figures are after training."""

    def _evaluate(self, data, split, data_dir):
        table = self._load_table(data, data_dir, self.config, self.run)
        if split != "all":
            table = table.select(split)
        metrics = self._measure(table, split)
        self._write_report()
        return metrics

    def _conclude(self, table, progress):
        """Measures a trained model, keeps examples and writes the report."""
        for split in ("val", "test"):
            if split in table.splits:
                try:
                    metrics = self._measure(table.select(split), split)
                    progress.say(self._in_one_line(split, metrics))
                except UserError as error:  # no reason to end a finished training
                    progress.say(str(error))
        self._keep_examples(table)
        self._write_report()
        progress.say(f"run: {self.run.path}")
        progress.say(f"report: {self.run.report / 'index.html'}")

    def answer_batches(self, contents, signature="serving_default", **columns):
        """Runs the serving module over encoded images, a batch at a time.

        Args:
            contents: Iterable of `bytes`.
            signature: The signature to call.
            **columns: Further inputs of it: the one value of all rows, a numpy
                scalar.

        Yields:
            Dicts from output name to numpy array, for the images in their order.
        """

        def answer(batch):
            rows = {name: np.full(len(batch), x) for name, x in columns.items()}
            return self._answer(signature, image_bytes=batch, **rows)

        batch = []
        for content in contents:
            batch.append(content)
            if len(batch) == SERVING_BATCH:
                yield answer(batch)
                batch = []
        if batch:
            yield answer(batch)

    def _image_examples(self):
        """Returns the run's example images, encoded and decoded, or `None`.

        Returns:
            `(contents, images)`: object `[n]` of `bytes` and what the serving
            module's `decode` makes of them.

        Raises:
            UserError: if one of them cannot be read.
        """
        contents = read_examples(self.run)
        if contents is None:
            facts = self.run.facts(self.name)
            data, data_dir = facts["data"], facts.get("data_dir")
            self._keep_examples(self._load_table(data, data_dir, self.config, self.run))
            contents = read_examples(self.run)
        if not contents:  # the user wants none to be exported
            return None
        images, valid, errors = self.serving_module().decode(
            tf.constant(list(contents.values()))
        )
        for name, good, error in zip(contents, valid, errors.numpy(), strict=True):
            if not good:
                raise UserError(error.decode(), self.run.examples / name, "Remove it")
        return np.array([*contents.values()], object), images

    def _keep_examples(self, table):
        keep_held_out_examples(self.run, table, self.serving_module().decode)

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


def announce_reading(table, progress):
    """Says that many images are about to be read."""
    if table.pixels is None and len(table) > MANY:
        progress.say(f"reading {len(table):,} images")
