"""The last layers of a network that finds one object and, if wanted, its landmarks."""

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package="amalthea")
class SingleObjectHead(keras.layers.Layer):
    """From a feature map to one vector: is there an object, where, and which.

    A pooling over the map would lose where things are. So the layer looks: the object
    and each of its landmarks have a map of weights over the cells that add up to 1.
    They give a place, the weighted mean of the cells' places, and the weighted mean
    of the features, from which dense layers tell everything else, also how far the
    place is off.

    Args:
        classes: Number of classes.
        points: Number of landmarks of an object.
        units: Size of the dense layer before the last.
        activation: Name or function after it.

    Call arguments:
        inputs: Float tensor `[batch, height, width, channels]` of static sides.

    Output shape:
        float32 `[batch, 5 + classes + 3 * points]`, to be taken apart by
        `split_outputs`: the logit of presence; the box as the x and y of its centre,
        width and height, in shares of the input's sides; the logits of the classes;
        the points' x and y in such shares; the logits of the points' visibility.

    Raises:
        ValueError: If `classes` or `points` is out of range.

    Reference:
        Sun et al., 2018, "Integral Human Pose Regression", section 2, for places as
        weighted means.
    """

    def __init__(self, classes, points=0, units=256, activation="silu", **kwargs):
        super().__init__(**kwargs)
        check_at_least("classes", classes, 1)
        check_at_least("points", points, 0)
        self.classes = classes
        self.points = points
        self.units = units
        self.activation = keras.activations.get(activation)
        self.weight_maps = layers.Conv2D(
            1 + points,
            1,
            data_format="channels_last",
            # Places need more than half precision.
            dtype="float32",
            name="weight_maps",
        )
        self.dense = layers.Dense(
            units,
            activation=activation,
            kernel_initializer="he_normal",
            dtype=self.dtype_policy,
            name="dense",
        )
        self.last = layers.Dense(
            5 + classes + 3 * points,
            # Nothing is off, and nothing decided, before anything is learnt.
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            dtype="float32",
            name="last",
        )

    def build(self, input_shape):
        self.weight_maps.build(input_shape)
        self.dense.build((None, (1 + self.points) * input_shape[-1]))
        self.last.build((None, self.units))

    def call(self, inputs):
        height, width, channels = inputs.shape[1:]
        weights = ops.reshape(
            self.weight_maps(inputs), (-1, height * width, 1 + self.points)
        )
        weights = ops.transpose(ops.softmax(weights, axis=1), (0, 2, 1))
        places = ops.matmul(weights, _cell_centres(height, width))
        cells = ops.reshape(inputs, (-1, height * width, channels))
        features = ops.matmul(weights, ops.cast(cells, "float32"))
        features = ops.reshape(features, (-1, (1 + self.points) * channels))
        raw = self.last(self.dense(features))
        parts = split_outputs(raw, self.classes, self.points)
        ordered = [
            parts["presence"][:, None],
            places[:, 0] + parts["box"][:, :2],
            ops.sigmoid(parts["box"][:, 2:]),
            parts["classes"],
        ]
        if self.points:
            moved = places[:, 1:] + parts["points"]
            ordered += [ops.reshape(moved, (-1, 2 * self.points)), parts["visibility"]]
        return ops.concatenate(ordered, axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 5 + self.classes + 3 * self.points)

    def get_config(self):
        return {
            **super().get_config(),
            "classes": self.classes,
            "points": self.points,
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
        }


def split_outputs(outputs, classes, points=0):
    """Takes the vector of a `SingleObjectHead` apart.

    Args:
        outputs: `[batch, 5 + classes + 3 * points]`.
        classes: Number of classes.
        points: Number of landmarks.

    Returns:
        A dict of `presence` `[batch]`, a logit; `box` `[batch, 4]`, centre and sides
        in shares of the input's sides; `classes` `[batch, classes]`, logits; where
        there are landmarks, `points` `[batch, points, 2]`, x and y in shares, and
        `visibility` `[batch, points]`, logits.

    Raises:
        ValueError: If `outputs` has another length.
    """
    length = 5 + classes + 3 * points
    if outputs.shape[-1] != length:
        raise ValueError(
            f"Invalid value for `outputs`: expected {length} numbers for {classes} "
            f"classes and {points} points, received {outputs.shape[-1]}"
        )
    first, last = 5 + classes, 5 + classes + 2 * points
    parts = {
        "presence": outputs[:, 0],
        "box": outputs[:, 1:5],
        "classes": outputs[:, 5:first],
    }
    if points:
        parts["points"] = ops.reshape(outputs[:, first:last], (-1, points, 2))
        parts["visibility"] = outputs[:, last:]
    return parts


def check_at_least(name, value, least):
    """Raises `ValueError` where an argument is too small."""
    if value < least:
        raise ValueError(
            f"Invalid value for `{name}`: expected at least {least}, "
            f"received {name}={value}"
        )


def _cell_centres(height, width):
    """Returns float32 `[height * width, 2]`, x and y in shares of the sides."""
    y, x = np.mgrid[:height, :width] + 0.5
    centres = np.stack([x / width, y / height], axis=-1).reshape(-1, 2)
    return ops.convert_to_tensor(centres, "float32")
