"""Keras layers, losses, metrics and schedules on `keras.ops` alone.

They run on TensorFlow, JAX and PyTorch, and know nothing of files or tasks.
"""

from .audio import (
    MFCC,
    PCEN,
    Deltas,
    GlobalNormalization,
    LogMelSpectrogram,
    SpecAugment,
    UtteranceNormalization,
    mel_filter_bank,
)
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
from .ctc import (
    GreedyDecoder,
    PrefixBeamSearch,
    TokenLanguageModel,
    WordLanguageModel,
    collapse,
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
from .embeddings import (
    ContinuousBagOfWords,
    GloVe,
    GloVeLoss,
    HierarchicalSoftmax,
    NegativeSampler,
    NeuralLanguageModel,
    SkipGramNegativeSampling,
    huffman_tree,
)
from .metrics import (
    DetectionEvaluator,
    ExpectedCalibrationError,
    MeanAveragePrecision,
)
from .schedules import InverseSqrtDecay, WarmUp
from .speech import ConformerBlock, ConvSubsampling, RecurrentStack

__all__ = [
    "AnchorAssigner",
    "AnchorDecoder",
    "CSPBlock",
    "ColorJitter",
    "ConformerBlock",
    "ContinuousBagOfWords",
    "ConvNorm",
    "ConvSubsampling",
    "ConvolutionalBlock",
    "Deltas",
    "DetectionEvaluator",
    "ExpectedCalibrationError",
    "GloVe",
    "GloVeLoss",
    "GlobalNormalization",
    "GreedyDecoder",
    "HierarchicalSoftmax",
    "IdentityBlock",
    "InverseSqrtDecay",
    "Letterbox",
    "LogMelSpectrogram",
    "MFCC",
    "MeanAveragePrecision",
    "NegativeSampler",
    "NeuralLanguageModel",
    "NonMaxSuppression",
    "PCEN",
    "PathAggregation",
    "PrefixBeamSearch",
    "RandomMix",
    "RandomPCAColor",
    "RandomResizedCrop",
    "RecurrentStack",
    "SingleObjectHead",
    "SingleObjectLoss",
    "SkipGramNegativeSampling",
    "SlidingWindow",
    "SpatialPyramidPooling",
    "SpecAugment",
    "TokenLanguageModel",
    "UtteranceNormalization",
    "WarmUp",
    "WordLanguageModel",
    "YoloHead",
    "YoloLoss",
    "collapse",
    "convert_boxes",
    "csp_darknet",
    "huffman_tree",
    "lenet5",
    "letterbox_boxes",
    "mel_filter_bank",
    "paired_iou",
    "pairwise_iou",
    "resnet",
    "unletterbox_boxes",
]
