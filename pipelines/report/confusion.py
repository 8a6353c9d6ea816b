"""The confusion matrix as a picture."""

import numpy as np

from .figures import figure_text, new_figure, save_figure

NUMBERS_UP_TO = 25  # classes; above, the matrix shows shades only
NAMES_UP_TO = 60  # classes; above, its axes have no names
LARGEST = 14  # inches


def plot_confusion(matrix, names, path):
    """Draws a confusion matrix, shaded by the share of the true class.

    Args:
        matrix: Counts `[classes, classes]`; rows are true classes, columns
            predicted ones.
        names: Names of the classes.
        path: The PNG file to write.
    """
    matrix = np.asarray(matrix)
    count = len(names)
    side = min(max(4.0, 0.42 * count + 1.8), LARGEST)
    figure = new_figure(side + 0.8, side)
    axes = figure.add_subplot()
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class")
    if count <= NUMBERS_UP_TO:
        for row, column in np.argwhere(matrix):
            axes.text(
                column,
                row,
                matrix[row, column],
                ha="center",
                va="center",
                fontsize=8,
                color="white" if shares[row, column] > 0.5 else "black",
            )
    if count <= NAMES_UP_TO:
        short = [figure_text(name, 18) for name in names]
        axes.set_xticks(range(count), short, rotation=60, ha="right", fontsize=8)
        axes.set_yticks(range(count), short, fontsize=8)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    save_figure(figure, path)
