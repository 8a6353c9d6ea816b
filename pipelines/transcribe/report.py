"""Pictures of a recogniser's transcripts and the page of its run."""

from html import escape

from ..report import new_figure, save_figure
from ..report.page import Section, figure_html, table_html
from ..report.run_page import training_sections, write_sections
from .evaluation import worst_groups
from .marked import transcript_table
from .pictures import posterior_figure

_WORST = 20  # recordings on the page
_MOST_SPEAKERS = 50
_SUMMARY = {
    "examples": "recordings",
    "unreadable": "unreadable",
    "words": "words",
    "wer": "WER",
    "cer": "CER",
    "sentence_error_rate": "sentence error rate",
    "substitutions": "substitutions",
    "insertions": "insertions",
    "deletions": "deletions",
    "real_time_factor": "real-time factor",
}
_RATES = ("examples", "words", "wer", "cer")
_DRAWN = (
    *("samples", "sampling_rate", "log_mel", "posteriors", "frame_seconds"),
    *("symbols", "words", "reference"),
)
_ERRORS = ("name", "reference", "hypothesis")
_EXAMPLES = ("picture", "name", "reference", "hypothesis", "wer")
_MARKS = (
    "Words taken for others are on yellow; those that are missing are struck out, "
    "those too many underlined."
)
_HOW_TO_READ = (
    "Above the spectrogram, below the probability of each symbol over time (the "
    "blank's is dotted), between them the words that were recognised, with their "
    "confidence."
)


def write_pictures(run, split, metrics, examples=(), rows=()):
    """Draws what a split's recordings sound and read like.

    Beside the pictures it writes `errors_SPLIT.csv`, all recordings with their errors,
    and `examples_SPLIT.csv`, what is in the pictures.

    Args:
        run: The `RunFolder`.
        split: The split's name, part of the file names.
        metrics: What `transcript_metrics` returned.
        examples: Iterable of dicts with the arguments of `posterior_figure` and
            `name`, `hypothesis` and `wer`.
        rows: What `evaluation.rows` returned.
    """
    for old in run.report.glob(f"{split}_*.png"):
        old.unlink()
    snrs = metrics.get("by_snr", {})
    snrs = {name: rates for name, rates in snrs.items() if rates["words"]}
    if len(snrs) > 1:
        _draw_snrs(snrs, run.report / f"{split}_snr.png")
    _write_list(run, _errors_file(run, split), rows)
    listed = []
    for number, example in enumerate(examples, 1):
        picture = f"{split}_example_{number}.png"
        drawn = {name: example[name] for name in _DRAWN if name in example}
        save_figure(posterior_figure(**drawn), run.report / picture)
        about = {name: example.get(name) for name in _EXAMPLES[1:]}
        if about["wer"] is not None:
            about["wer"] = round(about["wer"], 4)
        listed.append({"picture": picture, **about})
    _write_list(run, _examples_file(run, split), listed)


def write_report(run, config):
    """Writes `report/index.html` from what the run folder holds.

    Args:
        run: The `RunFolder`.
        config: The run's settings.
    """
    metrics = run.read_metrics()
    sections = []
    if metrics:
        sections.append(Section("Figures", _summary_parts(metrics)))
    averaged = ", with the averaged weights" if config.ema else ""
    caption = (
        "Training is measured on augmented recordings, validation on plain "
        f"ones{averaged}."
    )
    sections += training_sections(run, caption)
    sections += [
        Section(f"Split: {split}", _split_parts(run, split, values))
        for split, values in metrics.items()
    ]
    write_sections(run, config, "transcribe", "Speech recognition", sections)


def _errors_file(run, split):
    return run.report / f"errors_{split}.csv"


def _examples_file(run, split):
    return run.report / f"examples_{split}.csv"


def _write_list(run, file, rows):
    if rows:
        run.write_rows(file, rows)
    else:
        file.unlink(missing_ok=True)


