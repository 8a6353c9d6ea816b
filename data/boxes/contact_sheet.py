"""A page of images with their boxes drawn, to see what the annotations mean."""

import io
import math

import numpy as np

from ...errors import UserError
from ...files import atomic_file

_COLUMNS = 6
_TILE = 2.2  # inches
_DPI = 110
_LARGEST = 480  # pixels of an image in the sheet


def contact_sheet(table, path=None, *, count=24, seed=0):
    """Draws images of a table with their boxes, class names and points.

    The images are drawn at random, but each class is shown if there is room for
    it. Crowd and difficult boxes are dashed.

    Args:
        table: A `BoxTable`.
        path: The PNG file to write, if wanted.
        count: Most images to draw.
        seed: Seed of the choice.

    Returns:
        `bytes` of the PNG.

    Raises:
        UserError: if none of the images can be decoded, or the file cannot be
            written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    images = _decode(table, _choose(table, count, seed))
    if not images:
        raise UserError("none of its images can be decoded", table.source)
    columns = min(_COLUMNS, len(images))
    lines = math.ceil(len(images) / columns)
    figure = Figure(figsize=(_TILE * columns, _TILE * lines), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (row, image) in enumerate(images, 1):
        axes = figure.add_subplot(lines, columns, place)
        _draw(axes, table, row, image)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    if path is not None:
        with atomic_file(path, "wb") as file:
            file.write(buffer.getvalue())
    return buffer.getvalue()


def _choose(table, count, seed):
    """Returns row numbers: one for each class, the rarest first, then any."""
    order = np.random.default_rng(seed).permutation(len(table)).tolist()
    chosen = []
    for index in np.argsort(table.class_counts(), kind="stable"):
        shown = any(index in table.classes[row] for row in chosen)
        holders = (row for row in order if index in table.classes[row])
        row = None if shown else next(holders, None)
        if row is not None:
            chosen.append(row)
    chosen += [row for row in order if row not in set(chosen)]
    return sorted(chosen[:count])


def _decode(table, rows):
    """Returns `(row, uint8 image)` of the rows that can be decoded, thinned out."""
    import tensorflow as tf

    from ..images.decode import decode_image

    images = []
    for row, contents in zip(rows, table.contents(rows, missing=b""), strict=True):
        try:
            image = decode_image(tf.constant(contents), 3).numpy()
        except tf.errors.OpError:
            continue
        step = max(1, math.ceil(max(image.shape) / _LARGEST))
        # A copy: a view would keep all the pixels of all images in memory.
        images.append((row, image[::step, ::step].copy()))
    return images


def _draw(axes, table, row, image):
    from matplotlib.patches import Rectangle

    height, width = table.sizes[row]
    # Pixel edges are at whole numbers, as in the boxes.
    axes.imshow(image, extent=(0, width, height, 0))
    axes.set_axis_off()
    name, boxes = table.names[row], table.boxes[row]
    axes.set_title(f"{name[-28:]} ({len(boxes)})", fontsize=6)
    for index, (box, number) in enumerate(zip(boxes, table.classes[row], strict=True)):
        x1, y1, x2, y2 = box
        colour = f"C{number % 10}"
        aside = table.crowd[row][index] or table.difficult[row][index]
        axes.add_patch(
            Rectangle(
                (x1, y1),
                x2 - x1,
                y2 - y1,
                fill=False,
                linewidth=1,
                edgecolor=colour,
                linestyle="--" if aside else "-",
            )
        )
        axes.text(
            x1,
            y1,
            table.class_names[number],
            fontsize=4.5,
            color="white",
            verticalalignment="top",
            parse_math=False,
            clip_on=True,
            bbox={"facecolor": colour, "linewidth": 0, "pad": 0.6},
        )
        if table.points is not None:
            x, y, seen = table.points[row][index].T
            axes.scatter(x[seen > 0], y[seen > 0], s=6, c="white", edgecolors=colour)
