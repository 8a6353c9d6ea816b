"""Parts of object detectors."""

from .path_aggregation import PathAggregation
from .yolo_head import YoloHead

__all__ = ["PathAggregation", "YoloHead"]
