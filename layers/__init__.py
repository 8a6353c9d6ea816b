"""Keras layers, losses, metrics and schedules on `keras.ops` alone.

They run on TensorFlow, JAX and PyTorch, and know nothing of files or tasks.
"""

from .augmentation import ColorJitter, RandomMix, RandomPCAColor, RandomResizedCrop
from .backbones import csp_darknet, lenet5, resnet
from .convolution import (
    ConvNorm,
    ConvolutionalBlock,
    CSPBlock,
    IdentityBlock,
    SpatialPyramidPooling,
)
from .detection import PathAggregation, YoloHead
from .metrics import ExpectedCalibrationError
from .schedules import InverseSqrtDecay, WarmUp

__all__ = [
    "CSPBlock",
    "ColorJitter",
    "ConvNorm",
    "ConvolutionalBlock",
    "ExpectedCalibrationError",
    "IdentityBlock",
    "InverseSqrtDecay",
    "PathAggregation",
    "RandomMix",
    "RandomPCAColor",
    "RandomResizedCrop",
    "SpatialPyramidPooling",
    "WarmUp",
    "YoloHead",
    "csp_darknet",
    "lenet5",
    "resnet",
]
