"""How much images with boxes are augmented."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class BoxAugmentation:
    """Probabilities and strengths; the defaults are those of YOLOv5 and later.

    Attributes:
        mosaic: Probability that an example is made of four images.
        mixup: Probability that an example is blended with another one.
        iou_crop: Probability that an example that is no mosaic is a part of its
            image, chosen by the overlap with the boxes.
        scale: The size changes by a factor within `1 - scale` and `1 + scale`.
        translate: Largest shift, as a share of the input's sides.
        rotation: Largest rotation to either side, in degrees.
        flip: Probability of left and right being exchanged.
        flip_vertical: Probability of top and bottom being exchanged.
        hsv: Strengths of the changes of colour: the hue turns by at most
            `hsv[0]` of the circle, saturation and brightness change by factors
            within `1 - hsv[i]` and `1 + hsv[i]`.

    Raises:
        ValueError: If a value is out of its range.
    """

    mosaic: float = 1.0
    mixup: float = 0.0
    iou_crop: float = 0.0
    scale: float = 0.5
    translate: float = 0.1
    rotation: float = 0.0
    flip: float = 0.5
    flip_vertical: float = 0.0
    hsv: tuple[float, float, float] = (0.015, 0.7, 0.4)

    def __post_init__(self):
        for name in ("mosaic", "mixup", "iou_crop", "flip", "flip_vertical"):
            _check(name, getattr(self, name), 1.0)
        _check("scale", self.scale, 1.0, open_end=True)
        _check("translate", self.translate, 1.0)
        _check("rotation", self.rotation, 180.0)
        object.__setattr__(self, "hsv", tuple(self.hsv))
        if len(self.hsv) != 3:
            raise ValueError(
                "Invalid value for `hsv`: expected three numbers, "
                f"received hsv={self.hsv}"
            )
        for strength, limit in zip(self.hsv, (0.5, 1.0, 1.0), strict=True):
            _check("hsv", strength, limit)

    @classmethod
    def none(cls):
        """Returns the settings that leave images and boxes as they are."""
        fields = [field.name for field in dataclasses.fields(cls)]
        return cls(**{**dict.fromkeys(fields, 0.0), "hsv": (0.0, 0.0, 0.0)})

    @property
    def images(self):
        """How many images an example can be made of."""
        return (4 if self.mosaic else 1) * (2 if self.mixup else 1)


def _check(name, value, largest, open_end=False):
    if not 0.0 <= value <= largest or (open_end and value == largest):
        below = "below" if open_end else "at most"
        raise ValueError(
            f"Invalid value for `{name}`: expected at least 0 and {below} "
            f"{largest:g}, received {name}={value}"
        )
