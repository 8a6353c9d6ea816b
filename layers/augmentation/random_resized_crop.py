"""Random crop, zoom, shift, rotation and flip in one interpolation."""

import math

import keras
from keras import ops

from .warp import FILLS, bilinear_sample


@keras.saving.register_keras_serializable(package="amalthea")
class RandomResizedCrop(keras.layers.Layer):
    """Cut a random, possibly rotated window from each image and resize it.

    Every image of a batch has its own draw. Crop, rotation, flip and resizing are
    one bilinear warp, so pixels are interpolated once. There is no smoothing
    before a reduction: where images are more than about twice the target size,
    resize them first.

    A window's area is `scale` times the image's, uniformly; its aspect ratio is
    log-uniform in `ratio`. Its sides are clamped to `sqrt(max(1, scale))` times
    the image's, with the upper end of `scale` (the rule of other libraries, to
    draw again, needs a loop). Its position is uniform among those where it lies
    inside the image, or, if larger, contains it. Then the window is shifted and
    turned about its centre; what lies beyond the image is filled.

    At inference images are only resized, and not changed if they have the size.

    Args:
        height: Height of the output in pixels.
        width: Width of the output in pixels.
        scale: `(low, high)`, the window's area as a share of the image's. Above 1
            the image is shrunk and its surroundings are filled.
        ratio: `(low, high)`, the window's width divided by its height.
        rotation: Largest angle in degrees, either way.
        shift: Largest additional shift as a share of the image's sides, either
            way. With `scale=(1, 1)` and `ratio=(1, 1)` this is the padded crop of
            the CIFAR recipes: 4 of 32 pixels are `shift=0.125`.
        horizontal_flip: Whether half the images are mirrored.
        fill: What lies beyond the image: `"reflect"` (`d c b a | a b c d`),
            `"nearest"` (the edge's pixel) or `"constant"`.
        fill_value: The pixel value for `"constant"`.
        seed: Integer, or `None` for a random one.

    Call arguments:
        inputs: `[batch, height, width, channels]`, `uint8` or float, sizes may be
            dynamic.
        training: Whether to augment.

    Output shape:
        `[batch, height, width, channels]` in the layer's compute dtype.

    Raises:
        ValueError: If a range or `fill` is not as above.

    Reference:
        Szegedy et al., 2014, "Going Deeper with Convolutions", section 6.
    """

    def __init__(
        self,
        height,
        width,
        scale=(0.08, 1.0),
        ratio=(3 / 4, 4 / 3),
        rotation=0.0,
        shift=0.0,
        horizontal_flip=False,
        fill="reflect",
        fill_value=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, (low, high) in {"scale": scale, "ratio": ratio}.items():
            if not 0 < low <= high:
                raise ValueError(
                    f"Invalid value for `{name}`: expected 0 < low <= high, "
                    f"received {name}={(low, high)}"
                )
        if fill not in FILLS:
            raise ValueError(
                f"Invalid value for `fill`: expected one of {FILLS}, "
                f"received fill={fill!r}"
            )
        self.height = height
        self.width = width
        self.scale = tuple(scale)
        self.ratio = tuple(ratio)
        self.rotation = rotation
        self.shift = shift
        self.horizontal_flip = horizontal_flip
        self.fill = fill
        self.fill_value = fill_value
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        if len(input_shape) != 4:
            raise ValueError(
                "Invalid value for `inputs`: expected [batch, height, width, "
                f"channels], received shape={tuple(input_shape)}"
            )

    def call(self, inputs, training=None):
        if training:
            rows, columns = self._source_coordinates(ops.shape(inputs))
            outputs = bilinear_sample(inputs, rows, columns, self.fill, self.fill_value)
        elif tuple(inputs.shape[1:3]) == (self.height, self.width):
            outputs = inputs
        else:
            outputs = ops.image.resize(
                ops.cast(inputs, "float32"),
                (self.height, self.width),
                interpolation="bilinear",
                data_format="channels_last",
            )
        return ops.cast(outputs, self.compute_dtype)

    def _source_coordinates(self, shape):
        """Where each output pixel comes from, `[batch, height, width]` each."""
        image_height = ops.cast(shape[1], "float32")
        image_width = ops.cast(shape[2], "float32")
        draws = keras.random.uniform(
            (8, shape[0], 1, 1), seed=self.seed_generator, dtype="float32"
        )

        area = _between(draws[0], *self.scale) * image_height * image_width
        ratio = ops.exp(_between(draws[1], *map(math.log, self.ratio)))
        limit = math.sqrt(max(1.0, self.scale[1]))
        window_height = ops.minimum(ops.sqrt(area / ratio), limit * image_height)
        window_width = ops.minimum(ops.sqrt(area * ratio), limit * image_width)

        centre_y = (
            image_height / 2
            + (draws[2] - 0.5) * (image_height - window_height)
            + _between(draws[3], -self.shift, self.shift) * image_height
        )
        centre_x = (
            image_width / 2
            + (draws[4] - 0.5) * (image_width - window_width)
            + _between(draws[5], -self.shift, self.shift) * image_width
        )
        angle = _between(draws[6], -self.rotation, self.rotation) * (math.pi / 180)

        # From the window's centre, in shares of its sides.
        y = ((ops.arange(self.height, dtype="float32") + 0.5) / self.height) - 0.5
        x = ((ops.arange(self.width, dtype="float32") + 0.5) / self.width) - 0.5
        y = ops.reshape(y, (1, -1, 1)) * window_height
        x = ops.reshape(x, (1, 1, -1)) * window_width
        if self.horizontal_flip:
            x = ops.where(draws[7] < 0.5, -x, x)
        cosine, sine = ops.cos(angle), ops.sin(angle)
        # Pixel i covers i to i + 1, hence the half.
        rows = centre_y + sine * x + cosine * y - 0.5
        columns = centre_x + cosine * x - sine * y - 0.5
        return rows, columns

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.height, self.width, input_shape[3])

    def get_config(self):
        return {
            **super().get_config(),
            "height": self.height,
            "width": self.width,
            "scale": self.scale,
            "ratio": self.ratio,
            "rotation": self.rotation,
            "shift": self.shift,
            "horizontal_flip": self.horizontal_flip,
            "fill": self.fill,
            "fill_value": self.fill_value,
            "seed": self.seed,
        }


def _between(draw, low, high):
    return low + draw * (high - low)
