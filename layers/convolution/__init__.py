"""Convolutional building blocks."""

from .conv_norm import ConvNorm
from .convolutional_block import ConvolutionalBlock
from .csp_block import CSPBlock
from .identity_block import IdentityBlock
from .spatial_pyramid_pooling import SpatialPyramidPooling

__all__ = [
    "CSPBlock",
    "ConvNorm",
    "ConvolutionalBlock",
    "IdentityBlock",
    "SpatialPyramidPooling",
]
