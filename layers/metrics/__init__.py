"""Metrics that Keras lacks."""

from .expected_calibration_error import ExpectedCalibrationError

__all__ = ["ExpectedCalibrationError"]
