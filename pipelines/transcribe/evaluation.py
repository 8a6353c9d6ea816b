"""The figures of a speech recogniser, from its transcripts beside what was said."""

import collections
import dataclasses
import math

from .scores import Alignment, alignment

CONFUSED_WORDS = 20
_SHOWN_CONFUSED = 8  # for a person
_SHOWN_SPEAKERS = 10
_RATES = ("wer", "cer")
_COMPARED = {
    "without_language_model": "without the language model",
    "streaming": "as a stream",
}


def transcript_metrics(
    references,
    hypotheses,
    *,
    speakers=None,
    snrs=None,
    seconds=None,
    elapsed=None,
    unreadable=0,
):
    """Computes the figures of a split.

    A rate is the number of errors in all transcripts for all words or characters that
    were said; it can be above 1, and is `None` where nothing was said.

    Args:
        references: List of `str`, what was said.
        hypotheses: List of `str`, what was understood; `""` for a recording that could
            not be read, all of whose words are errors.
        speakers: List of names, `""` where unknown, or `None`.
        snrs: Signal-to-noise ratios in dB, NaN where unknown, or `None`.
        seconds: Durations of the recordings, or `None`.
        elapsed: Seconds that the answers took, or `None`.
        unreadable: How many recordings could not be read.

    Returns:
        A dict of plain values: `examples` (recordings), `unreadable`, `words` and
        `characters` (that were said), `wer`, `cer`, `sentence_error_rate` (share of
        recordings that are not right to the letter), `substitutions`, `insertions` and
        `deletions` (of words) and `confused_words` (the most frequent of them, lists
        of the word said, the word heard and a count; `""` where there is none). Where
        it is known also `by_speaker` and `by_snr`, dicts from a name or a text such as
        `"10 dB"` (whole ones) to `examples`, `words`, `wer` and `cer`, and
        `real_time_factor`, seconds of computing for each second of audio.
    """
    pairs = zip(references, hypotheses, strict=True)
    compared = [_compare(*pair) for pair in pairs]
    words = [each.words for each in compared]
    wrong = sum(each.errors > 0 for each in words)
    metrics = {
        **_rates(compared),
        "unreadable": int(unreadable),
        "characters": sum(each.characters for each in compared),
        "sentence_error_rate": wrong / len(words) if words else None,
        "substitutions": sum(each.substitutions for each in words),
        "insertions": sum(each.insertions for each in words),
        "deletions": sum(each.deletions for each in words),
        "confused_words": _confused_words(words),
    }
    if speakers is not None and any(speakers):
        groups = _groups(compared, speakers)
        metrics["by_speaker"] = {name: groups[name] for name in sorted(groups)}
    if snrs is not None:
        groups = _groups(compared, [_whole(snr) for snr in snrs])
        if groups:
            metrics["by_snr"] = {f"{snr} dB": groups[snr] for snr in sorted(groups)}
    heard = 0.0 if seconds is None else float(sum(seconds))
    if elapsed is not None and heard > 0:
        metrics["real_time_factor"] = elapsed / heard
    return metrics


def rows(references, hypotheses, *, names, speakers=None, snrs=None):
    """Lists recordings with their errors, the worst first.

    Args:
        references: List of `str`, what was said.
        hypotheses: List of `str`, what was understood.
        names: Names of the recordings.
        speakers: As of `transcript_metrics`.
        snrs: As of `transcript_metrics`.

    Returns:
        A list of dicts with `name`, `speaker` and `snr` (where they are given; `""` if
        unknown), `reference`, `hypothesis`, `wer` and `cer` (with 4 decimals; `None`
        where nothing was said).
    """
    about = {"name": names}
    if speakers is not None:
        about["speaker"] = speakers
    if snrs is not None:
        about["snr"] = [round(float(x), 1) if math.isfinite(x) else "" for x in snrs]
    about |= {"reference": references, "hypothesis": hypotheses}
    listed = []
    for values in zip(*about.values(), strict=True):
        row = dict(zip(about, values, strict=True))
        rates = _rates([_compare(row["reference"], row["hypothesis"])])
        for name in ("wer", "cer"):
            row[name] = None if rates[name] is None else round(rates[name], 4)
        listed.append(row)
    return sorted(listed, key=_badness, reverse=True)


