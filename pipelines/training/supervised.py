"""Training of a Keras model on batches of inputs, targets and weights."""

import contextlib

import keras
import tensorflow as tf

from .average import WeightAverage
from .optimizers import make_optimizer


class SupervisedTraining:
    """The epochs of a Keras model; what `run_training` drives.

    Args:
        model: A built Keras model.
        loss: `loss(targets, outputs, sample_weight=weights)`, a Keras loss. A
            subclass may take it apart in `_measure`.
        config: A `TrainingConfig`.
        train_epoch: Function from the epoch's number to a `tf.data.Dataset` of
            `(inputs, targets, weights)`.
        val: A `tf.data.Dataset` of the same, or `None`.
        steps_per_epoch: Batches in `train_epoch(epoch)`.
        metrics: Function that returns a fresh dict of Keras metrics. The loss is
            always among the figures.
        augment: `augment(inputs, targets) -> (inputs, targets)`, called inside
            the training step, or `None`. Its layers' seed generators are found
            through `augment.layers`, so that resuming draws the same numbers.
        score: Function from an epoch's figures to a tuple, of which larger is better;
            `None` for an epoch that was not measured.
    """

    def __init__(
        self,
        model,
        loss,
        config,
        *,
        train_epoch,
        val,
        steps_per_epoch,
        metrics,
        augment=None,
        score,
    ):
        self.model = model
        self.score = score
        self.steps_per_epoch = steps_per_epoch
        self._loss = loss
        self._l2 = config.l2
        self._train_epoch = train_epoch
        self._val = val
        self._augment = augment
        self._optimizer = make_optimizer(config, steps_per_epoch)
        self._optimizer.build(model.trainable_variables)
        self._average = None
        if config.ema:
            # A memory longer than the run would keep the first weights alive.
            limit = 1 - 10 / max(config.epochs * steps_per_epoch, 11)
            self._average = WeightAverage(model, min(config.ema, limit))
        self._metrics = {"loss": keras.metrics.Mean(), **metrics()}
        self._kernels = [
            weight
            for weight in model.trainable_variables
            if len(weight.shape) > 1 and self._l2
        ]
        # Nothing in a step is Python that depends on a tensor; without autograph it
        # is traced in half the time.
        self._step = tf.function(
            self._train_step,
            jit_compile=config.xla,
            reduce_retracing=True,
            autograph=False,
        )
        self._test = tf.function(
            self._test_step, reduce_retracing=True, autograph=False
        )

    def variables(self):
        """Returns the whole state: group name to list of variables."""
        groups = {
            "model": self.model.variables,
            "optimizer": self._optimizer.variables,
        }
        inner = getattr(self._optimizer, "inner_optimizer", None)
        if inner is not None:
            groups["inner"] = inner.variables
        if self._average:
            groups["average"] = self._average.variables
        if self._augment is not None:
            groups["augment"] = [
                variable
                for layer in self._augment.layers
                for variable in layer.variables
            ]
        return groups

    def kept(self):
        """Returns the variables that `best.npz` holds, to be read in `averaged`."""
        return {"model": self.model.variables}

    def averaged(self):
        """Returns a context in which the model has its averaged weights."""
        return self._average.applied() if self._average else contextlib.nullcontext()

    def learning_rate(self):
        """Returns the current learning rate."""
        return float(self._optimizer.learning_rate)

    def train(self, epoch, on_step):
        """Trains one epoch; returns its figures.

        Args:
            epoch: Number of the epoch, from 0.
            on_step: Called with the running loss after each step.
        """
        self._reset()
        for batch in self._train_epoch(epoch):
            self._step(*batch)
            on_step(self._metrics["loss"])
        return self._results()

    def validate(self):
        """Returns the figures on the validation data; empty without any."""
        if self._val is None:
            return {}
        self._reset()
        for batch in self._val:
            self._test(*batch)
        return self._results()

    def _train_step(self, inputs, targets, weights):
        if self._augment is not None:
            inputs, targets = self._augment(inputs, targets)
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self.model(inputs, training=True)
            loss, parts = self._measure(targets, outputs, weights)
            total = loss + tf.add_n(self.model.losses) if self.model.losses else loss
            if self._kernels:
                squares = [tf.reduce_sum(tf.square(w.value)) for w in self._kernels]
                total += self._l2 / 2 * tf.add_n(squares)
            scaled = self._optimizer.scale_loss(total)
        gradients = tape.gradient(scaled, variables)
        self._optimizer.apply(gradients, variables)
        if self._average:
            self._average.update()
        self._record(loss, parts, targets, outputs, inputs)

    def _test_step(self, inputs, targets, weights):
        outputs = self.model(inputs, training=False)
        loss, parts = self._measure(targets, outputs, weights)
        self._record(loss, parts, targets, outputs, inputs)

    def _measure(self, targets, outputs, weights):
        """Returns the loss of a batch and a dict of further means to record."""
        return self._loss(targets, outputs, sample_weight=weights), {}

    def _record(self, loss, parts, targets, outputs, inputs):
        rows = tf.shape(tf.nest.flatten(inputs)[0])[0]
        means = {"loss": loss, **parts}
        for name, metric in self._metrics.items():
            if name in means:
                metric.update_state(means[name], sample_weight=rows)
            else:
                metric.update_state(targets, outputs)

    def _reset(self):
        for metric in self._metrics.values():
            metric.reset_state()

    def _results(self):
        return {name: float(metric.result()) for name, metric in self._metrics.items()}
