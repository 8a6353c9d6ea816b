"""The last layer of an anchor-based detector."""

import math

import keras
import numpy as np
from keras import layers

OBJECTS_AT_START = 8  # objects expected in an image of IMAGE_AT_START pixels a side
IMAGE_AT_START = 640
CLASS_AT_START = 0.6  # classes expected to be said for an object


@keras.saving.register_keras_serializable(package="amalthea")
class YoloHead(keras.layers.Layer):
    """One 1x1 convolution a level: box, objectness and classes of each anchor.

    The biases start at the rates that are to be expected before anything is
    learnt: a few objects an image. Else the first steps would be spent on
    unlearning thousands of false objects.

    Args:
        strides: Stride of each level in pixels.
        anchors: Number of anchors in each cell.
        classes: Number of classes.

    Call arguments:
        inputs: List of float tensors `[batch, height_l, width_l, channels_l]`.

    Output shape:
        A list of float32 `[batch, height_l, width_l, anchors * (5 + classes)]`.
        Of each anchor: tx, ty, tw, th, objectness and the classes, all raw.

    Reference:
        Redmon and Farhadi, 2016, "YOLO9000"; the initial biases after Lin et al.,
        2017, "Focal Loss", section 4.1.
    """

    def __init__(self, strides, anchors, classes, **kwargs):
        super().__init__(**kwargs)
        self.strides = tuple(strides)
        self.anchors = anchors
        self.classes = classes
        self.convolutions = [
            layers.Conv2D(
                anchors * (5 + classes),
                1,
                data_format="channels_last",
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                # The boxes need more than half precision.
                dtype="float32",
                name=f"level{level}",
            )
            for level in range(len(self.strides))
        ]

    def build(self, input_shape):
        for convolution, shape, stride in zip(
            self.convolutions, input_shape, self.strides, strict=True
        ):
            convolution.build(shape)
            convolution.bias.assign(self._bias(stride))

    def call(self, inputs):
        return [
            convolution(features)
            for convolution, features in zip(self.convolutions, inputs, strict=True)
        ]

    def compute_output_shape(self, input_shape):
        return [
            (*shape[:-1], self.anchors * (5 + self.classes)) for shape in input_shape
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "strides": self.strides,
            "anchors": self.anchors,
            "classes": self.classes,
        }

    def _bias(self, stride):
        share = OBJECTS_AT_START / (IMAGE_AT_START / stride) ** 2
        of_class = min(CLASS_AT_START / self.classes, 0.5)
        bias = np.zeros((self.anchors, 5 + self.classes), "float32")
        bias[:, 4] = _logit(min(share, 0.5))
        bias[:, 5:] = _logit(of_class)
        return bias.reshape(-1)


def _logit(share):
    return math.log(share / (1 - share))