def metric_lines(metrics):
    """Returns what `transcript_metrics` found as lines for a person.

    With the keys `without_language_model` and `streaming`, dicts of `wer` and `cer`,
    they are compared.
    """
    errors = ", ".join(
        f"{metrics[name]:,} {name}"
        for name in ("substitutions", "insertions", "deletions")
    )
    lines = [
        f"{'WER':18}{_percent(metrics['wer'])}  {errors}; {metrics['words']:,} words",
        f"{'CER':18}{_percent(metrics['cer'])}  {metrics['characters']:,} characters",
        f"{'sentence errors':18}{_percent(metrics['sentence_error_rate'])}  of "
        f"{metrics['examples']:,} recordings",
    ]
    if metrics["unreadable"]:
        lines.append(f"{'unreadable':18}{metrics['unreadable']:8,}")
    if "real_time_factor" in metrics:
        lines.append(
            f"{'real-time factor':18}{metrics['real_time_factor']:8.4f}  "
            "seconds for each second of audio"
        )
    for name, title in _COMPARED.items():
        if name in metrics:
            wer, cer = (_percent(metrics[name][rate]).strip() for rate in _RATES)
            lines.append(f"{title}: WER {wer}, CER {cer}")
    lines += _group_lines("SNR", metrics.get("by_snr", {}))
    speakers = worst_groups(metrics.get("by_speaker", {}))
    shown = dict(list(speakers.items())[:_SHOWN_SPEAKERS])
    lines += _group_lines("speaker", shown)
    if len(speakers) > len(shown):
        lines.append(f"  and {len(speakers) - len(shown):,} more with fewer errors")
    confused = metrics["confused_words"][:_SHOWN_CONFUSED]
    if confused:
        lines.append("most confused words (said, heard, times):")
        lines += [
            f"  {said or '–':20} {heard or '–':20} {count:6,}"
            for said, heard, count in confused
        ]
    return lines


def worst_groups(groups):
    """Returns the groups of `by_speaker` with those of highest WER first."""
    return dict(sorted(groups.items(), key=lambda item: -(item[1]["wer"] or 0)))


@dataclasses.dataclass(frozen=True)
class _Comparison:
    """A transcript beside what was said."""

    words: Alignment
    characters: int
    character_errors: int


def _compare(reference, hypothesis):
    reference, hypothesis = reference.strip(), hypothesis.strip()
    return _Comparison(
        alignment(reference.split(), hypothesis.split()),
        len(reference),
        alignment(reference, hypothesis).errors,
    )


def _rates(compared):
    words = sum(len(each.words.pairs) - each.words.insertions for each in compared)
    characters = sum(each.characters for each in compared)
    errors = sum(each.words.errors for each in compared)
    character_errors = sum(each.character_errors for each in compared)
    return {
        "examples": len(compared),
        "words": words,
        "wer": errors / words if words else None,
        "cer": character_errors / characters if characters else None,
    }


def _groups(compared, names):
    """Returns the rates of each group; recordings without a name are in none."""
    groups = collections.defaultdict(list)
    for each, name in zip(compared, names, strict=True):
        if name not in ("", None):
            groups[name].append(each)
    return {name: _rates(group) for name, group in groups.items()}


def _whole(snr):
    return round(float(snr)) if math.isfinite(snr) else None


def _confused_words(alignments):
    counts = collections.Counter(
        (said or "", heard or "")
        for each in alignments
        for said, heard in each.pairs
        if said != heard
    )
    # Among equals by the words, so that the list is the same in every run.
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [[*pair, count] for pair, count in order[:CONFUSED_WORDS]]


def _badness(row):
    """Where nothing was said, all that was heard is worse than any rate."""
    if row["wer"] is None:
        return (math.inf if row["hypothesis"].strip() else 0.0), 0.0
    return row["wer"], row["cer"]


def _percent(rate):
    return f"{'–':>8}" if rate is None else f"{rate:8.2%}"


def _group_lines(title, groups):
    if not groups:
        return []
    width = max(18, *(len(name) + 4 for name in groups))
    lines = [f"{title:{width}}{'WER':>8}{'CER':>9}{'recordings':>12}{'words':>9}"]
    return lines + [
        f"  {name:{width - 2}}{_percent(row['wer'])} {_percent(row['cer'])}"
        f"{row['examples']:12,}{row['words']:9,}"
        for name, row in groups.items()
    ]
