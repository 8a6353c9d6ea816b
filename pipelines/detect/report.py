"""Pictures of a detector's answers and the page of its run."""

import numpy as np

from ...data.boxes import anchor_recall, scaled_sizes
from ..report import (
    figure_text,
    new_figure,
    plot_confusion,
    save_figure,
    write_run_page,
)
from .config import DetectConfig
from .worst_images import draw_worst_images

SHEET = 12  # images on the sheet of the worst
CURVES = 10  # classes; of more, only the best and the worst have curves
FEW_CURVES = 4  # of the best, and as many of the worst
DOTS = 3000  # boxes in the picture of the anchors

SUMMARY = (
    "examples",
    "boxes",
    "unreadable",
    "map50",
    "map",
    "map75",
    "map_small",
    "map_medium",
    "map_large",
    "mar",
    "best_f1",
    "best_confidence",
    "localisation_accuracy",
    "landmark_error",
    "pck",
)
CAPTIONS = {
    "precision_recall": "Precision over recall at IoU .5; the area below is AP@.5. "
    f"Of more than {CURVES} classes, the {FEW_CURVES} best and the {FEW_CURVES} worst "
    "are shown.",
    "f1": "F1 at IoU .5 of the boxes with at least that confidence.",
    "confusion": "Confusion matrix at the best confidence and IoU .5: rows are the "
    "true classes. The last column counts objects that were not found, the last row "
    "boxes that are on no object.",
    "errors": "What the mistakes cost: the gain in mAP@.5 if only that kind were "
    "mended, and how many there are among all boxes, however low their scores.",
    "worst": "The images with the most mistakes at the best confidence and IoU .5.",
    "anchors": "The anchors, and the sizes of this split's boxes, in pixels of the "
    "model's input.",
}


def write_pictures(run, split, metrics, evaluator, table, rows, labels):
    """Draws a split's curves, mistakes, worst images and anchors.

    Beside the pictures it writes `SPLIT_errors.csv`: the counts of each image, the
    worst first.

    Args:
        run: The `RunFolder`.
        split: The split's name, part of the file names.
        metrics: What `detection_metrics` returned.
        evaluator: The `DetectionEvaluator` it was computed from.
        table: The `BoxTable` of the split.
        rows: The row in it of each evaluated image, in the evaluator's order.
        labels: The class names.
    """
    files = {kind: run.report / f"{split}_{kind}.png" for kind in CAPTIONS}
    for file in files.values():
        file.unlink(missing_ok=True)
    if metrics["boxes"]:
        curves = evaluator.curves()
        _draw_precision(curves, metrics, files["precision_recall"])
        _draw_f1(curves, metrics, files["f1"])
    plot_confusion(
        metrics["confusion_matrix"], [*labels, "background"], files["confusion"]
    )
    _draw_errors(metrics["errors"], files["errors"])
    config = run.read_config(DetectConfig)
    if config.anchors:
        _draw_anchors(config, table, files["anchors"])
    counts = evaluator.image_scores()
    mistakes = counts["false_positives"] + counts["false_negatives"]
    order = np.argsort(-mistakes, kind="stable")
    lines = [
        {"image": table.names[rows[index]]}
        | {name: int(values[index]) for name, values in counts.items()}
        for index in order
    ]
    run.write_rows(run.report / f"{split}_errors.csv", lines)
    worst = order[mistakes[order] > 0][:SHEET]
    draw_worst_images(evaluator, worst, table, rows, labels, files["worst"])


def write_report(run, config):
    """Writes `report/index.html` from what the run folder holds."""
    write_run_page(
        run,
        config,
        "detect",
        "Object detection",
        summary=SUMMARY,
        captions=CAPTIONS,
        curves="map50 and map of the training's validations are in pixels of the "
        "model's input.",
        links=[("errors.csv", "the mistakes in each image, the worst first.")],
    )


def _draw_precision(curves, metrics, path):
    figure, axes = _curve_figure("recall", "precision")
    for label, values, style in _class_curves(curves["precision"], metrics, "map50"):
        axes.plot(curves["recall"], values, label=label, **style)
    figure.legend(title="AP at IoU .5", loc="outside right upper", frameon=False)
    save_figure(figure, path)


