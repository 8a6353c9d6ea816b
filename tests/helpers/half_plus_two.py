"""The model of TensorFlow Serving's own tests: y = x / 2 + 2."""

import tensorflow as tf


def save_half_plus_two(version_dir, offset=2.0):
    """Saves y = x / 2 + offset, with both numbers in variables.

    Args:
        version_dir: Where to, e.g. MODELS/half_plus_two/1.
        offset: What is added; another one tells two versions apart.

    Returns:
        The folder. The signature `serving_default` has the input `x` and the
        output `y`, float32 of any shape.
    """
    module = tf.Module()
    module.slope, module.offset = tf.Variable(0.5), tf.Variable(float(offset))

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, name="x")])
    def serve(x):
        return {"y": module.slope * x + module.offset}

    tf.saved_model.save(module, str(version_dir), signatures={"serving_default": serve})
    return version_dir
