"""The loss of networks that find one object and, if wanted, its landmarks."""

import keras
from keras import ops

from ..boxes.formats import convert_boxes
from ..boxes.iou import paired_iou
from .cross_entropy import cross_entropy
from .single_object_head import check_at_least, split_outputs

BOX_LOSSES = ("ciou", "squared")


@keras.saving.register_keras_serializable(package="amalthea")
class SingleObjectLoss(keras.losses.Loss):
    """Loss of the one vector of a `SingleObjectHead`.

    Of the boxes of an image the largest is meant. Where there is none, only the
    first part counts, since there is nothing to place or to name:

    - presence: binary cross-entropy of whether there is an object;
    - box: `1 - CIoU` of the predicted with the true box; or, for `"squared"`, the sum
      of the squared differences of centre and sides in shares of the input's;
    - class: cross-entropy of the softmax over the classes;
    - points: the squared distance in shares of the input's sides, mean over the
      object's points that are labelled;
    - visibility: binary cross-entropy of whether a point is labelled, mean over the
      points; not of an object without any labelled point, whose points nobody
      looked at.

    Args:
        num_classes: Number of classes.
        image_size: Height and width of the input in pixels.
        points: Number of landmarks.
        box_loss: `"ciou"` or `"squared"`.
        presence_gain: Weight of the presence.
        box_gain: Weight of the box.
        class_gain: Weight of the class.
        point_gain: Weight of the points.
        visibility_gain: Weight of the visibility.
        label_smoothing: Share of the class that is spread over all classes, 0 to 1.
        name: The loss's name.
        reduction: How images are reduced; see `keras.losses.Loss`.
        dtype: Type of the computation, float32 unless told otherwise.

    Call arguments:
        y_true: `[batch, boxes, 5 + 3 * points]`: `x1, y1, x2, y2` in input pixels; the
            class, -1 for padding; x and y in input pixels and visibility of each
            point, 0 where it is not labelled. Further columns are left alone.
        y_pred: `[batch, 5 + num_classes + 3 * points]`, what the head returns.
        sample_weight: `[batch]`, or `None`.

    Raises:
        ValueError: If an argument is not as above.
    """

    def __init__(
        self,
        num_classes,
        image_size,
        points=0,
        box_loss="ciou",
        presence_gain=1.0,
        box_gain=1.0,
        class_gain=2.0,
        point_gain=10.0,
        visibility_gain=1.0,
        label_smoothing=0.0,
        name="single_object_loss",
        reduction="sum_over_batch_size",
        dtype="float32",
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        check_at_least("num_classes", num_classes, 1)
        check_at_least("points", points, 0)
        if box_loss not in BOX_LOSSES:
            raise ValueError(
                f"Invalid value for `box_loss`: expected one of "
                f"{', '.join(BOX_LOSSES)}, received box_loss={box_loss!r}"
            )
        if not 0 <= label_smoothing <= 1:
            raise ValueError(
                "Invalid value for `label_smoothing`: expected 0 to 1, "
                f"received label_smoothing={label_smoothing}"
            )
        self.num_classes = num_classes
        self.image_size = tuple(image_size)
        self.points = points
        self.box_loss = box_loss
        self.presence_gain = presence_gain
        self.box_gain = box_gain
        self.class_gain = class_gain
        self.point_gain = point_gain
        self.visibility_gain = visibility_gain
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        return sum(self.parts(y_true, y_pred).values())

    def parts(self, y_true, y_pred):
        """The parts of the loss, each with its gain.

        Args:
            y_true: As in the call.
            y_pred: As in the call.

        Returns:
            A dict of `presence`, `box` and `class`, with points also of `points` and
            `visibility`, each `[batch]`. The loss is the sum of them.
        """
        predicted = split_outputs(
            ops.cast(y_pred, self.dtype), self.num_classes, self.points
        )
        truth = _largest(ops.cast(y_true, self.dtype))
        exists = ops.cast(truth[:, 4] >= 0, self.dtype)
        presence = cross_entropy(predicted["presence"], exists)
        parts = {
            "presence": self.presence_gain * presence,
            "box": self.box_gain * exists * self._box(truth[:, :4], predicted["box"]),
            "class": self.class_gain
            * exists
            * self._class(truth[:, 4], predicted["classes"]),
        }
        if self.points:
            points, visibility = self._points(truth[:, 5:], predicted)
            parts["points"] = self.point_gain * exists * points
            parts["visibility"] = self.visibility_gain * exists * visibility
        return parts

    def _box(self, truth, predicted):
        shares = "rel_center_xywh"
        if self.box_loss == "squared":
            truth = convert_boxes(truth, "xyxy", shares, self.image_size)
            return ops.sum(ops.square(predicted - truth), axis=-1)
        predicted = convert_boxes(predicted, shares, "xyxy", self.image_size)
        return 1 - paired_iou(predicted, truth, "ciou")

    def _class(self, truth, logits):
        targets = ops.one_hot(
            ops.cast(truth, "int32"), self.num_classes, dtype=self.dtype
        )
        smoothing = self.label_smoothing
        targets = targets * (1 - smoothing) + smoothing / self.num_classes
        return -ops.sum(targets * ops.log_softmax(logits), axis=-1)

    def _points(self, truth, predicted):
        truth = ops.reshape(truth[:, : 3 * self.points], (-1, self.points, 3))
        labelled = ops.cast(truth[..., 2] > 0, self.dtype)
        height, width = self.image_size
        places = truth[..., :2] / ops.convert_to_tensor([width, height], self.dtype)
        distance = ops.sum(ops.square(predicted["points"] - places), axis=-1)
        count = ops.sum(labelled, axis=-1)
        distance = ops.sum(labelled * distance, axis=-1) / ops.maximum(count, 1)
        entropy = cross_entropy(predicted["visibility"], labelled)
        seen = ops.cast(count > 0, self.dtype)
        return distance, seen * ops.mean(entropy, axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "image_size": self.image_size,
            "points": self.points,
            "box_loss": self.box_loss,
            "presence_gain": self.presence_gain,
            "box_gain": self.box_gain,
            "class_gain": self.class_gain,
            "point_gain": self.point_gain,
            "visibility_gain": self.visibility_gain,
            "label_smoothing": self.label_smoothing,
            "dtype": self.dtype,
        }


def _largest(y_true):
    """The row of the largest box of each image, a padded one where there is none."""
    # One more row of padding is for images with no rows at all.
    rows = ops.pad(y_true, ((0, 0), (0, 1), (0, 0)), constant_values=-1)
    sides = ops.maximum(rows[..., 2:4] - rows[..., :2], 0)
    areas = ops.where(rows[..., 4] >= 0, sides[..., 0] * sides[..., 1], -1)
    index = ops.argmax(areas, axis=1)[:, None, None]
    return ops.take_along_axis(rows, index, axis=1)[:, 0]
