"""The one graph of detection: image bytes in, boxes in the image's own pixels out."""

import tensorflow as tf

from ...data.images.decode import decode_batch
from ...data.images.pixels import resized_pixels
from ...layers.boxes import unletterbox_boxes
from ...serving.module import ServingModule, apply_model
from .heads import make_head

FILL = 114  # grey around a letterboxed image, in training and serving alike


class ObjectDetector(ServingModule):
    """Decodes, letterboxes and detects; what `predict`, `evaluate` and exports run.

    Args:
        model: Keras model from pixels `[N, height, width, 3]` to the outputs of the
            config's head.
        labels: The class names, in the order of the outputs' channels.
        config: The run's `DetectConfig`.

    Attributes:
        endpoints: Dict from signature name to `tf.function`.
            `serving_default` takes `image_bytes`, string `[N]`: JPEG, PNG, GIF,
            BMP or WebP of any sizes. `thresholds` takes with it, one for each
            image, `confidence` float32 `[N]`, the least score; `iou` float32
            `[N]`, the largest IoU of two boxes of a class; `max_detections`
            int32 `[N]`, at most the run's own number. Any that is negative is
            the run's own. `pixels` takes these and instead of bytes `pixels`,
            uint8 `[N, height, width, 3]` of any height and width.
            All return, with D the run's `max_detections`, or 1 if the head finds
            one object: `boxes` float32 `[N, D, 4]`, x1, y1, x2, y2 in pixels of
            the original image, the best first; `scores` float32 `[N, D]`;
            `classes` string `[N, D]`; `count` int32 `[N]`, how many there are
            (the rest is zeros and empty strings); `valid` bool `[N]`; `error`
            string `[N]`. With landmarks also, zeros where there is no object:
            `landmarks` float32 `[N, K, 2]`, x and y in such pixels; `visibility`
            float32 `[N, K]`, the probability that the point is in the image; and
            `landmark_names` string `[N, K]`, the same in all rows.
        decode: The first step: from `image_bytes` to a dict of `pixels`, uint8
            `[N, height, width, 3]` of the model's size, and `size`, int32
            `[N, 2]`, the original height and width; with `valid` and `error`.
    """

    def __init__(self, model, labels, config):
        super().__init__([model], name="object_detector")
        height, width = config.image_size
        names = tf.constant([*labels, ""])
        head = make_head(config, len(labels))
        detect = head.detector(config.confidence)
        spec = {
            "pixels": tf.TensorSpec((height, width, 3), tf.uint8),
            "size": tf.TensorSpec((2,), tf.int32),
        }

        def letterbox(image):
            return {
                "pixels": resized_pixels(image, height, width, "letterbox", FILL),
                "size": tf.shape(image)[:2],
            }

        def decode(image_bytes):
            return decode_batch(image_bytes, 3, letterbox, spec)

        def answer(images, sizes, valid, error, **thresholds):
            outputs = head.unpacked(apply_model(model, images))
            kept = detect(outputs, **thresholds)
            count = tf.where(valid, kept["count"], 0)
            there = tf.range(head.most) < count[:, None]
            boxes = in_image(kept["boxes"], sizes)
            found = {
                "boxes": tf.where(there[..., None], boxes, 0.0),
                "scores": tf.where(there, kept["scores"], 0.0),
                "classes": tf.gather(
                    names, tf.where(there, kept["classes"], len(labels))
                ),
                "count": count,
                "valid": valid,
                "error": error,
            }
            return found | landmarks(kept, sizes, count) if head.points else found

        def in_image(boxes, sizes):
            """Brings boxes from the model's input to the original image."""
            sizes = tf.maximum(sizes, 1)  # a bad row has none; any will do
            boxes = unletterbox_boxes(boxes, sizes, height, width)
            limits = tf.cast(tf.gather(sizes, [1, 0, 1, 0], axis=1), tf.float32)
            return tf.clip_by_value(boxes, 0.0, limits[:, None])

        def landmarks(kept, sizes, count):
            there = count[:, None] > 0
            # A point is a box without sides.
            places = in_image(tf.tile(kept["landmarks"], [1, 1, 2]), sizes)[..., :2]
            return {
                "landmarks": tf.where(there[..., None], places, 0.0),
                "visibility": tf.where(there, kept["visibility"], 0.0),
                "landmark_names": tf.tile([head.points], [tf.size(count), 1]),
            }

        def row_thresholds(confidence, iou, max_detections):
            own = config.confidence, config.nms_iou, head.most
            given = confidence, iou, max_detections
            confidence, iou, most = (
                tf.where(value < 0, default, value)
                for value, default in zip(given, own, strict=True)
            )
            return {
                "score_threshold": confidence,
                "iou_threshold": iou,
                "max_detections": tf.minimum(most, head.most),
            }

        per_row = [
            tf.TensorSpec([None], tf.float32, "confidence"),
            tf.TensorSpec([None], tf.float32, "iou"),
            tf.TensorSpec([None], tf.int32, "max_detections"),
        ]
        encoded = tf.TensorSpec([None], tf.string, "image_bytes")

        @tf.function(input_signature=[encoded], autograph=False)
        def serve_bytes(image_bytes):
            images, valid, error = decode(image_bytes)
            return answer(images["pixels"], images["size"], valid, error)

        @tf.function(input_signature=[encoded, *per_row], autograph=False)
        def serve_thresholds(image_bytes, confidence, iou, max_detections):
            images, valid, error = decode(image_bytes)
            thresholds = row_thresholds(confidence, iou, max_detections)
            return answer(images["pixels"], images["size"], valid, error, **thresholds)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None, None, 3], tf.uint8, "pixels"),
                *per_row,
            ],
            autograph=False,
        )
        def serve_pixels(pixels, confidence, iou, max_detections):
            rows = tf.shape(pixels)[0]
            empty = tf.size(pixels) == 0
            # An empty image has nothing to resize; it becomes one black pixel.
            pixels = tf.cond(
                empty, lambda: tf.zeros([rows, 1, 1, 3], tf.uint8), lambda: pixels
            )
            images = resized_pixels(pixels, height, width, "letterbox", FILL)
            sizes = tf.tile(tf.shape(pixels)[None, 1:3], [rows, 1])
            valid = tf.fill([rows], ~empty)
            error = tf.fill([rows], tf.where(empty, "empty image", ""))
            thresholds = row_thresholds(confidence, iou, max_detections)
            return answer(images, sizes, valid, error, **thresholds)

        self.decode = decode
        self.endpoints = {
            "serving_default": serve_bytes,
            "thresholds": serve_thresholds,
            "pixels": serve_pixels,
        }
