"""The HTML page of a run: one file that shows the pictures beside it."""

import dataclasses
from html import escape

from ...files import atomic_file

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #8884; }
figure { margin: 1rem 0; }
figure img { max-width: 100%; height: auto; background: #fff; }
figcaption, .lead { color: #777; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top;
         border-bottom: 1px solid #8883; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
"""


@dataclasses.dataclass
class Section:
    """A part of the page.

    Attributes:
        title: Its heading.
        parts: Pieces of HTML, from `table_html` and `figure_html`.
    """

    title: str
    parts: list[str]


def table_html(header, rows):
    """Returns an HTML table; numbers are aligned right.

    Args:
        header: Texts of the columns.
        rows: Lists of texts and numbers; floats are shown with 4 decimals.
    """
    head = "".join(f"<th>{escape(str(name))}</th>" for name in header)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def figure_html(file, caption):
    """Returns HTML that shows a picture beside the page, and opens it at full size.

    Args:
        file: The picture's file name.
        caption: What it shows; the alternative text too.
    """
    file, text = escape(file), escape(caption)
    return (
        f'<figure><a href="{file}"><img src="{file}" alt="{text}"></a>'
        f"<figcaption>{text}</figcaption></figure>"
    )


def write_page(path, title, lead, sections):
    """Writes the page, whole or not at all.

    Args:
        path: The HTML file.
        title: The heading.
        lead: A line below it.
        sections: A list of `Section`.
    """
    body = "".join(
        f"<section><h2>{escape(section.title)}</h2>{''.join(section.parts)}</section>"
        for section in sections
    )
    with atomic_file(path) as file:
        file.write(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
            f'<h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>'
            f"{body}</body></html>\n"
        )


def _cell(value):
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"<td>{escape(str(value))}</td>"
    text = f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
    return f'<td class="number">{text}</td>'