def _summary_parts(metrics):
    names = [name for name in _SUMMARY if any(name in m for m in metrics.values())]
    rows = [
        [split, *(_shown(values.get(name)) for name in names)]
        for split, values in metrics.items()
    ]
    parts = [table_html(["split", *(_SUMMARY[name] for name in names)], rows)]
    compared = [
        [split, *(_shown(m.get(x)) for m in (plain, values) for x in ("wer", "cer"))]
        for split, values in metrics.items()
        if (plain := values.get("without_language_model"))
    ]
    if compared:
        columns = ["WER without", "CER without", "WER with", "CER with"]
        parts.append("<p>Without and with the language model:</p>")
        parts.append(table_html(["split", *columns], compared))
    return parts


def _split_parts(run, split, metrics):
    parts = []
    if "data" in metrics:
        text = escape(metrics["data"])
        parts.append(f'<p class="lead">Measured on {text}.</p>')
    if "streaming" in metrics:
        rates = [_shown(metrics["streaming"].get(rate)) for rate in _RATES[2:]]
        rows = [["greedy, as streams are answered", *rates]]
        parts.append(table_html(["decoding", "WER", "CER"], rows))
    if "by_snr" in metrics:
        parts.append(_group_table("SNR", metrics["by_snr"]))
        if (run.report / f"{split}_snr.png").exists():
            caption = "Errors over the signal-to-noise ratio."
            parts.append(figure_html(f"{split}_snr.png", caption))
    if "by_speaker" in metrics:
        parts += _speaker_parts(metrics["by_speaker"])
    if metrics.get("confused_words"):
        parts += _confused_parts(metrics["confused_words"])
    return parts + _worst_parts(run, split) + _example_parts(run, split)


def _group_table(title, groups):
    rows = [
        [name, *(_shown(row[rate]) for rate in _RATES)] for name, row in groups.items()
    ]
    return table_html([title, "recordings", "words", "WER", "CER"], rows)


def _speaker_parts(speakers):
    shown = dict(list(worst_groups(speakers).items())[:_MOST_SPEAKERS])
    parts = [_group_table("speaker", shown)]
    if len(speakers) > len(shown):
        more = len(speakers) - len(shown)
        parts.append(f'<p class="lead">{more:,} more have fewer errors.</p>')
    return parts


def _confused_parts(confused):
    cells = [[said or "–", heard or "–", count] for said, heard, count in confused]
    return [
        "<h3>Words most often wrong</h3>",
        '<p class="lead">A dash stands for none: a word too many, or one missed.</p>',
        table_html(["said", "heard", "times"], cells),
    ]


def _worst_parts(run, split):
    file = _errors_file(run, split)
    rows = run.read_rows(file, _ERRORS)
    if not rows:
        return []
    name = escape(file.name)
    link = f'<p><a href="{name}">{name}</a>: all recordings, the worst first.</p>'
    wrong = [
        row for row in rows if row["reference"].split() != row["hypothesis"].split()
    ]
    if not wrong:
        return ["<p>Each recording is right.</p>", link]
    return [
        "<h3>Worst recordings</h3>",
        f'<p class="lead">{_MARKS}</p>',
        transcript_table(wrong[:_WORST]),
        link,
    ]


def _example_parts(run, split):
    rows = run.read_rows(_examples_file(run, split), _EXAMPLES)
    rows = [row for row in rows if (run.report / row["picture"]).exists()]
    if not rows:
        return []
    parts = ["<h3>Examples</h3>", f'<p class="lead">{_HOW_TO_READ}</p>']
    return parts + [figure_html(row["picture"], _caption(row)) for row in rows]


def _caption(row):
    said = f"said “{row['reference']}”, " if row["reference"] else ""
    wer = f", WER {row['wer']}" if row["wer"] else ""
    return f"{row['name']}: {said}heard “{row['hypothesis']}”{wer}"


def _draw_snrs(groups, path):
    from matplotlib.ticker import PercentFormatter

    figure = new_figure(6.4, 3.2)
    axes = figure.add_subplot()
    snrs = [float(name.removesuffix(" dB")) for name in groups]
    for name in ("wer", "cer"):
        rates = [group[name] for group in groups.values()]
        axes.plot(snrs, rates, "o-", label=name.upper())
    axes.set(xlabel="SNR (dB)", ylabel="errors", ylim=(0, None))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    save_figure(figure, path)


def _shown(figure):
    """Returns a figure for a table; `None` stands for nothing to measure."""
    return "–" if figure is None else figure
