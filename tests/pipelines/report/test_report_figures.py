"""What the reports of all tasks draw."""

import warnings

import numpy as np
import pytest
from PIL import Image

from amalthea.pipelines import report
from amalthea.pipelines.report import figures


@pytest.fixture
def drawn(monkeypatch):
    """The figures that would have been saved."""
    saved = []
    monkeypatch.setattr(
        figures, "save_figure", lambda figure, path: saved.append(figure)
    )
    return saved


def test_a_figure_of_the_validation_alone_has_a_panel_of_its_own(drawn):
    names = ("epoch", "loss", "learning_rate", "val_loss", "val_map")
    table = [("1", "3", ".1", "", ""), ("2", "2", ".2", "4", ".5")]
    table.append(("3", "1", ".1", "3", ".7"))
    rows = [dict(zip(names, row, strict=True)) for row in table]
    report.plot_curves(rows, "curves.png")
    panels = {
        axes.get_title(): {line.get_label(): line.get_xydata() for line in axes.lines}
        for axes in drawn[0].axes
    }
    assert list(panels) == ["loss", "map", "learning rate"]
    assert {title: list(lines) for title, lines in panels.items()} == {
        "loss": ["training", "validation"],
        "map": ["validation"],
        "learning rate": ["training"],
    }
    np.testing.assert_array_equal(panels["map"]["validation"], [[2, 0.5], [3, 0.7]])
    legends = [axes.get_legend() is not None for axes in drawn[0].axes]
    assert legends == [True, True, False]


@pytest.mark.parametrize(
    "text, shown",
    [
        ("a cat", "a cat"),
        ("two\nlines\t", "two lines"),
        ("exactly ten", "exactly t…"),
        ("$x$", r"\$x\$"),
        ("12345678$0", r"12345678\$0"),
    ],
)
def test_a_text_for_a_figure_is_one_short_line(text, shown):
    assert report.figure_text(text, 10) == shown


def test_letters_that_no_font_has_are_drawn_without_a_word(tmp_path):
    path = tmp_path / "confusion.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names = ["\U0001fae8 \u1a01", "$x$ $", "_hidden"]
        report.plot_confusion([[3, 1, 0], [0, 0, 0], [2, 2, 9]], names, path)
    with Image.open(path) as image:
        assert np.asarray(image.convert("L")).std() > 5
