"""What detection adds to the flags of verbs; free of TensorFlow."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from ...errors import UserError
from ..verbs import optional


@dataclasses.dataclass(frozen=True)
class PredictOptions:
    """INPUT is an image, a video, a folder or pattern of them, the URL of a stream,
    or a camera: camera:0 is the first. With --save-dir, images and videos are written
    with boxes drawn, beside predictions.json and the same as COCO results, coco.json.
    """

    confidence: optional(float, "SCORE") = None
    """Show boxes from this score on. If not given, it is the run's own."""
    iou: optional(float, "IOU") = None
    """Of two boxes of a class with a larger IoU keep one. If not given, as the run."""
    max_detections: optional(int, "N") = None
    """Show at most this many boxes of an image, up to the run's own number."""
    every: int = 1
    """Look at every N-th frame of a video."""
    crops: bool = False
    """With --save-dir, write what is in each box, too, a folder for each class."""

    def __post_init__(self):
        for name in ("confidence", "iou"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                _refuse(name, "0 to 1", value)
        for name in ("max_detections", "every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                _refuse(name, "at least 1", value)

    def thresholds(self, config):
        """Returns the three thresholds, those of the run where none is given.

        Args:
            config: The run's `DetectConfig`.

        Returns:
            A dict of `confidence`, `iou` and `max_detections`.
        """
        own = {
            "confidence": config.confidence,
            "iou": config.nms_iou,
            "max_detections": config.max_detections,
        }
        given = {name: getattr(self, name) for name in own}
        return own | {name: value for name, value in given.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class DoctorOptions:
    """The anchors' fit is told for the size that the model would see."""

    save_dir: optional(Path, "DIR") = None
    """Write a sheet of images with their boxes into this folder."""
    image_size: optional(tuple[int, int], "HEIGHT WIDTH") = None
    """Height and width the model would see. If not given, they follow the data."""
    val_fraction: float = 0.15
    """Share of the data for validation where the data does not say."""
    test_fraction: float = 0.15
    """Share of the data for the test where the data does not say."""


@dataclasses.dataclass
class AnchorArguments:
    """Prints anchors for the boxes of a data set, how well they fit, and the setting
    to train with them. Training fits its own where none are given."""

    data: Annotated[str, tyro.conf.arg(metavar="SPEC")]
    """The data: an embedded set, a path, or tfds:name/config."""
    data_dir: optional(Path, "DIR") = None
    """Where TensorFlow Datasets keeps its data."""
    image_size: optional(tuple[int, int], "HEIGHT WIDTH") = None
    """Height and width the model will see. If not given, they follow the data."""
    strides: tuple[int, ...] = (8, 16, 32)
    """Pixels between the cells of each grid."""
    anchors_per_grid: int = 3
    """How many anchors to fit for each grid."""
    seed: int = 0
    """Seed of k-means."""


def _refuse(name, expected, value):
    raise UserError(
        f"Invalid value for `{name}`: expected {expected}, received {name}={value}"
    )
