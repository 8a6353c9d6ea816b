"""The graph of heat maps: image bytes in, the classes' probabilities by window out."""

import keras
import numpy as np
import tensorflow as tf

from ...data.images.decode import decode_batch
from ...data.images.pixels import resized_pixels
from ...errors import UserError
from ...layers.boxes import unletterbox_boxes
from ...layers.detection.sliding_window import SlidingWindow


def heat_map_endpoint(model, labels, config, temperature, settings):
    """Makes the function that slides a classifier over images.

    Images of a batch differ in size, and a tensor's rows cannot: every image is
    letterboxed into one canvas, whose size is fixed when the function is made. So
    the windows are the same for all images, and a server's answer takes the same
    time and memory whatever it is sent.

    Args:
        model: Keras model from pixels `[N, height, width, channels]` to logits.
        labels: The class names, in the order of the logits.
        config: The run's `ClassifyConfig`.
        temperature: What the logits are divided by.
        settings: A `HeatMapSettings`.

    Returns:
        A `tf.function` of `image_bytes`, string `[N]`. It returns, with K classes
        and W windows of all S scales (scale by scale, row by row):
        `probabilities` float32 `[N, W, K]`, zero for windows whose centre is not on
        the image; `boxes` float32 `[N, W, 4]`, the windows as x1, y1, x2, y2 in
        pixels of the original image, which they may reach beyond; `grid` int32
        `[N, S, 2]`, rows and columns of the windows at each scale; `labels` string
        `[N, K]`; `best_probabilities` float32 `[N, K]` and `best_boxes` float32
        `[N, K, 4]`, the best window of each class, clipped to the image; `valid`
        bool `[N]`; `error` string `[N]`.

    Raises:
        UserError: if the settings do not suit the model.
    """
    canvases = settings.canvases(config.image_size)
    try:
        slider = SlidingWindow(model, settings.stride, settings.context)
    except ValueError as error:
        raise UserError(str(error)) from error
    names = tf.constant(labels)
    grid = tf.constant([slider.counts(*canvas) for canvas in canvases])
    scanners = [_scanner(slider, canvas, config.channels) for canvas in canvases]
    spec = (
        tf.TensorSpec((2,), tf.int32),
        *(tf.TensorSpec((*canvas, config.channels), tf.uint8) for canvas in canvases),
    )

    def frame(image):
        return (
            tf.shape(image)[:2],
            *(resized_pixels(image, *canvas, "letterbox") for canvas in canvases),
        )

    def scan(framed):
        # One image at a time: a batch's windows together may not fit into memory.
        logits = [
            tf.reshape(scanner(image[None], training=False), [-1, len(labels)])
            for scanner, image in zip(scanners, framed, strict=True)
        ]
        return tf.nn.softmax(tf.concat(logits, axis=0) / temperature)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")])
    def heat_map(image_bytes):
        (sizes, *framed), valid, error = decode_batch(
            image_bytes, config.channels, frame, spec
        )
        rows = tf.size(image_bytes)
        boxes = tf.concat(
            [_boxes(slider, canvas, sizes) for canvas in canvases], axis=1
        )
        windows = tf.TensorSpec((boxes.shape[1], len(labels)), tf.float32)
        shares = tf.map_fn(scan, framed, fn_output_signature=windows)
        counts = _is_inside(boxes, sizes) & valid[:, None]
        shares = tf.where(counts[..., None], shares, 0.0)
        boxes = tf.where(valid[:, None, None], boxes, 0.0)
        best = tf.argmax(shares, axis=1, output_type=tf.int32)
        limits = tf.cast(tf.gather(sizes, [1, 0, 1, 0], axis=1), tf.float32)
        best_boxes = tf.gather(boxes, best, axis=1, batch_dims=1)
        return {
            "probabilities": shares,
            "boxes": boxes,
            "grid": tf.tile(grid[None], [rows, 1, 1]),
            "labels": tf.tile(names[None], [rows, 1]),
            "best_probabilities": tf.reduce_max(shares, axis=1),
            "best_boxes": tf.clip_by_value(best_boxes, 0.0, limits[:, None]),
            "valid": valid,
            "error": error,
        }

    return heat_map


def _scanner(slider, canvas, channels):
    images = keras.Input((*canvas, channels))
    return keras.Model(images, slider(images))


def _boxes(slider, canvas, sizes):
    """The windows of one scale in pixels of each original image, `[N, n, 4]`."""
    windows = slider.window_boxes(*canvas).reshape(-1, 4)
    return unletterbox_boxes(windows[np.newaxis], sizes, *canvas)


def _is_inside(boxes, sizes):
    """Whether the centres of boxes are on the image."""
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2
    limits = tf.cast(sizes[:, None, ::-1], tf.float32)
    return tf.reduce_all((centres >= 0) & (centres <= limits), axis=-1)