def _draw_f1(curves, metrics, path):
    figure, axes = _curve_figure("confidence", "F1")
    best, confidence = curves["best_f1"], curves["best_confidence"]
    for label, values, style in _class_curves(curves["f1"], metrics, "f1"):
        axes.plot(curves["confidence"], values, label=label, **style)
    axes.plot(confidence, best, "o", color="black")
    axes.axvline(confidence, color="black", linewidth=0.8, linestyle=":")
    axes.set_title(f"best: F1 {best:.3f} at confidence {confidence:.3f}")
    figure.legend(title="F1 there", loc="outside right upper", frameon=False)
    save_figure(figure, path)


def _curve_figure(x, y):
    figure = new_figure(7.6, 4.4)
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _class_curves(values, metrics, figure):
    """Yields label, curve and style of the mean and of classes, the best AP first.

    Args:
        values: `[classes, points]`.
        metrics: The split's figures.
        figure: The name of the class figure that the labels show.
    """
    per_class = metrics["per_class"]
    present = [index for index, row in enumerate(per_class) if row["boxes"]]
    if len(present) > 1:
        mean = np.mean([per_class[index][figure] for index in present])
        style = {"color": "black", "linewidth": 2.4}
        yield f"{mean:.3f} mean of {len(present)}", values[present].mean(0), style
    shown = sorted(present, key=lambda index: -per_class[index]["map50"])
    if len(present) > CURVES:
        shown = shown[:FEW_CURVES] + shown[-FEW_CURVES:]
    for index in shown:
        row = per_class[index]
        label = f"{row[figure]:.3f} {figure_text(row['label'], 24)}"
        yield label, values[index], {"linewidth": 1.2}


def _draw_errors(errors, path):
    kinds = list(errors)
    figure = new_figure(7.6, 2.8)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, name, title, text in (
        (left, "dap50", "gain in mAP@.5", "{:.3f}"),
        (right, "count", "number", "{:,.0f}"),
    ):
        values = [errors[kind][name] for kind in kinds]
        bars = axes.barh(kinds, values, color="C0" if axes is left else "grey")
        axes.bar_label(bars, [text.format(value) for value in values], padding=3)
        axes.set_xlim(0, 1.2 * max(values) or 1)
        axes.set_title(title)
        axes.spines[["top", "right"]].set_visible(False)
    left.invert_yaxis()
    save_figure(figure, path)


def _draw_anchors(config, table, path):
    """Draws the anchors as centred rectangles, and among the sizes of the boxes."""
    sizes = scaled_sizes(table, *config.image_size)
    anchors = np.concatenate(config.grid_anchors)
    figure = new_figure(9.4, 4.6)
    left, right = figure.subplots(1, 2)
    dots = sizes[:: len(sizes) // DOTS + 1]
    right.scatter(*dots.T, s=5, color="grey", alpha=0.5, linewidths=0)
    grids = zip(config.grid_strides, config.grid_anchors, strict=True)
    for place, (stride, pairs) in enumerate(grids):
        colour = f"C{place}"
        for width, height in pairs:
            x, y = np.array([-1, 1, 1, -1, -1]), np.array([-1, -1, 1, 1, -1])
            left.plot(x * width / 2, y * height / 2, color=colour)
        names = ", ".join(f"{width:.0f} x {height:.0f}" for width, height in pairs)
        right.plot(
            *np.transpose(pairs),
            "D",
            color=colour,
            markeredgecolor="white",
            label=f"stride {stride}: {names}",
        )
    left.set(aspect="equal", title=f"{len(anchors)} anchors")
    right.set(xlabel="width", ylabel="height", xlim=(0, None), ylim=(0, None))
    if len(sizes):
        recall = anchor_recall(sizes, anchors)
        right.set_title(
            f"{recall:.1%} of {len(sizes):,} boxes have an anchor at IoU .5"
        )
    for axes in (left, right):
        axes.grid(alpha=0.25)
    figure.legend(loc="outside lower center", frameon=False)
    save_figure(figure, path)
