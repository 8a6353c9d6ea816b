"""Any number of objects: anchors on grids of one to three strides."""

import dataclasses

from ....data.boxes.anchors import kmeans_anchors, scaled_sizes
from ....errors import UserError
from ....layers import (
    AnchorDecoder,
    NonMaxSuppression,
    PathAggregation,
    YoloHead,
    YoloLoss,
)
from ....layers.backbones.csp_darknet import scaled_blocks, scaled_filters
from ..config import FILTERS, SIZES
from .base import Head

NECK_BLOCKS = 3  # times the size's depth
# The gains hold for three grids at 640 pixels.
GRIDS, SIDE = 3, 640


class Yolo(Head):
    """Anchors, assigned to cells, and non-maximum suppression."""

    parts = ("box", "objectness", "class")

    def filled_in(self, table):
        anchors = self.config.anchors or fitted_anchors(self.config, table)
        return dataclasses.replace(self.config, anchors=tuple(anchors))

    def describe(self):
        strides = ", ".join(map(str, self.config.grid_strides))
        return f"{len(self.config.anchors) // 2} anchors on grids of stride {strides}"

    @property
    def most(self):
        return self.config.max_detections

    def outputs(self, maps):
        config = self.config
        if config.model != "grid":
            width, depth = SIZES[config.model]
            maps = PathAggregation(
                [
                    scaled_filters(FILTERS[stride], width)
                    for stride in config.grid_strides
                ],
                scaled_blocks(NECK_BLOCKS, depth),
                name="neck",
            )(maps)
        anchors = len(config.grid_anchors[0])
        return YoloHead(config.grid_strides, anchors, self.classes, name="head")(maps)

    def unpacked(self, outputs):
        # Keras unpacks a list of one.
        return outputs if isinstance(outputs, list | tuple) else [outputs]

    def loss(self):
        # All gains rise as grids are fewer, that of the objectness with the input's
        # area and that of the class with their number, since they are means over all
        # cells and over all classes.
        config = self.config
        height, width = config.image_size
        grids = GRIDS / len(config.grid_strides)
        return YoloLoss(
            config.grid_anchors,
            config.grid_strides,
            self.classes,
            assignment=config.assignment_rule,
            coordinates=config.coordinate_form,
            box_gain=config.box_gain * grids,
            objectness_gain=config.objectness_gain * grids * height * width / SIDE**2,
            class_gain=config.class_gain * self.classes * grids,
            label_smoothing=config.label_smoothing,
        )

    def detector(self, score_threshold):
        config = self.config
        decode = AnchorDecoder(
            config.grid_anchors,
            config.grid_strides,
            self.classes,
            coordinates=config.coordinate_form,
        )
        suppress = NonMaxSuppression(
            max_detections=config.max_detections,
            iou_threshold=config.nms_iou,
            score_threshold=score_threshold,
            class_agnostic=config.class_agnostic,
            soft_nms_sigma=config.soft_nms,
        )

        def detect(maps, **thresholds):
            candidates = decode(maps)
            return suppress(candidates["boxes"], candidates["scores"], **thresholds)

        return detect


def fitted_anchors(config, table):
    """Fits anchors to the boxes by k-means with the distance 1 - IoU.

    Args:
        config: A `DetectConfig` whose `image_size` is set.
        table: The `BoxTable` of the training images.

    Returns:
        A flat tuple of widths and heights, by rising area.

    Raises:
        UserError: if there are no boxes.
    """
    sizes = scaled_sizes(table, *config.image_size)
    if not len(sizes):
        raise UserError("has no boxes in the training split", table.source)
    anchors = kmeans_anchors(sizes, config.anchor_count, seed=config.seed)
    return tuple(round(float(side), 2) for side in anchors.reshape(-1))
