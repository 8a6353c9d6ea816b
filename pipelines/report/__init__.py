"""Plots and the one HTML page that shows them; the same for all tasks."""

from .confusion import plot_confusion
from .figures import figure_text, new_figure, plot_curves, save_figure
from .page import Section, figure_html, table_html, write_page

__all__ = [
    "Section",
    "figure_html",
    "figure_text",
    "new_figure",
    "plot_confusion",
    "plot_curves",
    "save_figure",
    "table_html",
    "write_page",
]
