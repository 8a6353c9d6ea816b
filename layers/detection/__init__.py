"""Parts of object detectors."""

from .anchor_assigner import AnchorAssigner
from .path_aggregation import PathAggregation
from .single_object_head import SingleObjectHead
from .single_object_loss import SingleObjectLoss
from .sliding_window import SlidingWindow
from .yolo_head import YoloHead
from .yolo_loss import YoloLoss

__all__ = [
    "AnchorAssigner",
    "PathAggregation",
    "SingleObjectHead",
    "SingleObjectLoss",
    "SlidingWindow",
    "YoloHead",
    "YoloLoss",
]
