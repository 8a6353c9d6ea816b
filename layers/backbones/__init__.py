"""Networks from image to features."""

from .lenet5 import lenet5
from .resnet import resnet

__all__ = ["lenet5", "resnet"]
