"""The images with the most mistakes, with truths and detections drawn."""

import math
from typing import NamedTuple

import numpy as np

from ..report import figure_text, new_figure, save_figure

COLUMNS = 3
TILE = 4.2  # inches, the width of an image
TITLE = 0.4  # inches
LEGEND = 0.25  # inches of a line
LARGEST = 640  # pixels of an image on the sheet
MOST_TEXTS = 40  # in an image; where more would be needed, there are none
NAME = 40  # characters


class Style(NamedTuple):
    """How a kind of box is drawn."""

    legend: str
    colour: str
    line: str = "-"
    is_mistake: bool = True  # drawn thicker, and with the class


# The later ones lie on top. Solid lines are detections, dashed ones truths.
STYLES = {
    "ignored": Style("found, not counted", "#d0d0d0", "-", False),
    "ignored truth": Style("difficult or a crowd", "#d0d0d0", "--", False),
    "true positive": Style("found", "#27c46b", "-", False),
    "found truth": Style("its truth", "#27c46b", ":", False),
    "missed": Style("truth not found", "#ffe600", "--"),
    "localisation": Style("badly placed", "#2f9bff"),
    "class": Style("of another class", "#f06be0"),
    "both": Style("badly placed and of another class", "#ff9f1c"),
    "duplicate": Style("found twice", "#9b6bff"),
    "background": Style("no object there", "#ff3b30"),
}


class Mark(NamedTuple):
    """A box to draw: a key of `STYLES`, xyxy in pixels of the image, and a text."""

    kind: str
    box: np.ndarray
    text: str


def draw_worst_images(evaluator, indices, table, rows, labels, path):
    """Draws images with what was found, what was not, and what is wrong.

    The detections are those at IoU .5 and the evaluator's best confidence. Nothing
    is written if there is no image to draw.

    Args:
        evaluator: The `DetectionEvaluator`.
        indices: Numbers of the images in it, in the order to draw them.
        table: The `BoxTable` of the images.
        rows: The row in it of each of the evaluator's images.
        labels: The class names.
        path: The PNG file to write.
    """
    images = [(index, _read(table, rows[index])) for index in indices]
    images = [(index, image) for index, image in images if image is not None]
    if not images:
        return
    marks = {index: _marks(evaluator, index, labels) for index, _ in images}
    used = {mark.kind for listed in marks.values() for mark in listed}
    styles = [style for kind, style in STYLES.items() if kind in used]
    columns = min(COLUMNS, len(images))
    lines = math.ceil(len(images) / columns)
    aspect = np.median([image.shape[0] / image.shape[1] for _, image in images])
    height = (TILE * aspect.clip(0.5, 1.6) + TITLE) * lines
    height += LEGEND * math.ceil(len(styles) / columns)
    figure = new_figure(TILE * columns, height)
    for place, (index, image) in enumerate(images, 1):
        axes = figure.add_subplot(lines, columns, place)
        _draw(axes, image, table.sizes[rows[index]], marks[index])
        name = table.names[rows[index]]
        axes.set_title(_title(name, marks[index]), fontsize=9)
    _add_legend(figure, styles, columns)
    save_figure(figure, path)


def _read(table, row):
    """Returns an image, uint8 and not larger than needed; `None` if it is gone."""
    import cv2
    import tensorflow as tf

    from ...data.images.decode import decode_image

    (contents,) = table.contents([row], missing=b"")
    try:
        image = decode_image(tf.constant(contents), 3).numpy()
    except tf.errors.OpError:
        return None
    scale = LARGEST / max(image.shape)
    if scale >= 1:
        return image
    height, width = (max(round(side * scale), 1) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def _marks(evaluator, index, labels):
    """Returns the `Mark`s of an image, those to lie on top last."""
    scene = evaluator.scene(index)
    matches = evaluator.image_matches(index)
    confidence = evaluator.curves()["best_confidence"]
    missed = np.isin(np.arange(len(scene.truth_boxes)), matches["false_negatives"])
    kinds = np.where(missed, "missed", "found truth")
    kinds = np.where(scene.ignored, "ignored truth", kinds)
    marks = [
        Mark(kind, box, figure_text(labels[number], 18))
        for kind, box, number in zip(
            kinds.tolist(), scene.truth_boxes, scene.truth_classes, strict=True
        )
    ]
    marks += [
        Mark(kind, box, f"{figure_text(labels[number], 18)} {score:.2f}")
        for kind, box, number, score in zip(
            matches["kinds"][scene.rows],
            scene.boxes,
            scene.classes,
            scene.scores,
            strict=True,
        )
        if score >= confidence
    ]
    return sorted(marks, key=lambda mark: list(STYLES).index(mark.kind))


def _title(name, marks):
    missed = sum(mark.kind == "missed" for mark in marks)
    wrong = sum(STYLES[mark.kind].is_mistake for mark in marks) - missed
    # The end of a path says more than its start.
    name = name if len(name) <= NAME else "…" + name[1 - NAME :]
    return f"{figure_text(name, NAME)}\n{wrong} wrong, {missed} not found"


def _draw(axes, image, size, marks):
    from matplotlib.patches import Rectangle

    height, width = size
    # Pixel edges are at whole numbers, as in the boxes.
    axes.imshow(image, extent=(0, width, height, 0))
    axes.set_axis_off()
    for mark in marks:
        style = STYLES[mark.kind]
        x1, y1, x2, y2 = mark.box
        axes.add_patch(
            Rectangle(
                (x1, y1),
                x2 - x1,
                y2 - y1,
                fill=False,
                edgecolor=style.colour,
                linestyle=style.line,
                linewidth=1.6 if style.is_mistake else 1.0,
            )
        )
    mistakes = [mark for mark in marks if STYLES[mark.kind].is_mistake]
    if len(mistakes) > MOST_TEXTS:
        return
    for mark in mistakes:
        x1, y1, _, y2 = mark.box
        is_truth = mark.kind == "missed"
        # A box may reach out of the image; its text stays inside.
        axes.text(
            max(x1, 0),
            min(y2, height) if is_truth else max(y1, 0),
            mark.text,
            fontsize=6,
            verticalalignment="bottom" if is_truth else "top",
            clip_on=True,
            bbox={"facecolor": STYLES[mark.kind].colour, "linewidth": 0, "pad": 0.8},
        )


def _add_legend(figure, styles, columns):
    from matplotlib.lines import Line2D

    figure.legend(
        [Line2D([], [], color=style.colour, linestyle=style.line) for style in styles],
        [style.legend for style in styles],
        loc="outside upper center",
        ncols=columns,
        frameon=False,
    )
