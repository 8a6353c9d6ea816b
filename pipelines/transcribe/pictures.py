"""What a recogniser heard in a recording, as a picture."""

import numpy as np

from ..report import figure_text, new_figure

_INCHES_PER_SECOND = 1.6
_NARROWEST, _WIDEST = 9.4, 30.0  # inches
_MOST_SYMBOLS = 20  # that have a line
_LEAST_PEAK = 0.1  # symbols that are always less likely have none
_MOST_LETTERS_PER_INCH = 9  # more would lie upon each other
_LETTER, _WORD = 8, 24  # longest texts
_TITLE_PER_INCH = 11  # characters
# Without the grey of the blank.
_COLOURS = [f"C{number}" for number in range(10) if number != 7]


def posterior_figure(
    samples,
    sampling_rate,
    log_mel,
    posteriors,
    frame_seconds,
    symbols,
    words,
    reference=None,
):
    """Draws a recording's spectrogram, the words in it and the symbols' probabilities.

    Args:
        samples: `[samples]`; their number gives the length of the time axis.
        sampling_rate: In Hz.
        log_mel: The spectrogram, or other features, `[frames, bins]`, over the whole
            recording.
        posteriors: Probabilities `[steps, classes]`; class 0 is the blank.
        frame_seconds: Seconds from a row of `posteriors` to the next.
        symbols: List of a text for each class.
        words: List of tuples of a recognised word, its start and its end in seconds,
            and its confidence.
        reference: What was said, for the title, or `None`.

    Returns:
        A matplotlib `Figure`.
    """
    posteriors = np.asarray(posteriors, np.float32)
    duration = len(samples) / sampling_rate
    duration = max(duration, len(posteriors) * frame_seconds, frame_seconds)
    width = np.clip(_INCHES_PER_SECOND * duration, _NARROWEST, _WIDEST)
    figure = new_figure(width, 5.2)
    top, middle, bottom = figure.subplots(
        3, 1, sharex=True, height_ratios=[2.4, 0.7, 2.4]
    )
    if reference is not None:
        title = figure_text(reference, int(_TITLE_PER_INCH * width))
        top.set_title(title, loc="left", fontsize=11)
    _draw_features(top, np.asarray(log_mel, np.float32), duration)
    _draw_words(middle, words)
    _draw_posteriors(bottom, posteriors, frame_seconds, symbols, width)
    for _, start, end, _ in words:
        bottom.axvspan(start, end, color="C0", alpha=0.08, linewidth=0)
        for time in (start, end):
            top.axvline(time, color="white", linewidth=0.6, alpha=0.7)
    bottom.set(xlim=(0, duration), xlabel="seconds")
    return figure


def _draw_features(axes, features, duration):
    axes.set(ylabel="mel band")
    if not features.size:
        return
    axes.imshow(
        features.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        interpolation="nearest",
        extent=(0, duration, 0, features.shape[1]),
    )


def _draw_words(axes, words):
    """Draws each word in its span; neighbours have theirs at two heights."""
    axes.set(ylim=(0, 2), yticks=[])
    axes.set_ylabel("words", rotation=0, ha="right", va="center")
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    axes.tick_params(bottom=False)
    for number, (text, start, end, confidence) in enumerate(words):
        level = (number + 1) % 2
        shade = 0.15 + 0.45 * float(np.clip(confidence, 0, 1))
        axes.axvspan(
            start, end, level / 2 + 0.02, level / 2 + 0.48, color="C0", alpha=shade
        )
        axes.text(
            (start + end) / 2,
            level + 0.5,
            f"{figure_text(text, _WORD)} {confidence:.2f}",
            ha="center",
            va="center",
            fontsize=8,
            clip_on=True,
        )


def _draw_posteriors(axes, posteriors, frame_seconds, symbols, width):
    """Draws a line for each symbol that matters, with its name at its peaks."""
    axes.set(ylim=(0, 1.12), ylabel="probability", yticks=[0, 0.5, 1])
    axes.spines[["top", "right"]].set_visible(False)
    if not len(posteriors):
        return
    times = (np.arange(len(posteriors)) + 0.5) * frame_seconds
    axes.plot(times, posteriors[:, 0], ":", color="grey", label="blank")
    peaks = posteriors[:, 1:].max(axis=0, initial=0)
    order = 1 + np.argsort(-peaks, kind="stable")[:_MOST_SYMBOLS]
    colours = {
        number: _COLOURS[place % len(_COLOURS)]
        for place, number in enumerate(order)
        if peaks[number - 1] >= _LEAST_PEAK
    }
    for number, colour in colours.items():
        axes.plot(times, posteriors[:, number], color=colour, linewidth=1.2)
    found = [place for place in _peaks(posteriors) if place[1] in colours]
    if len(found) <= _MOST_LETTERS_PER_INCH * width:
        for step, number in found:
            axes.text(
                times[step],
                posteriors[step, number] + 0.03,
                _symbol_text(symbols[number]),
                color=colours[number],
                ha="center",
                fontsize=8,
                clip_on=True,
            )
    axes.legend(loc="upper right", bbox_to_anchor=(1, 1.2), frameon=False, fontsize=8)


def _peaks(posteriors):
    """Returns the step and the number of each symbol that the best path reads."""
    best = posteriors.argmax(axis=1)
    edges = np.flatnonzero(np.diff(best, prepend=-1, append=-1))
    spans = zip(edges[:-1], edges[1:], strict=True)
    return [
        (start + int(posteriors[start:end, best[start]].argmax()), int(best[start]))
        for start, end in spans
        if best[start] != 0
    ]


def _symbol_text(symbol):
    return figure_text(symbol, _LETTER) if symbol.strip() else "␣"
