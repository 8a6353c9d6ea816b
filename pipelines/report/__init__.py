"""Plots and the one HTML page that shows them; the same for all tasks."""

from .figures import plot_curves, save_figure
from .page import Section, figure_html, table_html, write_page

__all__ = [
    "Section",
    "figure_html",
    "plot_curves",
    "save_figure",
    "table_html",
    "write_page",
]
