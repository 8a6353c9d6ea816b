"""The settings of heat maps and the flags that set them; free of TensorFlow."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from ...errors import UserError
from ..verbs import Run, optional, switch

SCALES = (1.0, 0.5)


@dataclasses.dataclass(frozen=True)
class HeatMapSettings:
    """How the classifier is slid over an image.

    Args:
        canvas: Height and width that every image is letterboxed into; four times
            the model's input if not given. The window is the model's input, so the
            smaller the canvas, the larger the share of an image that a window sees.
        scales: The windows are slid over the canvas resized by each of these.
        stride: Pixels between windows; the network's own if not given.
        context: Whether a window sees what is round it, see `SlidingWindow`: the
            faster way for networks that pad, near to what the classifier says of
            the window alone, but not the same.
    """

    canvas: tuple[int, int] | None = None
    scales: tuple[float, ...] = SCALES
    stride: int | None = None
    context: bool = False

    def __post_init__(self):
        for name in ("canvas", "scales"):  # of any sequence; a dict's key is hashable
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tuple(value))

    def canvases(self, window):
        """Returns height and width of the canvas at each scale.

        Args:
            window: Height and width of the model's input.

        Raises:
            UserError: if the window is larger than one of them.
        """
        canvas = self.canvas or tuple(4 * side for side in window)
        sizes = [tuple(round(side * scale) for side in canvas) for scale in self.scales]
        if not sizes:
            raise UserError("Invalid value for `scales`: expected at least one")
        for scale, size in zip(self.scales, sizes, strict=True):
            if any(side < least for side, least in zip(size, window, strict=True)):
                raise UserError(
                    f"at the scale {scale:g} the canvas has {size[0]} x {size[1]} "
                    f"pixels, less than the window of {window[0]} x {window[1]}",
                    mend="Choose a larger canvas or larger scales",
                )
            if max(size) > 4096:
                raise UserError(
                    f"at the scale {scale:g} the canvas has {size[0]} x {size[1]} "
                    "pixels; at most 4096 a side are allowed"
                )
        return sizes


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclasses.dataclass(frozen=True)
class HeatMapArguments:
    """The arguments of `heatmap`."""

    run: Run
    """The run folder."""
    inputs: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="INPUT...")
    ]
    """Files, folders or glob patterns."""
    canvas: optional(tuple[int, int], "HEIGHT WIDTH") = None
    """Letterbox every image into this many pixels. If not given, 4 times the window."""
    scales: Annotated[tuple[float, ...], tyro.conf.arg(metavar="SCALE...")] = SCALES
    """Slide the window over the canvas at each of these scales."""
    stride: optional(int, "PIXELS") = None
    """Move the window by this much. If not given, it is the network's own stride."""
    context: switch() = False
    """Let windows see what is round them: faster, but not quite the same."""
    json: switch() = False
    """Print a JSON list, an object on a line: the best window of each class."""
    save_dir: optional(Path, "DIR") = None
    """Write pictures, the maps as .npz, and heat_maps.json into this folder."""


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """With --heat-map, the export has a signature heat_map, too."""

    heat_map: optional(tuple[int, int], "HEIGHT WIDTH") = None
    """Slide the classifier over images letterboxed into this canvas."""
    heat_map_scales: Annotated[tuple[float, ...], tyro.conf.arg(metavar="SCALE...")] = (
        SCALES
    )
    """Slide the window over the canvas at each of these scales."""
    heat_map_stride: optional(int, "PIXELS") = None
    """Move the window by this much. If not given, it is the network's own stride."""
    heat_map_context: switch() = False
    """Let windows see what is round them: faster, but not quite the same."""

    def settings(self):
        """Returns the `HeatMapSettings`, or `None` where no heat map is asked for."""
        if self.heat_map is None:
            return None
        return HeatMapSettings(
            canvas=self.heat_map,
            scales=self.heat_map_scales,
            stride=self.heat_map_stride,
            context=self.heat_map_context,
        )
