"""Settings of object detection."""

import dataclasses
from typing import Literal

from ..config import TrainingConfig

# Width and depth of the CSP backbone: the sizes that YOLOv5 calls n, s and m.
SIZES = {"n": (0.25, 0.33), "s": (0.5, 0.33), "m": (0.75, 0.67)}
STRIDES = (4, 8, 16, 32)
ANCHORS_PER_GRID = 3
LECTURE_ANCHORS = 2  # of the smallest network
# Channels at each stride, times the size's width.
FILTERS = {4: 128, 8: 256, 16: 512, 32: 1024}


@dataclasses.dataclass(frozen=True)
class DetectConfig(TrainingConfig):
    """Settings of object detection."""

    head: Literal["yolo", "box", "landmarks"] = "yolo"
    """What is found in an image: `yolo`, any number of objects; `box`, the largest one,
    if any; `landmarks`, that one and its points. With the latter two there is neither
    mosaic nor mixup, and points are never mirrored, as left would become right."""
    model: Literal["n", "s", "m", "grid"] = "n"
    """Size of the network: n, s or m; or `grid`, a small YOLO with one grid and two
    anchors, each object in the cell of its centre and the anchor of best IoU (with
    other heads, its few convolutions)."""
    backbone: str = "csp"
    """The network under the neck: `csp`, `resnet18` (any depth of `classify`'s), or
    the folder of a classification run, whose weights it then starts from."""
    strides: tuple[int, ...] = ()
    """Pixels between the cells of each grid, one to three of 4, 8, 16, 32 that
    follow each other; 8 16 32 if empty (16 for `grid`). Heads other than `yolo` have
    one, 16 if empty."""
    anchors: tuple[float, ...] = ()
    """Widths and heights of the anchors in pixels of the input, `w h w h ...`, the
    same number for each grid; fitted to the data by k-means if empty."""
    anchors_per_grid: int | None = None
    """How many anchors to fit for each grid; 3 if not given (2 for `grid`)."""
    image_size: tuple[int, int] | None = None
    """Height and width the model sees, multiples of the largest stride; taken from
    the data if not given. Images are scaled as a whole and padded with grey."""
    points: tuple[str, ...] = ()
    """Names of the landmarks; the data's if empty."""

    assignment: Literal["auto", "ratio", "best"] = "auto"
    """Which anchors learn an object: `ratio`, all whose sides are within a factor of
    4, in its cell and the two nearest; `best`, the one of best IoU in its cell;
    `auto` is `ratio`, for `grid` `best`."""
    coordinates: Literal["auto", "scaled", "exponential"] = "auto"
    """How boxes follow from the outputs: `scaled` as Scaled-YOLO, `exponential` as
    YOLOv2, for the assignment `best` only; `auto` is `scaled`, for `grid` with `best`
    `exponential`."""
    box_gain: float = 0.15
    """Weight of the CIoU loss of the boxes."""
    objectness_gain: float = 0.7
    """Weight of the objectness loss."""
    class_gain: float = 0.08
    """Weight of the class loss, a sum over the classes."""
    box_loss: Literal["ciou", "squared"] = "ciou"
    """Loss of the box of heads other than `yolo`: CIoU, or the squared error of its
    centre and sides."""

    mosaic: float = 1.0
    """Probability that four images are put together as one."""
    mixup: float = 0.0
    """Probability that two images are blended."""
    iou_crop: float = 0.0
    """Probability of a crop that keeps enough of the objects, where there is no
    mosaic."""
    scale: float = 0.5
    """Images are scaled by 1 - scale to 1 + scale."""
    translate: float = 0.1
    """Largest shift as a share of the sides."""
    rotation: float = 0.0
    """Largest rotation in degrees. Boxes grow with it."""
    flip: float = 0.5
    """Probability that an image is mirrored left to right."""
    flip_vertical: float = 0.0
    """Probability that an image is mirrored top to bottom."""
    hsv: tuple[float, float, float] = (0.015, 0.7, 0.4)
    """Largest change of hue, saturation and value, as shares."""
    plain_epochs: int = 10
    """Last epochs without mosaic, mixup and crops; at most a fifth of all."""

    validate_every: int | None = None
    """Epochs from one validation to the next; about fifty in all if not given."""
    cache: Literal["auto", "memory", "none"] = "auto"
    """Keep the decoded images in memory; `auto` does if they fit."""
    val_fraction: float = 0.15
    """Share of the data for validation where the data does not say."""
    test_fraction: float = 0.15
    """Share of the data for the test where the data does not say."""

    confidence: float = 0.25
    """Least score of the boxes that predictions and exports show."""
    nms_iou: float = 0.6
    """Of two boxes of a class with a larger IoU, the better one is kept."""
    max_detections: int = 300
    """Most boxes of an image."""
    class_agnostic: bool = False
    """Let boxes of different classes suppress each other."""
    soft_nms: float = 0.0
    """Sigma of soft-NMS, which lowers the scores of overlapping boxes instead of
    dropping them; 0 is off."""

    epochs: int = 100
    """Passes over the training data."""
    batch_size: int = 16
    """Examples in one step."""
    learning_rate: float = 2e-3
    """Peak learning rate."""
    warmup_epochs: float = 3.0
    """Epochs over which the learning rate rises linearly from 0."""
    weight_decay: float = 0.05
    """Decoupled weight decay of the kernels (Loshchilov and Hutter 2019)."""
    clip_norm: float = 10.0
    """Largest global norm of a step's gradient; 0 is no limit."""
    ema: float = 0.9998
    """Decay of the moving average of the weights; 0 is none."""

    def check(self):
        super().check()
        if self.strides and self.strides not in _CHAINS:
            self._bad("strides", "one to three of 4, 8, 16, 32 that follow each other")
        if self.head != "yolo" and len(self.strides) > 1:
            self._bad("strides", f"one for the head {self.head}")
        for name in _ONLY_YOLO if self.head != "yolo" else _ONLY_SINGLE:
            if getattr(self, name) != getattr(DetectConfig, name):
                self._bad(
                    name, f"its default, as the head {self.head} has no use for it"
                )
        if self.points and self.head != "landmarks":
            self._bad("points", f"nothing, as the head {self.head} has no use for it")
        if len(self.anchors) % (2 * len(self.grid_strides)):
            self._bad(
                "anchors",
                f"widths and heights, the same number for {len(self.grid_strides)} "
                "grids",
            )
        if any(not side > 0 for side in self.anchors):
            self._bad("anchors", "sides above 0")
        if self.anchors_per_grid is not None:
            self._within("anchors_per_grid", 1, 9)
        if self.image_size and not all(
            32 <= side <= 4096 and side % max(self.grid_strides) == 0
            for side in self.image_size
        ):
            self._bad(
                "image_size",
                f"two multiples of {max(self.grid_strides)} from 32 to 4096",
            )
        if self.model == "grid" and self.backbone != "csp":
            self._bad("backbone", "its default, as the model grid is a whole network")
        if (self.assignment_rule, self.coordinate_form) == ("ratio", "exponential"):
            self._bad(
                "coordinates",
                "scaled, as the others do not reach the cells of the assignment ratio",
            )
        for name in ("box_gain", "objectness_gain", "class_gain", "plain_epochs"):
            self._at_least(name, 0)
        shares = ("mosaic", "mixup", "iou_crop", "translate", "flip", "flip_vertical")
        for name in (*shares, "confidence", "nms_iou"):
            self._within(name, 0, 1)
        self._within("scale", 0, 0.95)
        self._within("rotation", 0, 180)
        hue, *others = self.hsv
        if not (0 <= hue <= 0.5 and all(0 <= part <= 1 for part in others)):
            self._bad("hsv", "a hue of 0 to 0.5 and two numbers of 0 to 1")
        self._within("val_fraction", 0.01, 0.5)
        self._within("test_fraction", 0, 0.5)
        self._within("max_detections", 1, 10_000)
        self._at_least("soft_nms", 0)
        if self.validate_every is not None:
            self._at_least("validate_every", 1)

    @property
    def grid_strides(self):
        """Stride of each grid, the finest first."""
        if self.strides:
            return self.strides
        has_one = self.model == "grid" or self.head != "yolo"
        return (16,) if has_one else (8, 16, 32)

    @property
    def anchor_count(self):
        """How many anchors all grids have; 0 for heads without."""
        if self.head != "yolo":
            return 0
        default = LECTURE_ANCHORS if self.model == "grid" else ANCHORS_PER_GRID
        fitted = (self.anchors_per_grid or default) * len(self.grid_strides)
        return len(self.anchors) // 2 or fitted

    @property
    def grid_anchors(self):
        """The anchors as grids of `(width, height)` pairs; needs `anchors`."""
        pairs = list(zip(self.anchors[::2], self.anchors[1::2], strict=True))
        count = len(pairs) // len(self.grid_strides)
        return [
            pairs[grid * count : (grid + 1) * count]
            for grid in range(len(self.grid_strides))
        ]

    @property
    def assignment_rule(self):
        """`assignment` with `auto` resolved."""
        if self.assignment != "auto":
            return self.assignment
        return "best" if self.model == "grid" else "ratio"

    @property
    def coordinate_form(self):
        """`coordinates` with `auto` resolved."""
        if self.coordinates != "auto":
            return self.coordinates
        as_lecture = self.model == "grid" and self.assignment_rule == "best"
        return "exponential" if as_lecture else "scaled"


_CHAINS = {
    STRIDES[first : first + count]
    for count in (1, 2, 3)
    for first in range(len(STRIDES) - count + 1)
}
_ONLY_YOLO = (
    *("anchors", "anchors_per_grid", "assignment", "coordinates"),
    *("box_gain", "objectness_gain", "class_gain"),
    *("nms_iou", "max_detections", "class_agnostic", "soft_nms"),
)
_ONLY_SINGLE = ("box_loss",)
