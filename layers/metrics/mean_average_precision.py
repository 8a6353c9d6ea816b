"""Mean average precision of batches of padded detections."""

import keras
import numpy as np
from keras import ops

from ..boxes.formats import convert_boxes
from .detection_evaluator import DetectionEvaluator

KEYS = ("map50", "map", "map_small", "map_medium", "map_large")


@keras.saving.register_keras_serializable(package="amalthea")
class MeanAveragePrecision(keras.metrics.Metric):
    """COCO's mean average precision of batches of padded detections.

    `result` is a dict: `map50` at IoU .5, `map` over .5:.95, and `map_small`,
    `map_medium` and `map_large` by the truths' areas of up to 32^2, up to 96^2 and
    more square pixels; -1 where there is no such truth. They are the figures of
    `DetectionEvaluator`, which collects the images as the attribute `evaluator` and
    tells more of them.

    Matching is no computation for a graph, so all happens on the host: the metric
    takes concrete tensors on every backend and has no variables. A model that runs
    eagerly (`run_eagerly=True`) can update it in its own `test_step`; in a compiled
    step it raises an error. `compile(metrics=)` is not for it, since that gives a
    metric one output at a time and this one needs three. The usual way is a loop:
    `metric.update_state(truths, model.predict_on_batch(images))` for each batch, then
    `metric.result()`, e.g. at the end of an epoch.

    Args:
        num_classes: Number of classes.
        box_format: Format of all boxes, one of `amalthea.layers.boxes.FORMATS`.
        image_shape: `(height, width)` in pixels of the images that a relative
            format counts in; the areas need it.
        max_detections: Detections of one class that count in an image.
        name: The metric's name.
        dtype: For Keras; figures are computed in float64.

    Call arguments:
        y_true: A dict of `boxes` `[batch, M, 4]` and `classes` `[batch, M]`, -1 in
            padded rows; optionally `crowd` and `difficult`, booleans `[batch, M]`.
        y_pred: A dict of `boxes` `[batch, D, 4]`, `scores` and `classes`
            `[batch, D]`, -1 in padded rows: what `NonMaxSuppression` returns.

    Raises:
        ValueError: If a shape, class or value is not as said.
        RuntimeError: If updated in a graph.

    Reference:
        Lin et al., 2014, "Microsoft COCO: Common Objects in Context".
    """

    def __init__(
        self,
        num_classes,
        box_format="xyxy",
        image_shape=None,
        max_detections=100,
        name="mean_average_precision",
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.num_classes = num_classes
        self.box_format = box_format
        self.image_shape = image_shape
        self.max_detections = max_detections
        self.evaluator = DetectionEvaluator(num_classes, max_detections=max_detections)
        self._to_pixels(np.zeros((1, 1, 4), "float32"))  # refuses a wrong format now

    def update_state(self, y_true, y_pred):
        truths = self._host(y_true, ("crowd", "difficult"))
        predictions = self._host(y_pred, ("scores",))
        for truth, prediction in zip(truths, predictions, strict=True):
            self.evaluator.add(truth, prediction)

    def result(self):
        summary = self.evaluator.summary()
        return {key: summary[key] for key in KEYS}

    def reset_state(self):
        self.evaluator.reset()

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "box_format": self.box_format,
            "image_shape": self.image_shape,
            "max_detections": self.max_detections,
        }

    def _to_pixels(self, boxes):
        return convert_boxes(boxes, self.box_format, "xyxy", self.image_shape)

    def _host(self, batch, more):
        """A dict of arrays for each image, without padded rows."""
        columns = {"boxes": self._to_pixels(batch["boxes"])}
        for name in ("classes", *more):
            if batch.get(name) is not None:
                columns[name] = batch[name]
        try:
            columns = {name: ops.convert_to_numpy(c) for name, c in columns.items()}
        except (NotImplementedError, TypeError) as error:  # TensorFlow's and JAX's
            raise RuntimeError(
                f"{type(self).__name__} computes on the host and cannot be updated in "
                "a compiled step: compile the model with run_eagerly=True, or update "
                "the metric with what the model returned"
            ) from error
        for row in range(len(columns["classes"])):
            real = columns["classes"][row] >= 0
            yield {name: column[row][real] for name, column in columns.items()}
