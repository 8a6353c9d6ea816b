"""The loss of anchor-based YOLO heads."""

import keras
from keras import ops

from ..boxes.anchor_decoder import check_head, check_maps, decode_boxes
from ..boxes.iou import paired_iou
from .anchor_assigner import AnchorAssigner
from .cross_entropy import cross_entropy

# Weights of the levels' objectness, by their number, from the finest on: finer grids
# have more cells, which are emptier on average.
_BALANCE = {1: (1.0,), 2: (4.0, 1.0), 3: (4.0, 1.0, 0.4)}


@keras.saving.register_keras_serializable(package="amalthea")
class YoloLoss(keras.losses.Loss):
    """Box, objectness and class loss of the raw maps of an anchor-based head.

    Boxes are assigned to cells and anchors by `AnchorAssigner`. Of these positives:

    - box: mean of `1 - CIoU` of the predicted with the true box;
    - class: mean, over positives and classes, of the binary cross-entropy.

    Of all anchors in all cells:

    - objectness: mean binary cross-entropy. The target of a positive is its CIoU, at
      least 0 and taken as constant; the largest, where several boxes have the same
      anchor in the same cell. All other targets are 0.

    Each is summed over the levels. The means over positives are over the batch, so
    that an image counts by its boxes; an image without any only has objectness. They
    are divided up such that each image's share, averaged over the images, gives them:
    that is what `call` and `parts` return, and what a sample weight multiplies. The
    recipes of YOLOv5 multiply the loss by the batch size, which is `reduction="sum"`.

    Args:
        anchors: A list for each level of the `(width, height)` of its anchors in
            input pixels.
        strides: A cell's side in input pixels, for each level.
        num_classes: Number of classes.
        assignment: Rule of the assignment, `"ratio"` or `"best"`; see
            `AnchorAssigner`.
        coordinates: How boxes are coded, `"scaled"` or `"exponential"`; see
            `decode_boxes`. With the assignment `"ratio"` only `"scaled"` reaches a
            box from the cells beside it.
        box_gain: Weight of the box loss.
        objectness_gain: Weight of the objectness loss.
        class_gain: Weight of the class loss.
        balance: Weight of the objectness of each level. `None` is `(4, 1, 0.4)` for
            three levels from fine to coarse, `(4, 1)` for two and `(1,)` for one.
        label_smoothing: Share `s` from 0 to 1: the targets of classes are `1 - s / 2`
            and `s / 2`.
        ratio_limit: Limit of the rule `"ratio"`.
        name: The loss's name.
        reduction: How images are reduced; see `keras.losses.Loss`.
        dtype: Type of the computation, float32 unless told otherwise.

    Call arguments:
        y_true: `[batch, boxes, 5]`: `x1, y1, x2, y2` in input pixels and the class,
            -1 for padding.
        y_pred: A list of the head's raw maps; see `AnchorDecoder`.
        sample_weight: `[batch]`, or `None`.

    Raises:
        ValueError: If an argument is not as above.

    Reference:
        Wang et al., 2021, "Scaled-YOLOv4"; Zheng et al., 2020, "Distance-IoU Loss".
    """

    def __init__(
        self,
        anchors,
        strides,
        num_classes,
        assignment="ratio",
        coordinates="scaled",
        box_gain=0.05,
        objectness_gain=1.0,
        class_gain=0.5,
        balance=None,
        label_smoothing=0.0,
        ratio_limit=4.0,
        name="yolo_loss",
        reduction="sum_over_batch_size",
        dtype="float32",
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.anchors, self.strides = check_head(
            anchors, strides, num_classes, coordinates
        )
        self.balance = balance or _BALANCE.get(len(self.anchors), ())
        if len(self.balance) != len(self.anchors):
            raise ValueError(
                f"Invalid value for `balance`: expected {len(self.anchors)} numbers, "
                f"one for each level of `anchors`, received balance={balance}"
            )
        if not 0 <= label_smoothing <= 1:
            raise ValueError(
                "Invalid value for `label_smoothing`: expected 0 to 1, "
                f"received label_smoothing={label_smoothing}"
            )
        if assignment == "ratio" and coordinates != "scaled":
            # The others keep a centre in its own cell: a neighbour has no way to it.
            raise ValueError(
                "Invalid value for `coordinates`: expected 'scaled' with the "
                f"assignment 'ratio', received coordinates={coordinates!r}"
            )
        self.num_classes = num_classes
        self.assignment = assignment
        self.coordinates = coordinates
        self.box_gain = box_gain
        self.objectness_gain = objectness_gain
        self.class_gain = class_gain
        self.label_smoothing = label_smoothing
        self.ratio_limit = ratio_limit
        self._assigner = AnchorAssigner(
            self.anchors, self.strides, assignment, ratio_limit
        )

    def call(self, y_true, y_pred):
        return sum(self.parts(y_true, y_pred).values())

    def parts(self, y_true, y_pred):
        """The three parts of the loss, each with its gain.

        Args:
            y_true: As in the call.
            y_pred: As in the call.

        Returns:
            A dict of `box`, `objectness` and `class`, each `[batch]`. The loss is the
            mean over the batch of their sum.
        """
        y_true = ops.cast(y_true, self.dtype)
        y_pred = [ops.cast(raw, self.dtype) for raw in y_pred]
        check_maps([raw.shape for raw in y_pred], self.anchors, self.num_classes)
        grids = [ops.shape(raw)[1:3] for raw in y_pred]
        truth = y_true[..., :4], self._class_targets(y_true[..., 4])
        box = objectness = classes = 0.0
        for level, assignment in enumerate(self._assigner(y_true, grids)):
            parts = self._level_parts(level, y_pred[level], assignment, *truth)
            box += parts[0]
            objectness += parts[1] * self.balance[level]
            classes += parts[2]
        return {
            "box": self.box_gain * box,
            "objectness": self.objectness_gain * objectness,
            "class": self.class_gain * classes,
        }

    def _class_targets(self, classes):
        """`[batch, boxes, classes]`; what padding gets is of no account."""
        targets = ops.one_hot(
            ops.cast(classes, "int32"), self.num_classes, dtype=self.dtype
        )
        return targets * (1 - self.label_smoothing) + self.label_smoothing / 2

    def _level_parts(self, level, raw, assignment, boxes, class_targets):
        batch, height, width, _ = ops.shape(raw)
        anchors = ops.convert_to_tensor(self.anchors[level], self.dtype)
        cells = ops.reshape(raw, (-1, 5 + self.num_classes))
        positive, column, row, anchor = assignment
        image = ops.arange(batch, dtype="int32")[:, None, None]
        index = (image * height + row) * width + column
        index = index * len(self.anchors[level]) + anchor

        # Only the candidates are decoded, not the whole map.
        candidates = ops.take(cells, index, axis=0)
        predicted = decode_boxes(
            candidates[..., :4],
            ops.cast(column, self.dtype),
            ops.cast(row, self.dtype),
            ops.take(anchors, anchor, axis=0),
            self.strides[level],
            self.coordinates,
        )
        iou = paired_iou(predicted, boxes[..., None, :], "ciou")
        positive = ops.cast(positive, self.dtype)
        share = ops.cast(batch, self.dtype) / ops.maximum(ops.sum(positive), 1)
        share = share * positive
        box = ops.sum(share * (1 - iou), axis=(1, 2))
        entropy = cross_entropy(candidates[..., 5:], class_targets[..., None, :])
        classes = ops.sum(share * ops.mean(entropy, axis=-1), axis=(1, 2))

        targets = ops.segment_max(
            ops.reshape(ops.stop_gradient(positive * iou), (-1,)),
            ops.reshape(index, (-1,)),
            num_segments=ops.shape(cells)[0],
        )
        # A cell without candidate has the maximum of nothing, the lowest number.
        entropy = cross_entropy(cells[:, 4], ops.maximum(targets, 0))
        objectness = ops.mean(ops.reshape(entropy, (batch, -1)), axis=1)
        return box, objectness, classes

    def get_config(self):
        return {
            **super().get_config(),
            "anchors": self.anchors,
            "strides": self.strides,
            "num_classes": self.num_classes,
            "assignment": self.assignment,
            "coordinates": self.coordinates,
            "box_gain": self.box_gain,
            "objectness_gain": self.objectness_gain,
            "class_gain": self.class_gain,
            "balance": self.balance,
            "label_smoothing": self.label_smoothing,
            "ratio_limit": self.ratio_limit,
            "dtype": self.dtype,
        }
