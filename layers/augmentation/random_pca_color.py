"""AlexNet's colour shift along the principal components of RGB."""

import keras
import numpy as np
from keras import ops

# ImageNet's, for pixels scaled to 0..1, as published with fb.resnet.torch; the
# columns of the matrix are the components.
IMAGENET_EIGENVALUES = (0.2175, 0.0188, 0.0045)
IMAGENET_EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


@keras.saving.register_keras_serializable(package="amalthea")
class RandomPCAColor(keras.layers.Layer):
    """Shift each image's colour as light of another strength and colour would.

    To every pixel of an image, whose values run from 0 to 255, the same
    `255 * sum_i(component_i * eigenvalue_i * alpha_i)` is added, `alpha_i` drawn
    once an image from a normal distribution; then values are clipped to 0..255.
    At inference images are not changed.

    Args:
        sigma: Standard deviation of the draws.
        eigenvalues: Three variances of RGB scaled to 0..1 along its components.
            `None`: ImageNet's.
        eigenvectors: 3x3, the components in columns. `None`: ImageNet's.
        seed: Integer, or `None` for a random one.

    Call arguments:
        inputs: `[batch, height, width, 3]`, `uint8` or float, 0 to 255.
        training: Whether to augment.

    Output shape:
        As the input, in the layer's compute dtype.

    Raises:
        ValueError: If the images do not have 3 channels.

    Reference:
        Krizhevsky et al., 2012, "ImageNet Classification with Deep Convolutional
        Neural Networks", section 4.1.
    """

    def __init__(
        self, sigma=0.1, eigenvalues=None, eigenvectors=None, seed=None, **kwargs
    ):
        super().__init__(**kwargs)
        if (eigenvalues is None) != (eigenvectors is None):
            raise ValueError(
                "Invalid value for `eigenvalues`: expected both or neither of "
                "`eigenvalues` and `eigenvectors`, received one"
            )
        if eigenvalues is None:
            eigenvalues, eigenvectors = IMAGENET_EIGENVALUES, IMAGENET_EIGENVECTORS
        self.sigma = sigma
        self.eigenvalues = np.asarray(eigenvalues, "float32").tolist()
        self.eigenvectors = np.asarray(eigenvectors, "float32").tolist()
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def adapt(self, images):
        """Take the components of these images instead of ImageNet's.

        To be called before the layer's first use. The figures become part of the
        layer's config.

        Args:
            images: An array `[images, height, width, 3]`, 0 to 255, or an iterable
                of such batches.
        """
        count, total, products = 0, np.zeros(3), np.zeros((3, 3))
        for batch in [images] if hasattr(images, "shape") else images:
            pixels = ops.convert_to_numpy(batch).reshape(-1, 3).astype("float64") / 255
            count += len(pixels)
            total += pixels.sum(axis=0)
            products += pixels.T @ pixels
        if not count:
            raise ValueError(
                "Invalid value for `images`: expected at least one image, received none"
            )
        mean = total / count
        values, vectors = np.linalg.eigh(products / count - np.outer(mean, mean))
        self.eigenvalues = values[::-1].tolist()
        self.eigenvectors = vectors[:, ::-1].tolist()

    def build(self, input_shape):
        if input_shape[-1] != 3:
            raise ValueError(
                "Invalid value for `inputs`: expected 3 channels, "
                f"received shape={tuple(input_shape)}"
            )

    def call(self, inputs, training=None):
        if not training:
            return ops.cast(inputs, self.compute_dtype)
        alphas = keras.random.normal(
            (ops.shape(inputs)[0], 3),
            stddev=self.sigma,
            seed=self.seed_generator,
            dtype="float32",
        )
        scaled = 255.0 * np.array(self.eigenvectors) * np.array(self.eigenvalues)
        shifts = ops.matmul(alphas, ops.convert_to_tensor(scaled.T, "float32"))
        outputs = ops.cast(inputs, "float32") + shifts[:, None, None, :]
        return ops.cast(ops.clip(outputs, 0.0, 255.0), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "sigma": self.sigma,
            "eigenvalues": self.eigenvalues,
            "eigenvectors": self.eigenvectors,
            "seed": self.seed,
        }
