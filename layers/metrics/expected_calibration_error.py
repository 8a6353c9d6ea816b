"""How far a classifier's confidence is from its accuracy."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="amalthea")
class ExpectedCalibrationError(keras.metrics.Metric):
    """Mean gap between confidence and accuracy over bins of confidence.

    Predictions are sorted by their largest probability into bins of equal width,
    each with its upper edge. The result is `sum_b |correct_b - confidence_b| / n`,
    both sums over the examples of bin b: 0 for a perfectly calibrated classifier.

    Args:
        bins: Number of bins between 0 and 1.
        name: The metric's name.
        dtype: The type of the sums.

    Call arguments:
        y_true: Class indices `[batch]` or `[batch, 1]`, or one-hot labels
            `[batch, classes]`.
        y_pred: Probabilities `[batch, classes]`.
        sample_weight: `[batch]`, or `None`.

    Raises:
        ValueError: If `bins` is less than 1.

    Reference:
        Guo et al., 2017, "On Calibration of Modern Neural Networks", equation 3.
    """

    def __init__(self, bins=15, name="expected_calibration_error", dtype=None):
        super().__init__(name=name, dtype=dtype)
        if bins < 1:
            raise ValueError(
                f"Invalid value for `bins`: expected at least 1, received bins={bins}"
            )
        self.bins = bins
        # Of each bin: correct minus confidence. The parts need not be kept.
        self.gaps = self.add_variable((bins,), "zeros", name="gaps")
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.cast(y_pred, self.dtype)
        y_true = ops.convert_to_tensor(y_true)
        if len(y_true.shape) == 2 and y_true.shape[-1] == y_pred.shape[-1]:
            y_true = ops.argmax(y_true, axis=-1)
        classes = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        predicted = ops.cast(ops.argmax(y_pred, axis=-1), "int32")
        correct = ops.cast(classes == predicted, self.dtype)
        confidence = ops.max(y_pred, axis=-1)
        weights = ops.ones_like(confidence)
        if sample_weight is not None:
            weights = ops.reshape(ops.cast(sample_weight, self.dtype), (-1,))

        indices = ops.cast(ops.ceil(confidence * self.bins), "int32") - 1
        # As a product, since not every backend compiles a sum by segments.
        members = ops.one_hot(
            ops.clip(indices, 0, self.bins - 1), self.bins, dtype=self.dtype
        )
        gaps = ops.matmul((correct - confidence) * weights, members)
        self.gaps.assign(self.gaps + gaps)
        self.total.assign(self.total + ops.sum(weights))

    def result(self):
        return ops.divide_no_nan(ops.sum(ops.abs(self.gaps)), self.total)

    def get_config(self):
        return {**super().get_config(), "bins": self.bins}
