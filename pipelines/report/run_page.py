"""The page of a run: its figures, its training, its pictures, its settings."""

import dataclasses
from html import escape

from .figures import plot_curves
from .page import Section, figure_html, table_html, write_page

_CURVES = "curves.png"


def write_run_page(run, config, task, title, *, summary, captions, curves="", links=()):
    """Writes `report/index.html` from what the run folder holds.

    Args:
        run: The `RunFolder`.
        config: The run's settings.
        task: The task's name, as the run's facts have it.
        title: What the task does, the first words of the heading.
        summary: Names of the figures that stand for a split, in their order; those
            that no split has are left out.
        captions: Dict from a picture's kind to its caption. The picture is
            `SPLIT_KIND.png`; those that were not drawn are left out.
        curves: A sentence about the curves of the training.
        links: Pairs of a file's kind, with its extension, and what is in it. The
            file is `SPLIT_KIND`.
    """
    metrics = run.read_metrics()
    sections = []
    if metrics:
        sections.append(Section("Figures", [_summary_table(metrics, summary)]))
    averaged = " with the averaged weights" if config.ema else ""
    caption = (
        "Training is measured on augmented examples, validation on plain "
        f"ones{averaged}. {curves}"
    )
    sections += training_sections(run, caption.strip())
    for split, values in metrics.items():
        parts = _split_parts(run.report, split, values, captions, links)
        sections.append(Section(f"Split: {split}", parts))
    write_sections(run, config, task, title, sections)


def training_sections(run, caption):
    """Draws the curves of a run's history and returns the section that shows them.

    Args:
        run: The `RunFolder`.
        caption: What is said of them.

    Returns:
        A list of one `Section`; an empty one where there is no history.
    """
    history = run.read_rows(run.history, ("epoch",))
    if not history:
        return []
    plot_curves(history, run.report / _CURVES)
    return [Section("Training", [figure_html(_CURVES, caption)])]


def write_sections(run, config, task, title, sections):
    """Writes `report/index.html` with these sections and the run's settings below.

    Args:
        run: The `RunFolder`.
        config: The run's settings.
        task: The task's name, as the run's facts have it.
        title: What the task does, the first words of the heading.
        sections: List of `Section`.
    """
    facts = run.facts(task)
    settings = [
        [name, "" if value is None else str(value)]
        for name, value in {**facts, **dataclasses.asdict(config)}.items()
    ]
    table = table_html(["name", "value"], settings)
    write_page(
        run.report / "index.html",
        f"{title}: {run.path.resolve().name}",
        f"trained on {facts['data']} by amalthea {facts['version']}",
        [*sections, Section("Settings", [table])],
    )


def _summary_table(metrics, summary):
    names = [name for name in summary if any(name in m for m in metrics.values())]
    rows = [
        [split, *(_shown(values.get(name, "")) for name in names)]
        for split, values in metrics.items()
    ]
    return table_html(["split", *(name.replace("_", " ") for name in names)], rows)


def _split_parts(folder, split, metrics, captions, links):
    parts = [f'<p class="lead">Measured on {escape(metrics["data"])}.</p>']
    parts += [
        figure_html(f"{split}_{kind}.png", caption)
        for kind, caption in captions.items()
        if (folder / f"{split}_{kind}.png").exists()
    ]
    for kind, text in links:
        file = f"{split}_{kind}"
        if (folder / file).exists():
            parts.append(f'<p><a href="{file}">{file}</a>: {text}</p>')
    rows = [[_shown(value) for value in row.values()] for row in metrics["per_class"]]
    parts.append(table_html(list(metrics["per_class"][0]), rows))
    return parts


def _shown(figure):
    """Returns a figure for a table; -1 stands for nothing to measure."""
    return "–" if figure == -1 else figure
