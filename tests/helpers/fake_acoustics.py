"""A recogniser whose audio is the logits themselves, so that cases are made by hand."""

import keras
import numpy as np
from keras import ops

from amalthea.pipelines.transcribe.config import TranscribeConfig, filled_in

RATE = 8000


def fake_config(**settings):
    """A config of such a recogniser; its steps are one sample of each class."""
    config = TranscribeConfig(sampling_rate=RATE, hop=0.001, subsampling=1, **settings)
    return filled_in(config, [RATE])


class _Steps(keras.layers.Layer):
    """Takes samples for logits, class after class."""

    def __init__(self, classes, **kwargs):
        super().__init__(**kwargs)
        self.classes = classes

    def call(self, samples):
        size = ops.shape(samples)[1] // self.classes
        samples = samples[:, : size * self.classes]
        return ops.reshape(samples, (ops.shape(samples)[0], size, self.classes))

    def compute_output_shape(self, samples_shape):
        return (samples_shape[0], None, self.classes)


def fake_model(classes):
    """An acoustic model that takes its samples for logits, class after class."""
    samples = keras.Input((None,), dtype="float32", name="samples")
    lengths = keras.Input((), dtype="int32", name="lengths")
    return keras.Model(
        {"samples": samples, "lengths": lengths},
        {
            "logits": _Steps(classes, name="encoder")(samples),
            "lengths": lengths // classes,
        },
    )


def heard_as(alternatives, tokens):
    """Samples of one recording that is heard as given.

    Args:
        alternatives: List of dicts from a token's text (`""` is the blank) to its
            probability, one for each step.
        tokens: The tokens.

    Returns:
        float32 `[steps * classes]`.
    """
    probabilities = np.full((len(alternatives), tokens.size), 1e-9)
    for step, heard in enumerate(alternatives):
        for text, probability in heard.items():
            probabilities[step, tokens.strings.index(text)] = probability
    return np.log(probabilities).astype(np.float32).ravel()
