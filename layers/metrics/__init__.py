"""Metrics that Keras lacks."""

from .detection_evaluator import DetectionEvaluator
from .expected_calibration_error import ExpectedCalibrationError
from .mean_average_precision import MeanAveragePrecision

__all__ = ["DetectionEvaluator", "ExpectedCalibrationError", "MeanAveragePrecision"]
