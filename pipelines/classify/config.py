"""Settings of image classification."""

import dataclasses
from typing import Literal

from ..config import TrainingConfig

BASIC_DEPTHS = (8, 14, 20, 32, 44)
STAGED_DEPTHS = (10, 18, 26, 34, 50)


@dataclasses.dataclass(frozen=True)
class ClassifyConfig(TrainingConfig):
    """Settings of image classification."""

    model: Literal["resnet", "lenet5"] = "resnet"
    """The network: a residual network, or LeCun's LeNet-5."""
    depth: int = 14
    """Layers of the ResNet: 8, 14, 20, 32 or 44 with three stages, 10, 18, 26, 34
    or 50 with four."""
    width: int | None = None
    """Channels of the first stage; 32 for three stages, 64 for four if not given."""
    stem: Literal["auto", "cifar", "imagenet"] = "auto"
    """First layers: `cifar` keeps the resolution, `imagenet` divides it by 4;
    `auto` takes `imagenet` from 96 pixels on."""
    strides: tuple[int, ...] = ()
    """Stride of each stage; the usual ones if empty."""
    dropout: float = 0.0
    """Share of features dropped before the last layer."""

    image_size: tuple[int, int] | None = None
    """Height and width the model sees; taken from the data if not given."""
    channels: int | None = None
    """1 grey, 3 colour, 4 colour and alpha; taken from the data if not given."""
    resize: Literal["squash", "crop", "letterbox"] = "squash"
    """How an image of another shape gets that size: stretched, its centre cut
    out, or padded with black."""

    augment: Literal["none", "light", "flip", "photo", "strong"] = "light"
    """Preset: `light` shifts, scales and rotates a little; `flip` mirrors and shifts;
    `photo` is random resized crop, flip, rotation and colour jitter; `strong` is
    more of `photo` with erasing, mixup and cutmix."""
    flip: bool | None = None
    """Mirror images left to right (preset's if not given)."""
    shift: float | None = None
    """Largest shift as a share of the sides (preset's if not given)."""
    rotation: float | None = None
    """Largest rotation in degrees (preset's if not given)."""
    crop_scale: tuple[float, float] | None = None
    """Least and largest share of the area a crop keeps; above 1 zooms out."""
    crop_ratio: tuple[float, float] | None = None
    """Least and largest aspect ratio of a crop, relative to the image's."""
    jitter: float | None = None
    """Strength of brightness, contrast and saturation jitter, 0 to 1."""
    erasing: float | None = None
    """Probability that a rectangle of an image is blanked."""
    mix: float | None = None
    """Probability that a batch is mixed by mixup or cutmix."""

    class_weights: Literal["none", "balanced"] = "none"
    """`balanced` gives each class the same total weight in the loss."""
    cache: Literal["auto", "memory", "none"] = "auto"
    """Keep the decoded images in memory; `auto` does if they fit."""
    val_fraction: float = 0.15
    """Share of the data for validation where the data does not say."""
    test_fraction: float = 0.15
    """Share of the data for the test where the data does not say."""

    epochs: int = 40
    """Passes over the training data."""
    optimizer: Literal["sgd", "rmsprop", "adam", "adamw"] = "sgd"
    """The optimiser. `sgd` has Nesterov momentum."""
    learning_rate: float = 0.1
    """Peak learning rate."""
    warmup_epochs: float = 1.0
    """Epochs over which the learning rate rises linearly from 0."""
    weight_decay: float = 0.0
    """Decoupled weight decay of the kernels (Loshchilov and Hutter 2019)."""
    l2: float = 5e-4
    """L2 penalty: l2 / 2 * the sum of the squared kernels is added to the loss."""
    ema: float = 0.999
    """Decay of the moving average of the weights; 0 is none."""
    label_smoothing: float = 0.1
    """Share of each target that is spread over all classes."""

    def check(self):
        super().check()
        if self.depth not in BASIC_DEPTHS + STAGED_DEPTHS:
            self._bad("depth", f"one of {sorted(BASIC_DEPTHS + STAGED_DEPTHS)}")
        if self.channels not in (None, 1, 3, 4):
            self._bad("channels", "1, 3 or 4")
        if self.image_size and not all(4 <= side <= 4096 for side in self.image_size):
            self._bad("image_size", "two sides of 4 to 4096 pixels")
        if self.model == "lenet5" and self.image_size and min(self.image_size) < 8:
            self._bad("image_size", "sides of at least 8 pixels for lenet5")
        if self.strides and len(self.strides) != self.stages:
            self._bad("strides", f"{self.stages} numbers for depth {self.depth}")
        if any(stride < 1 for stride in self.strides):
            self._bad("strides", "strides of at least 1")
        if self.width is not None:
            self._at_least("width", 1)
        self._within("dropout", 0, 0.95)
        self._within("val_fraction", 0.01, 0.5)
        self._within("test_fraction", 0, 0.5)
        if self.val_fraction + self.test_fraction > 0.9:
            self._bad("test_fraction", "at most 0.9 together with val_fraction")
        for name in ("shift", "jitter", "erasing", "mix"):
            if getattr(self, name) is not None:
                self._within(name, 0, 1)
        if self.rotation is not None:
            self._within("rotation", 0, 180)
        for name in ("crop_scale", "crop_ratio"):
            pair = getattr(self, name)
            if pair and not 0 < pair[0] <= pair[1]:
                self._bad(name, "two rising numbers above 0")

    @property
    def stages(self):
        """Number of the ResNet's stages."""
        return 3 if self.depth in BASIC_DEPTHS else 4
