"""Training of a detector: the parts of its loss, validation by mAP."""

import keras
import tensorflow as tf

from ...layers import DetectionEvaluator
from ..training.supervised import SupervisedTraining
from .heads import make_head

LEAST_SCORE = 0.001  # of the boxes that mAP is measured on
VALIDATIONS = 50  # at most so many in a run


class DetectionTraining(SupervisedTraining):
    """The epochs of a detector; what `run_training` drives.

    mAP is measured on the letterboxed validation images, in pixels of the input,
    every few epochs: it takes longer than their forward pass.

    Args:
        model: A built detector.
        loss: The loss of the config's head.
        config: A `DetectConfig`.
        classes: Number of classes.
        train_epoch: Function from the epoch's number to a `tf.data.Dataset` of
            `(pixels, targets)`.
        val: A `tf.data.Dataset` of the same, or `None`.
        truths: What its images show, in their order, see `input_truths`.
        steps_per_epoch: Batches in `train_epoch(epoch)`.
    """

    def __init__(
        self,
        model,
        loss,
        config,
        classes,
        *,
        train_epoch,
        val,
        truths=(),
        steps_per_epoch,
    ):
        head = make_head(config, classes)
        super().__init__(
            model,
            loss,
            config,
            train_epoch=lambda epoch: train_epoch(epoch).map(_with_weight),
            val=val and val.map(_with_weight),
            steps_per_epoch=steps_per_epoch,
            metrics=lambda: {name: keras.metrics.Mean() for name in head.parts},
            score=self._score if val else _latest,
        )
        self._epochs = config.epochs
        self._every = validation_interval(config)
        self._epoch = 0
        self._classes = classes
        self._truths = truths
        self._head = head
        self._detector = head.detector(LEAST_SCORE)
        self._detect = tf.function(
            self._detect_step, reduce_retracing=True, autograph=False
        )

    def train(self, epoch, on_step):
        self._epoch = epoch
        return super().train(epoch, on_step)

    def validate(self):
        """Returns the figures on the validation data; empty where none are due."""
        due = (self._epoch + 1) % self._every == 0 or self._epoch + 1 == self._epochs
        if self._val is None or not due:
            return {}
        self._reset()
        evaluator, tally = DetectionEvaluator(self._classes), self._head.tally()
        truths = iter(self._truths)
        for images, targets, weights in self._val:
            kept = self._detect(images, targets, weights)
            kept = {name: part.numpy() for name, part in kept.items()}
            for row in range(len(kept["count"])):
                truth, found = next(truths), _found(kept, row)
                evaluator.add(truth, found)
                tally.add(truth, found)
        summary = evaluator.summary()
        figures = {name: summary[name] for name in ("map50", "map")}
        return {**self._results(), **figures, **tally.summary()}

    def _measure(self, targets, outputs, weights):
        parts = self._loss.parts(targets, self._head.unpacked(outputs))
        parts = {name: tf.reduce_mean(part) for name, part in parts.items()}
        return tf.add_n(list(parts.values())), parts

    def _detect_step(self, images, targets, weights):
        outputs = self.model(images, training=False)
        self._record(
            *self._measure(targets, outputs, weights), targets, outputs, images
        )
        return self._detector(self._head.unpacked(outputs))

    def _score(self, figures):
        """Best is what the head calls so."""
        return (self._head.score(figures),) if "val_map" in figures else None


def validation_interval(config):
    """Returns the epochs from one validation to the next."""
    return config.validate_every or -(-config.epochs // VALIDATIONS)


def _with_weight(images, targets):
    return images, targets, 1.0


def _latest(figures):
    """Without validation data the last epoch is the best."""
    return (figures["epoch"],)


def _found(kept, row):
    """Returns what was found in an image, of what was found in a batch."""
    found = {name: values[row] for name, values in kept.items()}
    count = found.pop("count")
    for name in ("boxes", "scores", "classes"):
        found[name] = found[name][:count]
    return found
