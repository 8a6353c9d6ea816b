"""Pictures of a classifier's answers and the page of its run."""

import numpy as np

from ...data.images.decode import decode_batch
from ...data.images.pixels import resized_pixels
from ..report import (
    figure_text,
    new_figure,
    plot_confusion,
    save_figure,
    write_run_page,
)

SHEET = 24  # mistakes on the sheet
SHEET_COLUMNS = 6
THUMBNAIL = 160  # pixels

SUMMARY = (
    "examples",
    "unreadable",
    "accuracy",
    "top5",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "calibration_error",
)
CAPTIONS = {
    "confusion": "Confusion matrix: rows are the true classes.",
    "calibration": "Calibration: accuracy of the answers at each confidence.",
    "mistakes": "The most confident mistakes.",
}


def write_pictures(run, split, metrics, answers, mistakes):
    """Draws a split's confusion matrix, calibration and worst mistakes.

    Args:
        run: The `RunFolder`.
        split: The split's name, part of the file names.
        metrics: What `classification_metrics` returned.
        answers: What it was computed from.
        mistakes: The worst mistakes, worst first: dicts with `content` (encoded
            image), `label`, `predicted` and `probability`.
    """
    names = [row["label"] for row in metrics["per_class"]]
    matrix = np.array(metrics["confusion_matrix"])
    plot_confusion(matrix, names, run.report / f"{split}_confusion.png")
    _draw_calibration(metrics, answers, matrix, run.report / f"{split}_calibration.png")
    sheet = run.report / f"{split}_mistakes.png"
    sheet.unlink(missing_ok=True)
    if mistakes:
        _draw_mistakes(mistakes, sheet)


def write_report(run, config):
    """Writes `report/index.html` from what the run folder holds."""
    write_run_page(
        run,
        config,
        "classify",
        "Image classification",
        summary=SUMMARY,
        captions=CAPTIONS,
    )


def _draw_calibration(metrics, answers, matrix, path, bins=15):
    valid = answers["valid"]
    confidence = answers["top_probabilities"][valid][:, 0]
    right = answers["right"][valid]
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    accuracy = np.bincount(place, right, bins) / np.maximum(counts, 1)
    centres = (np.arange(bins) + 0.5) / bins
    figure = new_figure(5.2, 4.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.bar(centres[counts > 0], accuracy[counts > 0], 0.9 / bins)
    upper.plot([0, 1], [0, 1], "--", color="grey", linewidth=1)
    upper.set_ylabel("accuracy")
    upper.set_title(f"calibration error {metrics['calibration_error']:.4f}")
    lower.bar(centres, counts, 0.9 / bins, color="grey")
    lower.set_ylabel("images")
    lower.set_xlabel("confidence")
    lower.set_xlim(0, 1)
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)


def _draw_mistakes(mistakes, path):
    import tensorflow as tf

    def thumbnail(image):
        return resized_pixels(image, THUMBNAIL, THUMBNAIL, "letterbox")

    images, _, _ = decode_batch(
        tf.constant([mistake["content"] for mistake in mistakes]),
        3,
        thumbnail,
        tf.TensorSpec((THUMBNAIL, THUMBNAIL, 3), tf.uint8),
    )
    lines = -(-len(mistakes) // SHEET_COLUMNS)
    figure = new_figure(2.1 * SHEET_COLUMNS, 2.6 * lines)
    grid = figure.subplots(lines, SHEET_COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, image, mistake in zip(grid.flat, images.numpy(), mistakes, strict=False):
        axes.imshow(image)
        axes.set_title(
            f"{figure_text(mistake['predicted'], 20)} {mistake['probability']:.0%}\n"
            f"is {figure_text(mistake['label'], 20)}",
            fontsize=9,
        )
    save_figure(figure, path)
