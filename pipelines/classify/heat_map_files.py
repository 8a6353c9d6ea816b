"""Heat maps as files: pictures, arrays and JSON."""

import re
from pathlib import Path

import numpy as np
import tensorflow as tf

from ...data.images.decode import decode_image
from ...data.images.pixels import resized_pixels
from ...files import atomic_file, short_name
from ..report.figures import new_figure, save_figure
from ..run_folder import write_json
from ..stops import keeps_results

PANELS = 3  # classes that a picture shows
_LARGEST = 1000  # pixels; a larger image is drawn smaller


class HeatMapFiles:
    """Writes heat maps into a folder while they come. Use it as a context manager.

    The folder gets a picture and the maps of each image, and `heat_maps.json`, the
    best windows of all images. After a Ctrl-C, a `UserError`, or when the caller
    stops, it has those of the images until then; after another error it is left as
    it was.

    Args:
        folder: The folder. What it holds of the same names is replaced.
    """

    def __init__(self, folder):
        self._folder = Path(folder)
        self._rows = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if keeps_results(kind):
            write_json(self._folder / "heat_maps.json", self._rows)

    def add(self, result, content):
        """Writes `NUMBER_NAME.png` and `.npz` of one image.

        The arrays are called `probabilities_0` and `boxes_0` for the first scale
        and so on, and `labels`.

        Args:
            result: Its `HeatMap`.
            content: The encoded image.
        """
        name = short_name(re.sub(r"[^\w.-]+", "_", Path(result.source).stem))
        path = self._folder / f"{len(self._rows):04}_{name}"
        self._rows.append(result.summary())
        if not result.valid:
            return
        pixels = decode_image(tf.constant(content), 3)
        _draw(result, pixels, path.with_name(f"{path.name}.png"))
        arrays = {"labels": np.array(result.labels)}
        for scale, maps in enumerate(
            zip(result.probabilities, result.boxes, strict=True)
        ):
            arrays[f"probabilities_{scale}"], arrays[f"boxes_{scale}"] = maps
        with atomic_file(path.with_name(f"{path.name}.npz"), "wb") as file:
            np.savez_compressed(file, **arrays)


def _draw(result, pixels, path):
    """Draws the image, and over it the heat of its most probable classes."""
    height, width = pixels.shape[:2]
    shrink = min(1.0, _LARGEST / max(height, width))
    size = [max(1, round(side * shrink)) for side in (height, width)]
    image = resized_pixels(pixels, *size, "squash").numpy()
    best = result.best[:PANELS]
    figure = new_figure(3.4 * (1 + len(best)), min(3.4 * height / width, 12) + 0.5)
    first, *others = figure.subplots(1, 1 + len(best), squeeze=False)[0]
    # Where the heat map lies, colour has a meaning.
    grey = np.repeat(image.mean(axis=2, keepdims=True).astype("uint8"), 3, axis=2)
    for axes, picture in ((first, image), *((axes, grey) for axes in others)):
        axes.imshow(picture, extent=(0, width, height, 0))
        axes.axis("off")
    for axes, window in zip(others, best, strict=True):
        _draw_heat(axes, result, window)
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
    save_figure(figure, path)


def _draw_heat(axes, result, window):
    from matplotlib.patches import Rectangle

    label = result.labels.index(window.label)
    maps = [shares[..., label] for shares in result.probabilities]
    scale = max(range(len(maps)), key=lambda scale: maps[scale].max())
    left, top, right, bottom = _extent(result.boxes[scale])
    axes.imshow(
        maps[scale],
        extent=(left, right, bottom, top),
        vmin=0,
        vmax=1,
        cmap="inferno",
        alpha=0.6,
        interpolation="bilinear",
    )
    corner, size = (
        (window.x1, window.y1),
        (window.x2 - window.x1, window.y2 - window.y1),
    )
    axes.add_patch(Rectangle(corner, *size, fill=False, color="cyan", linewidth=1.5))
    name = window.label.replace("$", r"\$")  # a dollar sign would start a formula
    axes.set_title(f"{name} {window.probability:.2f}", fontsize=10)


def _extent(boxes):
    """The area of the cells whose middles are those of the windows."""
    x, y = (boxes[0, :, 0::2].mean(-1), boxes[:, 0, 1::2].mean(-1))
    ends = []
    for middles, side in (
        (x, boxes[0, 0, 2] - boxes[0, 0, 0]),
        (y, boxes[0, 0, 3] - boxes[0, 0, 1]),
    ):
        half = (middles[1] - middles[0] if len(middles) > 1 else side) / 2
        ends.append((middles[0] - half, middles[-1] + half))
    (left, right), (top, bottom) = ends
    return left, top, right, bottom
