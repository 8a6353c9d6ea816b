"""Error rates against jiwer, and alignments worked by hand."""

import numpy as np
import pytest

from amalthea.pipelines.transcribe.scores import (
    alignment,
    character_error_rate,
    word_error_rate,
)


def draw(count=200):
    rng = np.random.default_rng(0)
    words = ["a", "b", "ab", "the", "cat", "then"]

    def sentence(shortest):
        return " ".join(rng.choice(words, rng.integers(shortest, 9)))

    return [sentence(1) for _ in range(count)], [sentence(0) for _ in range(count)]


def test_by_hand():
    said = ["the", "cat", "sat", "on", "mats", "today"]
    found = alignment(said, ["a", "cat", "sat", "mats", "today", "now"])
    assert found.pairs == [
        ("the", "a"),
        ("cat", "cat"),
        ("sat", "sat"),
        ("on", None),
        ("mats", "mats"),
        ("today", "today"),
        (None, "now"),
    ]
    assert found.hits == 4 and found.errors == 3
    assert found.substitutions == found.deletions == found.insertions == 1


@pytest.mark.parametrize(
    ("reference", "hypothesis", "counts"),
    [
        ("", "", (0, 0, 0)),
        ("", "ab", (0, 0, 2)),
        ("ab", "", (0, 2, 0)),
        ("kitten", "sitting", (2, 0, 1)),
        ("abc", "abc", (0, 0, 0)),
        ("aaa", "a", (0, 2, 0)),
    ],
)
def test_counts(reference, hypothesis, counts):
    found = alignment(reference, hypothesis)
    assert (found.substitutions, found.deletions, found.insertions) == counts
    assert "".join(a or "" for a, _ in found.pairs) == reference
    assert "".join(b or "" for _, b in found.pairs) == hypothesis


def test_rates_against_jiwer():
    jiwer = pytest.importorskip("jiwer")
    said, understood = draw()
    assert word_error_rate(said, understood) == pytest.approx(
        jiwer.wer(said, understood)
    )
    assert character_error_rate(said, understood) == pytest.approx(
        jiwer.cer(said, understood)
    )
    spaced = [f"  {text.replace(' ', '   ')} " for text in said]
    assert word_error_rate(spaced, understood) == word_error_rate(said, understood)


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_alignments_against_jiwer(unit):
    jiwer = pytest.importorskip("jiwer")
    said, understood = draw()
    process = getattr(jiwer, f"process_{unit}")
    for reference, hypothesis in zip(said, understood, strict=True):
        theirs = process(reference, hypothesis)
        if unit == "words":
            reference, hypothesis = reference.split(), hypothesis.split()
        ours = alignment(reference, hypothesis)
        assert (ours.hits, ours.substitutions, ours.deletions, ours.insertions) == (
            theirs.hits,
            theirs.substitutions,
            theirs.deletions,
            theirs.insertions,
        )
        pairs = []
        for chunk in theirs.alignments[0]:
            before = reference[chunk.ref_start_idx : chunk.ref_end_idx]
            after = hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx]
            size = max(len(before), len(after))
            before = list(before) or [None] * size
            after = list(after) or [None] * size
            pairs += zip(before, after, strict=True)
        assert ours.pairs == pairs


def test_nothing_was_said():
    assert word_error_rate([""], [""]) == 0
    assert word_error_rate([""], ["a"]) == float("inf")
    assert word_error_rate(["", "a"], ["b", "a"]) == 1


def test_one_hypothesis_for_each_reference():
    with pytest.raises(ValueError):
        word_error_rate(["a"], ["a", "b"])
