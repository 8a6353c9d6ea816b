"""Random brightness, contrast, saturation and hue in one product."""

import math

import keras
import numpy as np
from keras import ops

LUMA = np.array([0.299, 0.587, 0.114], "float32")
# RGB to luma and two chroma axes (Y, I, Q), between which hue is an angle.
YIQ = np.array([LUMA, [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]], "float32")


@keras.saving.register_keras_serializable(package="amalthea")
class ColorJitter(keras.layers.Layer):
    """Change each image's brightness, contrast, saturation and hue at random.

    Every image of a batch has its own draw. The four changes are affine in RGB, so
    they are multiplied into one 3x3 matrix and one offset, and clipped to 0..255
    once, at the end. Brightness multiplies; contrast moves away from the image's
    mean luma; saturation from the pixel's luma; hue turns the chroma and keeps the
    luma. Images of one channel get brightness and contrast only.

    `keras.layers.RandomColorJitter` is no substitute at 0..255: a
    `saturation_factor` of up to 0.5 only takes colour away, and ranges that add some
    give pixels far outside 0..255.

    Args:
        brightness: Factors are uniform in `[1 - x, 1 + x]`, or in a pair
            `(low, high)`.
        contrast: As `brightness`.
        saturation: As `brightness`.
        hue: Largest turn in shares of the colour circle, either way, up to 0.5, or
            a pair `(low, high)`.
        seed: Integer, or `None` for a random one.

    Call arguments:
        inputs: `[batch, height, width, 1 or 3]`, `uint8` or float, 0 to 255.
        training: Whether to augment.

    Output shape:
        As the input, in the layer's compute dtype.

    Raises:
        ValueError: If a range is not as above or the images have neither 1 nor 3
            channels.

    Reference:
        Howard, 2013, "Some Improvements on Deep Convolutional Neural Network Based
        Image Classification", section 2.1; hue as in the YIQ colour space.
    """

    def __init__(
        self, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.0, seed=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.brightness = _range("brightness", brightness, 1.0, (0.0, math.inf))
        self.contrast = _range("contrast", contrast, 1.0, (0.0, math.inf))
        self.saturation = _range("saturation", saturation, 1.0, (0.0, math.inf))
        self.hue = _range("hue", hue, 0.0, (-0.5, 0.5))
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        if input_shape[-1] not in (1, 3):
            raise ValueError(
                "Invalid value for `inputs`: expected 1 or 3 channels, "
                f"received shape={tuple(input_shape)}"
            )

    def call(self, inputs, training=None):
        if not training:
            return ops.cast(inputs, self.compute_dtype)
        images = ops.cast(inputs, "float32")
        shape = ops.shape(images)
        draws = keras.random.uniform(
            (4, shape[0], 1, 1), seed=self.seed_generator, dtype="float32"
        )
        brightness, contrast, saturation, hue = (
            low + draws[index] * (high - low)
            for index, (low, high) in enumerate(
                [self.brightness, self.contrast, self.saturation, self.hue]
            )
        )
        # Saturation and hue leave grey as it is, so contrast's pull towards the
        # mean luma stays one offset, the same in every channel.
        pixels = ops.reshape(images, (shape[0], -1, shape[3]))
        means = ops.mean(pixels, axis=1, keepdims=True)
        if images.shape[-1] == 3:
            means = ops.sum(means * LUMA, axis=-1, keepdims=True)
            pixels = ops.matmul(pixels, _chroma_matrices(saturation, hue))
        pixels = brightness * (contrast * pixels + (1.0 - contrast) * means)
        outputs = ops.reshape(ops.clip(pixels, 0.0, 255.0), shape)
        return ops.cast(outputs, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "brightness": self.brightness,
            "contrast": self.contrast,
            "saturation": self.saturation,
            "hue": self.hue,
            "seed": self.seed,
        }


def _range(name, value, neutral, bounds):
    low, high = (
        value
        if isinstance(value, (tuple, list))
        else (max(neutral - value, bounds[0]), neutral + value)
    )
    if not bounds[0] <= low <= high <= bounds[1]:
        raise ValueError(
            f"Invalid value for `{name}`: expected a range inside {list(bounds)}, "
            f"received {name}={value!r}"
        )
    return (low, high)


def _chroma_matrices(saturation, hue):
    """`[batch, 3, 3]`, to be applied to RGB rows from the right."""
    angle = hue * (2 * math.pi)
    cosine, sine = ops.cos(angle), ops.sin(angle)
    # In Y, I, Q: keep the first, turn and scale the two others.
    along, across = np.zeros((2, 3, 3), "float32")
    along[1, 1] = along[2, 2] = 1.0
    across[1, 2], across[2, 1] = -1.0, 1.0
    back = np.linalg.inv(YIQ)
    keep, along, across = (
        (back @ matrix @ YIQ).T.astype("float32")
        for matrix in (np.diag([1.0, 0.0, 0.0]), along, across)
    )
    return keep + saturation * (cosine * along + sine * across)
