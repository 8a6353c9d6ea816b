"""The page of a run of word embeddings, and its figures as lines."""

import itertools
from html import escape

from ..report.page import Section, figure_html, table_html
from ..report.run_page import training_sections, write_sections
from .maps import FEWEST, write_map

_MAP = "map.png"
_SHOWN_WORDS = 20
_NEAREST = 6
# Most frequent words are those of grammar; what words mean shows further on.
_SKIPPED = 200
_FIGURES = {
    "words": "words of the corpus",
    "vocabulary": "words with vectors",
    "loss": "mean loss of the last epoch",
    "words_per_second": "words a second in training",
    "spearman": "word pairs: Spearman's correlation",
    "pearson": "word pairs: Pearson's correlation",
    "coverage": "word pairs: share with both words known",
    "pairs": "word pairs: compared",
    "analogy_accuracy": "analogies: share right",
    "analogy_coverage": "analogies: share of questions asked",
    "analogy_method": "analogies: 3CosAdd or 3CosMul",
    "restrict_vocab": "analogies: among so many of the most frequent words",
}


def metric_lines(figures):
    """Returns the figures of `evaluate` as lines for a person."""
    lines = [
        f"{name:18} {_shown(figures[name])}" for name in _FIGURES if name in figures
    ]
    for section in figures.get("sections", ()):
        accuracy = section["accuracy"]
        share = "      –" if accuracy is None else f"{accuracy:7.2%}"
        lines.append(
            f"  {section['name'] or '–':30} {share}  {section['correct']:,} of "
            f"{section['questions']:,}"
        )
    return lines


def write_report(run, config, vectors, *, draw_map=False):
    """Writes `report/index.html` from what the run folder holds.

    Args:
        run: The `RunFolder`.
        config: The run's settings.
        vectors: Its `WordVectors`.
        draw_map: Draw the map, which the folder lacks or has of other vectors.
    """
    figures = run.read_figures()
    rows = [[text, figures[name]] for name, text in _FIGURES.items() if name in figures]
    parts = [Section("Figures", [table_html(["figure", "value"], rows)])]
    if "debias" in figures:
        parts.insert(0, _debias_section(figures["debias"]))
    if figures.get("sections"):
        columns = ("name", "correct", "questions", "accuracy")
        cells = [
            _cells(section[name] for name in columns) for section in figures["sections"]
        ]
        parts.append(Section("Analogies", [table_html(columns, cells)]))
    caption = "Mean loss of each epoch, words a second, learning rate."
    parts += training_sections(run, caption)
    if draw_map and len(vectors) >= FEWEST:
        write_map(vectors, run.report / _MAP, seed=config.seed)
    if (run.report / _MAP).exists():
        caption = "The most frequent words, by t-SNE: similar words lie together."
        parts.append(Section("Map", [figure_html(_MAP, caption)]))
    parts.append(Section("Nearest words", [_nearest_table(vectors)]))
    write_sections(run, config, "embed", "Word embeddings", parts)


def _debias_section(found):
    """What debiasing did, from the figures that `write_debiased_run` keeps."""
    cells = [_cells(row.values()) for row in found["measures"]]
    parts = [
        *(f"<p>{escape(note)}</p>" for note in found["notes"]),
        table_html(["measure", "before", "after", ""], cells),
    ]
    if found["projected"]:
        parts += [
            "<p>Occupations that leaned most, with their cosines with the direction of "
            "the bias:</p>",
            _projected_table(found["projected"]),
        ]
    parts.append(f"<p>{escape(found['limits'])}</p>")
    return Section("Debiasing", parts)


def _projected_table(sides):
    head = [text for side in sides for text in (side, "before", "after")]
    rows = itertools.zip_longest(*sides.values(), fillvalue=[""] * 3)
    return table_html(head, [sum(row, []) for row in rows])


def _cells(values):
    return ["–" if value is None or value == "" else value for value in values]


def _nearest_table(vectors):
    first = min(_SKIPPED, max(len(vectors) - _SHOWN_WORDS, 0))
    words = vectors.words[first : first + _SHOWN_WORDS]
    rows = [
        [
            word,
            ", ".join(
                f"{other} {score:.2f}"
                for other, score in vectors.most_similar([word], k=_NEAREST)
            ),
        ]
        for word in words
    ]
    return table_html(["word", "nearest, with cosine"], rows)


def _shown(figure):
    if isinstance(figure, str):
        return figure
    if isinstance(figure, int):
        return f"{figure:,}"
    return f"{figure:,.1f}" if figure >= 100 else f"{figure:.4f}"
