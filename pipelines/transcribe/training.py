"""The training of an acoustic model with CTC."""

import numpy as np
import tensorflow as tf

from ...layers import GreedyDecoder
from ..training.supervised import SupervisedTraining
from .scores import character_error_rate, word_error_rate


class SpeechTraining(SupervisedTraining):
    """The epochs of an acoustic model; what `run_training` drives.

    Word and character error rates are those of greedy decoding.

    Args:
        model: A built acoustic model, see `build_model`.
        tokens: The tokens it writes.
        config: A `TranscribeConfig`.
        train_epoch: Function from the epoch's number to a `tf.data.Dataset` of
            `(samples, lengths, labels, label_lengths)`, as `AudioLoader` makes them.
        val: A `tf.data.Dataset` of the same, or `None`.
        steps_per_epoch: Batches in `train_epoch(epoch)`.
    """

    def __init__(self, model, tokens, config, *, train_epoch, val, steps_per_epoch):
        super().__init__(
            model,
            ctc_loss,
            config,
            train_epoch=lambda epoch: train_epoch(epoch).map(_as_example),
            val=val and val.map(_as_example),
            steps_per_epoch=steps_per_epoch,
            metrics=dict,
            score=_score if val else _latest,
        )
        self._tokens = tokens
        decoder = GreedyDecoder()

        def decode(inputs, targets, weights):
            outputs = model(inputs, training=False)
            loss, parts = self._measure(targets, outputs, weights)
            self._record(loss, parts, targets, outputs, inputs)
            return decoder(outputs["logits"], outputs["lengths"])["labels"][:, 0]

        self._decode = tf.function(decode, reduce_retracing=True, autograph=False)

    def validate(self):
        """Returns the figures on the validation data; empty without any."""
        if self._val is None:
            return {}
        self._reset()
        said, heard = [], []
        for inputs, targets, weights in self._val:
            for labels in self._decode(inputs, targets, weights).numpy():
                heard.append(self._tokens.decode(labels[labels >= 0].tolist()))
            for labels, length in zip(*map(np.asarray, targets), strict=True):
                said.append(self._tokens.decode(labels[:length].tolist()))
        return {
            **self._results(),
            "wer": word_error_rate(said, heard),
            "cer": character_error_rate(said, heard),
        }


def ctc_loss(targets, outputs, sample_weight=None):
    """Returns the mean CTC loss of a batch, each text's divided by its length.

    Texts that have more labels (and repeats among them) than their recording has
    steps count as 0: their loss is infinite.

    Args:
        targets: `(labels, label_lengths)`: int32 `[N, L]` and `[N]`.
        outputs: What the acoustic model returns.
        sample_weight: float `[N]` or a number.

    Returns:
        A float32 scalar.

    Reference:
        Graves et al., 2006, "Connectionist Temporal Classification".
    """
    labels, label_lengths = targets
    logits, steps = outputs["logits"], outputs["lengths"]
    there = tf.sequence_mask(label_lengths, tf.shape(labels)[1])
    repeats = (labels[:, 1:] == labels[:, :-1]) & there[:, 1:]
    needed = label_lengths + tf.reduce_sum(tf.cast(repeats, tf.int32), axis=1)
    feasible = (needed <= steps) & (label_lengths > 0)
    # keras.ops.ctc_loss takes eight times as long on a CPU. The kernel refuses rows
    # without steps, so bad rows are given one step and one label each.
    where = tf.where(there & (feasible[:, None] | (tf.range(tf.shape(labels)[1]) < 1)))
    sparse = tf.SparseTensor(
        where, tf.gather_nd(labels, where), tf.shape(labels, tf.int64)
    )
    losses = tf.nn.ctc_loss(
        sparse,
        logits,
        label_length=None,
        logit_length=tf.maximum(steps, 1),
        logits_time_major=False,
        blank_index=0,
    )
    losses /= tf.cast(tf.maximum(label_lengths, 1), tf.float32)
    losses = tf.where(feasible, losses, 0.0)
    if sample_weight is not None:
        losses *= sample_weight
    return tf.reduce_mean(losses)


def _as_example(samples, lengths, labels, label_lengths):
    return {"samples": samples, "lengths": lengths}, (labels, label_lengths), 1.0


def _score(figures):
    """Best is the least character error rate, then the least loss."""
    return -figures["val_cer"], -figures["val_loss"]


def _latest(figures):
    """Without validation data the last epoch is the best."""
    return (figures["epoch"],)
