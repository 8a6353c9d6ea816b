"""Keras layers, losses, metrics and schedules on `keras.ops` alone.

They run on TensorFlow, JAX and PyTorch, and know nothing of files or tasks.
"""

from .augmentation import ColorJitter, RandomMix, RandomPCAColor, RandomResizedCrop
from .backbones import lenet5, resnet
from .convolution import ConvNorm, ConvolutionalBlock, IdentityBlock
from .metrics import ExpectedCalibrationError
from .schedules import InverseSqrtDecay, WarmUp

__all__ = [
    "ColorJitter",
    "ConvNorm",
    "ConvolutionalBlock",
    "ExpectedCalibrationError",
    "IdentityBlock",
    "InverseSqrtDecay",
    "RandomMix",
    "RandomPCAColor",
    "RandomResizedCrop",
    "WarmUp",
    "lenet5",
    "resnet",
]
