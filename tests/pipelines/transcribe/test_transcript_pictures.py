"""What is drawn of a recording."""

import warnings

import numpy as np
import pytest

from amalthea.pipelines.report import save_figure
from amalthea.pipelines.transcribe.pictures import posterior_figure

SYMBOLS = ["<blank>", " ", "a", "$", "d", "e"]
STEP = 0.1


def posteriors():
    """20 steps: "a" at 3 and 4, a space at 6, "$" at 9; "d" never leads."""
    values = np.zeros((20, len(SYMBOLS)))
    values[:, 5] = 0.02
    values[9, 4] = 0.3
    for step, symbol, value in ((3, 2, 0.6), (4, 2, 0.9), (6, 1, 0.8), (9, 3, 0.5)):
        values[step, symbol] = value
    values[:, 0] = 1 - values.sum(axis=1)
    return values


def draw(**changes):
    arguments = {
        "samples": np.zeros(16_000),
        "sampling_rate": 8_000,
        "log_mel": np.random.default_rng(0).normal(size=(80, 24)),
        "posteriors": posteriors(),
        "frame_seconds": STEP,
        "symbols": SYMBOLS,
        "words": [("a", 0.3, 0.5, 0.75), ("$", 0.9, 1.0, 0.5)],
        "reference": "a <$b$>",
    }
    return posterior_figure(**(arguments | changes))


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_time_is_in_seconds_in_all_parts():
    top, middle, bottom = draw().axes
    (image,) = top.images
    assert image.get_extent() == [0, 2, 0, 24]
    assert image.get_array().shape == (24, 80)
    for axes in (top, middle, bottom):
        assert axes.get_xlim() == (0, 2)
    assert bottom.get_xlabel() == "seconds"
    assert top.get_title(loc="left") == r"a <\$b\$>"


def test_symbols_that_matter_have_lines():
    bottom = draw().axes[2]
    blank, *lines = bottom.lines
    assert blank.get_linestyle() == ":" and blank.get_color() == "grey"
    times = (np.arange(20) + 0.5) * STEP
    np.testing.assert_allclose(blank.get_xdata(), times)
    np.testing.assert_allclose(blank.get_ydata(), posteriors()[:, 0], rtol=1e-6)
    # The likeliest first; "e" is never likely.
    assert len(lines) == 4
    for line, number in zip(lines, (2, 1, 3, 4), strict=True):
        np.testing.assert_allclose(line.get_ydata(), posteriors()[:, number], rtol=1e-6)
    assert len({line.get_color() for line in bottom.lines}) == 5


def test_symbols_of_the_best_path_are_named_at_their_peaks():
    bottom = draw().axes[2]
    assert texts(bottom) == ["a", "␣", r"\$"]
    places = [text.get_position()[0] for text in bottom.texts]
    np.testing.assert_allclose(places, [0.45, 0.65, 0.95])


def test_words_are_drawn_in_their_spans():
    top, middle, bottom = draw().axes
    assert texts(middle) == ["a 0.75", r"\$ 0.50"]
    for axes in (middle, bottom):
        spans = [(patch.get_x(), patch.get_width()) for patch in axes.patches]
        np.testing.assert_allclose(spans, [(0.3, 0.2), (0.9, 0.1)])
    np.testing.assert_allclose(
        [line.get_xdata()[0] for line in top.lines], [0.3, 0.5, 0.9, 1.0]
    )
    first, second = middle.patches
    assert first.get_alpha() > second.get_alpha()


def test_a_figure_with_too_many_letters_has_none():
    steps = 2000
    values = np.tile(np.eye(len(SYMBOLS))[[2, 0]], (steps // 2, 1))
    bottom = draw(posteriors=values, frame_seconds=0.001).axes[2]
    assert texts(bottom) == []


def test_long_recordings_have_wide_pictures():
    widths = [
        draw(samples=np.zeros(8000 * seconds)).get_size_inches()[0]
        for seconds in (1, 10, 600)
    ]
    assert widths == [9.4, 16, 30]


@pytest.mark.parametrize(
    "changes",
    [
        {"reference": None, "words": []},
        {"posteriors": np.zeros((0, 6)), "words": []},
        {"posteriors": np.ones((4, 1)), "symbols": ["<blank>"]},
        {"samples": np.zeros(0), "log_mel": np.zeros((0, 24)), "words": []},
        {"log_mel": np.full((80, 24), -np.inf)},
        {"reference": "ᨁ " * 200, "words": [("\U0001fae8", 0.0, 0.0, 1.0)]},
    ],
)
def test_odd_recordings_are_drawn_without_a_word(tmp_path, changes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(draw(**changes), tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 1000
