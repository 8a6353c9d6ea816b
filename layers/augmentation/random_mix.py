"""Mixup and CutMix with labels that follow the pixels."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amalthea")
class RandomMix(keras.layers.Layer):
    """Blend each image with its neighbour in the batch, or paste a part of it in.

    Each image is left alone, blended (mixup) or pasted into (CutMix) by its own
    draw. Its partner is the image before it in the batch, the last one for the
    first, so batches must be shuffled. Labels mix by the share of the pixels each
    image really has, with CutMix's rectangle rounded and cut off at the edges.
    `keras.layers.CutMix` weighs by the rectangle before rounding.

    At inference nothing is changed.

    Args:
        mixup_alpha: Concentration of the beta distribution that mixup's weights
            come from; 0 for no mixup.
        cutmix_alpha: The same for CutMix's area; 0 for no CutMix.
        switch: Probability of CutMix where both are on.
        probability: Probability that an image is mixed at all.
        seed: Integer, or `None` for a random one.

    Call arguments:
        inputs: A pair `(images, labels)`: `[batch, height, width, channels]`,
            `uint8` or float, and one-hot or soft labels `[batch, classes]`.
        training: Whether to mix.

    Output shape:
        As the inputs, both in the layer's compute dtype.

    Raises:
        ValueError: If an argument is not as above.

    Reference:
        Zhang et al., 2017, "mixup: Beyond Empirical Risk Minimization"; Yun et al.,
        2019, "CutMix", section 3; the beta distribution: Bailey, 1994, "Polar
        Generation of Random Variates with the t-Distribution".
    """

    def __init__(
        self,
        mixup_alpha=0.2,
        cutmix_alpha=1.0,
        switch=0.5,
        probability=1.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if min(mixup_alpha, cutmix_alpha) < 0 or max(mixup_alpha, cutmix_alpha) == 0:
            raise ValueError(
                "Invalid value for `mixup_alpha` and `cutmix_alpha`: expected two "
                "numbers, none negative and not both 0, received "
                f"mixup_alpha={mixup_alpha}, cutmix_alpha={cutmix_alpha}"
            )
        self.mixup_alpha = mixup_alpha
        self.cutmix_alpha = cutmix_alpha
        self.switch = switch
        self.probability = probability
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        image_shape, label_shape = input_shape
        if len(image_shape) != 4 or len(label_shape) != 2:
            raise ValueError(
                "Invalid value for `inputs`: expected images [batch, height, width, "
                "channels] and labels [batch, classes], received "
                f"shapes {tuple(image_shape)} and {tuple(label_shape)}"
            )

    def call(self, inputs, training=None):
        images, labels = inputs
        if training:
            images = ops.cast(images, "float32")
            labels = ops.cast(labels, "float32")
            own = self._own_pixels(ops.shape(images))
            share = ops.mean(own, axis=(1, 2))
            images = _blend(images, own)
            labels = _blend(labels, share)
        return (
            ops.cast(images, self.compute_dtype),
            ops.cast(labels, self.compute_dtype),
        )

    def _own_pixels(self, shape):
        """Each image's own weight in each of its pixels, `[batch, h, w, 1]`."""
        batch, height, width, _ = shape
        draws = keras.random.uniform(
            (4, batch, 1, 1, 1), seed=self.seed_generator, dtype="float32"
        )
        if self.cutmix_alpha:
            # A square's share of the side for a rectangle's share of the area.
            side = ops.sqrt(1.0 - self._beta(batch, self.cutmix_alpha))
            rows = _outside(height, draws[0], side)
            columns = _outside(width, draws[1], side)
            cutmix = ops.maximum(
                ops.reshape(rows, (batch, height, 1, 1)),
                ops.reshape(columns, (batch, 1, width, 1)),
            )
        if self.mixup_alpha:
            mixup = ops.broadcast_to(
                self._beta(batch, self.mixup_alpha), (batch, height, width, 1)
            )
        if self.mixup_alpha and self.cutmix_alpha:
            own = ops.where(draws[2] < self.switch, cutmix, mixup)
        else:
            own = cutmix if self.cutmix_alpha else mixup
        return ops.where(draws[3] < self.probability, own, 1.0)

    def _beta(self, batch, alpha):
        """Draws from Beta(alpha, alpha) by Bailey's polar method.

        `keras.random.beta` does not compile under XLA on TensorFlow.
        """
        draws = keras.random.uniform(
            (2, batch, 1, 1, 1), seed=self.seed_generator, dtype="float32"
        )
        cosine = ops.cos(2 * math.pi * draws[0])
        radius = ops.power(draws[1], -1.0 / alpha) - 1.0
        weights = 0.5 + 0.5 * cosine / ops.sqrt(cosine**2 + 1.0 / radius)
        # Rounding can step over the ends, and a root is taken of the rest to 1.
        return ops.clip(weights, 0.0, 1.0)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0]), tuple(input_shape[1])

    def get_config(self):
        return {
            **super().get_config(),
            "mixup_alpha": self.mixup_alpha,
            "cutmix_alpha": self.cutmix_alpha,
            "switch": self.switch,
            "probability": self.probability,
            "seed": self.seed,
        }


def _blend(values, own):
    return own * values + (1.0 - own) * ops.roll(values, 1, axis=0)


def _outside(size, centre, share):
    """1 where a place along a side is outside the pasted part, 0 inside."""
    places = ops.arange(size, dtype="float32") + 0.5
    length = ops.cast(size, "float32")
    distance = ops.abs(places - centre * length)
    return ops.cast(distance >= share * length / 2, "float32")
