"""Networks from image to features."""

from .csp_darknet import csp_darknet
from .lenet5 import lenet5
from .resnet import resnet

__all__ = ["csp_darknet", "lenet5", "resnet"]
