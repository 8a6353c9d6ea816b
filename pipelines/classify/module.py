"""The one graph of image classification: image bytes in, labels out."""

import tensorflow as tf

from ...data.images.decode import decode_batch
from ...data.images.pixels import resized_pixels
from ...serving.module import ServingModule, apply_model

TOP = 5


class ImageClassifier(ServingModule):
    """Decodes, resizes and classifies; what `predict`, `evaluate` and exports run.

    Args:
        model: Keras model from pixels `[N, height, width, channels]` to logits.
        labels: The class names, in the order of the logits.
        config: The run's `ClassifyConfig`.
        temperature: What the logits are divided by, from `fit_temperature`.

    Attributes:
        endpoints: Dict from signature name to `tf.function`.
            `serving_default` takes `image_bytes`, string `[N]`: JPEG, PNG, GIF,
            BMP or WebP. `pixels` takes `pixels`, uint8 `[N, height, width,
            channels]` of any height and width. Both return, with k the smaller
            of 5 and the number of classes: `label` string `[N]`, `probability`
            float32 `[N]`, `top_labels` string `[N, k]`, `top_probabilities`
            float32 `[N, k]`, `valid` bool `[N]`, `error` string `[N]`.
        decode: The first step of `serving_default`: from `image_bytes` to uint8
            `[N, height, width, channels]` of the model's size, `valid`, `error`.
    """

    def __init__(self, model, labels, config, temperature=1.0):
        super().__init__([model], name="image_classifier")
        labels = tf.constant(labels)
        top = min(TOP, len(labels))
        height, width = config.image_size
        channels = config.channels
        spec = tf.TensorSpec((height, width, channels), tf.uint8)

        def resize(image):
            return resized_pixels(image, height, width, config.resize)

        def decode(image_bytes):
            return decode_batch(image_bytes, channels, resize, spec)

        def answer(images, valid, error):
            logits = tf.cast(apply_model(model, images), tf.float32) / temperature
            return _answer(logits, labels, top, valid, error)

        @tf.function(
            input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")],
            autograph=False,
        )
        def serve_bytes(image_bytes):
            return answer(*decode(image_bytes))

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None, None, channels], tf.uint8, "pixels")
            ],
            autograph=False,
        )
        def serve_pixels(pixels):
            rows = tf.shape(pixels)[0]
            empty = tf.size(pixels) == 0
            # An empty image has nothing to resize; it becomes one black pixel.
            pixels = tf.cond(
                empty,
                lambda: tf.zeros([rows, 1, 1, channels], tf.uint8),
                lambda: pixels,
            )
            error = tf.where(empty, "empty image", "")
            return answer(
                resize(pixels), tf.fill([rows], ~empty), tf.fill([rows], error)
            )

        self.decode = decode
        self.endpoints = {"serving_default": serve_bytes, "pixels": serve_pixels}


def _answer(logits, labels, top, valid, error):
    shares, indices = tf.math.top_k(tf.nn.softmax(logits), top)
    shares = tf.where(valid[:, None], shares, 0.0)
    names = tf.where(valid[:, None], tf.gather(labels, indices), "")
    return {
        "label": names[:, 0],
        "probability": shares[:, 0],
        "top_labels": names,
        "top_probabilities": shares,
        "valid": valid,
        "error": error,
    }
