"""Boxes: their formats, overlap, decoding, suppression and letterboxing."""

from .anchor_decoder import AnchorDecoder, decode_boxes
from .formats import FORMATS, convert_boxes
from .iou import paired_iou, pairwise_iou
from .letterbox import Letterbox, letterbox_boxes, unletterbox_boxes
from .non_max_suppression import NonMaxSuppression

__all__ = [
    "FORMATS",
    "AnchorDecoder",
    "Letterbox",
    "NonMaxSuppression",
    "convert_boxes",
    "decode_boxes",
    "letterbox_boxes",
    "paired_iou",
    "pairwise_iou",
    "unletterbox_boxes",
]
