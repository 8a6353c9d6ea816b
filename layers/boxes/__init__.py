"""Boxes: their formats, overlap, decoding and letterboxing."""

from .anchor_decoder import AnchorDecoder, decode_boxes
from .formats import FORMATS, convert_boxes
from .iou import paired_iou, pairwise_iou

__all__ = [
    "FORMATS",
    "AnchorDecoder",
    "convert_boxes",
    "decode_boxes",
    "paired_iou",
    "pairwise_iou",
]
