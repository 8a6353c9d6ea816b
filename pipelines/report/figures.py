"""Figures as PNG files, drawn without a screen."""

import math
import warnings
from pathlib import Path

from ...files import atomic_file

DPI = 110


def new_figure(width, height):
    """Returns an empty figure of `width` x `height` inches.

    It belongs to no window system and to no global state of matplotlib.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure, path):
    """Writes a figure as PNG, whole or not at all."""
    with atomic_file(Path(path), "wb") as file, warnings.catch_warnings():
        # A letter that the font lacks is drawn as a box; the page has it in a table.
        warnings.filterwarnings("ignore", r"Glyph .* missing from")
        figure.savefig(file, format="png", dpi=DPI)


def figure_text(text, length):
    """Returns a text in one line as a figure can show it.

    Args:
        text: The text.
        length: Most characters; what is longer is cut.
    """
    text = " ".join(text.split())
    if len(text) > length:
        text = text[: length - 1] + "…"
    # A dollar sign would start a formula.
    return text.replace("$", r"\$")


def plot_curves(rows, path):
    """Draws the training curves: one panel a figure, training beside validation.

    Args:
        rows: The history: dicts with `epoch` and figures; `val_NAME` is drawn
            in the panel of `NAME`.
        path: The PNG file to write.
    """
    from matplotlib.ticker import MaxNLocator

    keys = dict.fromkeys(key.removeprefix("val_") for row in rows for key in row)
    names = [name for name in keys if name not in ("epoch", "seconds")]
    # The learning rate explains the others; it goes last.
    names.sort(key=lambda name: name == "learning_rate")
    columns = min(len(names), 3)
    lines = math.ceil(len(names) / columns)
    figure = new_figure(3.7 * columns, 2.9 * lines)
    for place, name in enumerate(names, 1):
        axes = figure.add_subplot(lines, columns, place)
        for key, label, colour in (
            (name, "training", "C0"),
            (f"val_{name}", "validation", "C1"),
        ):
            points = [
                (float(row["epoch"]), float(row[key])) for row in rows if row.get(key)
            ]
            if points:
                marker = "o" if len(points) < 2 else None
                axes.plot(
                    *zip(*points, strict=True),
                    color=colour,
                    label=label,
                    marker=marker,
                )
        if any(line.get_label() == "validation" for line in axes.lines):
            axes.legend(frameon=False)
        axes.set_title(name.replace("_", " "))
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)
