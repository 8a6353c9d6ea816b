"""The one object of an image, and its landmarks."""

import dataclasses

import tensorflow as tf

from ....errors import UserError
from ....layers.boxes import convert_boxes
from ....layers.detection.single_object_head import SingleObjectHead, split_outputs
from ....layers.detection.single_object_loss import SingleObjectLoss
from .base import Head
from .tally import SingleObjectTally


class SingleObject(Head):
    """One vector for the whole image: is there an object, where, and which."""

    parts = ("presence", "box", "class")
    most = 1

    def filled_in(self, table):
        if not any(map(len, table.boxes)):
            raise UserError("has no boxes in the training split", table.source)
        return self.config

    def describe(self):
        return f"one object, from features of stride {self.config.grid_strides[-1]}"

    def outputs(self, maps):
        head = SingleObjectHead(self.classes, len(self.points), name="head")
        return head(maps[-1])

    def loss(self):
        return SingleObjectLoss(
            self.classes,
            self.config.image_size,
            points=len(self.points),
            box_loss=self.config.box_loss,
            label_smoothing=self.config.label_smoothing,
        )

    def detector(self, score_threshold):
        size = self.config.image_size

        # One box overlaps no other, so `iou_threshold` has no effect.
        def detect(
            outputs,
            score_threshold=score_threshold,
            iou_threshold=None,
            max_detections=1,
        ):
            parts = split_outputs(outputs, self.classes, len(self.points))
            presence = tf.sigmoid(parts["presence"])
            scores = tf.nn.softmax(parts["classes"]) * presence[:, None]
            best = tf.reduce_max(scores, axis=1)
            there = (best > score_threshold) & (max_detections > 0)
            boxes = convert_boxes(parts["box"], "rel_center_xywh", "xyxy", size)
            kind = tf.argmax(scores, axis=1, output_type=tf.int32)
            found = {
                "boxes": tf.where(there[:, None], boxes, 0.0)[:, None],
                "scores": tf.where(there, best, 0.0)[:, None],
                "classes": tf.where(there, kind, -1)[:, None],
                "count": tf.cast(there, tf.int32),
            }
            return found | self._landmarks(parts, there)

        return detect

    def _landmarks(self, parts, there):
        return {}

    def augmentation(self, plain=False):
        # Of several images in one there would be several objects.
        usual = super().augmentation(plain)
        return dataclasses.replace(usual, mosaic=0.0, mixup=0.0)

    def tally(self):
        return SingleObjectTally(self.config.confidence, bool(self.points))


class Landmarks(SingleObject):
    """With it the places of the object's points, and whether they are there."""

    parts = (*SingleObject.parts, "points", "visibility")

    @property
    def points(self):
        return self.config.points

    def filled_in(self, table):
        if not table.point_names:
            raise UserError(
                "names no points of its objects", table.source, "Train with --head box"
            )
        self.check(table)
        names = self.config.points or table.point_names
        return dataclasses.replace(super().filled_in(table), points=tuple(names))

    def describe(self):
        return f"{super().describe()}, with {len(self.points)} landmarks"

    def _landmarks(self, parts, there):
        height, width = self.config.image_size
        places = parts["points"] * tf.constant([width, height], tf.float32)
        visibility = tf.sigmoid(parts["visibility"])
        return {
            "landmarks": tf.where(there[:, None, None], places, 0.0),
            "visibility": tf.where(there[:, None], visibility, 0.0),
        }

    def augmentation(self, plain=False):
        # Left and right points would have to change their names.
        usual = super().augmentation(plain)
        return dataclasses.replace(usual, flip=0.0, flip_vertical=0.0)

    def score(self, figures):
        return 0.5 * super().score(figures) + 0.5 * figures["val_pck"]
