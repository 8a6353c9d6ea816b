"""Keras layers, losses, metrics and schedules on `keras.ops` alone.

They run on TensorFlow, JAX and PyTorch, and know nothing of files or tasks.
"""

from .augmentation import ColorJitter, RandomMix, RandomPCAColor, RandomResizedCrop
from .backbones import csp_darknet, lenet5, resnet
from .boxes import (
    AnchorDecoder,
    Letterbox,
    NonMaxSuppression,
    convert_boxes,
    letterbox_boxes,
    paired_iou,
    pairwise_iou,
    unletterbox_boxes,
)
from .convolution import (
    ConvNorm,
    ConvolutionalBlock,
    CSPBlock,
    IdentityBlock,
    SpatialPyramidPooling,
)
from .detection import (
    AnchorAssigner,
    PathAggregation,
    SingleObjectHead,
    SingleObjectLoss,
    SlidingWindow,
    YoloHead,
    YoloLoss,
)
from .metrics import (
    DetectionEvaluator,
    ExpectedCalibrationError,
    MeanAveragePrecision,
)
from .schedules import InverseSqrtDecay, WarmUp

__all__ = [
    "AnchorAssigner",
    "AnchorDecoder",
    "CSPBlock",
    "ColorJitter",
    "ConvNorm",
    "ConvolutionalBlock",
    "DetectionEvaluator",
    "ExpectedCalibrationError",
    "IdentityBlock",
    "InverseSqrtDecay",
    "Letterbox",
    "MeanAveragePrecision",
    "NonMaxSuppression",
    "PathAggregation",
    "RandomMix",
    "RandomPCAColor",
    "RandomResizedCrop",
    "SingleObjectHead",
    "SingleObjectLoss",
    "SlidingWindow",
    "SpatialPyramidPooling",
    "WarmUp",
    "YoloHead",
    "YoloLoss",
    "convert_boxes",
    "csp_darknet",
    "lenet5",
    "letterbox_boxes",
    "paired_iou",
    "pairwise_iou",
    "resnet",
    "unletterbox_boxes",
]
