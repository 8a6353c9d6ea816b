"""Convolutional building blocks."""

from .conv_norm import ConvNorm
from .convolutional_block import ConvolutionalBlock
from .identity_block import IdentityBlock

__all__ = ["ConvNorm", "ConvolutionalBlock", "IdentityBlock"]
