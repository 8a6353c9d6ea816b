"""Models of a few bytes, saved as SavedModels."""

import numpy as np
import tensorflow as tf

from amalthea.serving.records import WARMUP_FILE, prediction_log, write_records

TEXTS = tf.TensorSpec([None], tf.string, name="text")
IMAGES = tf.TensorSpec([None], tf.string, name="image_bytes")
NUMBERS = tf.TensorSpec([None, 2], tf.float32, name="x")
ROW = np.array([[1.0, 2.0]], np.float32)


class Scale(tf.Module):
    """y = factor * x, with the factor in a variable."""

    def __init__(self, factor=3.0):
        super().__init__()
        self.factor = tf.Variable(factor)

    @tf.function(input_signature=[NUMBERS])
    def serve(self, x):
        return {"y": self.factor * x}

    @property
    def signatures(self):
        return {"serving_default": self.serve}


def save(folder, function, *specs, module=None, **options):
    """Saves one function as the signature `serving_default`.

    Args:
        folder: Where to.
        function: Takes tensors and returns a dict of tensors.
        *specs: Its inputs' `tf.TensorSpec`.
        module: The `tf.Module` that holds what the function uses.
        **options: For `tf.function`.

    Returns:
        The folder.
    """
    function = tf.function(function, input_signature=specs, **options)
    tf.saved_model.save(
        module or tf.Module(), str(folder), signatures={"serving_default": function}
    )
    return folder


def replayed_scale(folder, golden=None, x=ROW):
    """Saves a model of y = 3 x with a warm-up record, and the answer kept with it.

    Args:
        folder: Where to.
        golden: The answer.
        x: Of the record, an array.

    Returns:
        The folder.
    """
    module = Scale()
    tf.saved_model.save(module, str(folder), signatures=module.signatures)
    outputs = None if golden is None else {"y": golden}
    log = prediction_log("scale", "serving_default", {"x": x}, outputs)
    write_records(folder / WARMUP_FILE, [log])
    return folder
