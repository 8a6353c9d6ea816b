"""Encoders of speech: from features to what each frame says."""

from .conformer_block import ConformerBlock
from .conv_subsampling import ConvSubsampling
from .recurrent_stack import RecurrentStack

__all__ = ["ConformerBlock", "ConvSubsampling", "RecurrentStack"]
