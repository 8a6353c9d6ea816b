"""Transcripts as HTML, with what is wrong in them marked."""

from html import escape

from .scores import alignment


def transcript_table(rows):
    """Returns an HTML table of recordings with what was said above what was heard.

    Words that were taken for others and these are in `<mark>`, those that are missing
    in `<del>`, those that are too many in `<ins>`.

    Args:
        rows: Dicts of texts: `name`, `reference`, `hypothesis` and, where they are
            known, `speaker` and `snr`.
    """
    body = "".join(map(_lines, rows))
    return (
        '<div class="scroll"><table><thead><tr><th>recording</th>'
        '<th class="number">WER</th><th></th><th>said and heard</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _lines(row):
    """Returns the two lines of a recording."""
    found = alignment(row["reference"].split(), row["hypothesis"].split())
    said, heard = _marked(found.pairs)
    words = len(found.pairs) - found.insertions
    wer = f"{found.errors / words:.4f}" if words else "–"
    about = [row["speaker"]] if row.get("speaker") else []
    if row.get("snr"):
        about.append(f"{row['snr'].removesuffix('.0')} dB")
    about = f'<br><span class="lead">{escape(", ".join(about))}</span>' if about else ""
    return (
        f'<tr><td rowspan="2">{escape(row["name"])}{about}</td>'
        f'<td rowspan="2" class="number">{wer}</td>'
        f'<td class="lead">said</td><td>{said or "–"}</td></tr>'
        f'<tr><td class="lead">heard</td><td>{heard or "–"}</td></tr>'
    )


def _marked(pairs):
    said, heard = [], []
    for word, other in pairs:
        if other is None:
            said.append(_tagged("del", word))
        elif word is None:
            heard.append(_tagged("ins", other))
        elif word == other:
            said.append(escape(word))
            heard.append(escape(word))
        else:
            said.append(_tagged("mark", word))
            heard.append(_tagged("mark", other))
    return " ".join(said), " ".join(heard)


def _tagged(tag, word):
    return f"<{tag}>{escape(word)}</{tag}>"
