"""Plots and the one HTML page that shows them; the same for all tasks."""

from .confusion import plot_confusion
from .figures import figure_text, new_figure, plot_curves, save_figure
from .run_page import write_run_page

__all__ = [
    "figure_text",
    "new_figure",
    "plot_confusion",
    "plot_curves",
    "save_figure",
    "write_run_page",
]
