"""The figures of transcripts, against jiwer and worked by hand."""

import json

import numpy as np
import pytest

from amalthea.pipelines.transcribe.evaluation import (
    CONFUSED_WORDS,
    metric_lines,
    rows,
    transcript_metrics,
    worst_groups,
)

SAID = ["one two three", "four", "one two", ""]
HEARD = ["one too three", "", "one two two", ""]


def draw(count=80, seed=0):
    """Sentences, and what was made of them: words changed, lost and added."""
    rng = np.random.default_rng(seed)
    words = ["a", "the", "cat", "then", "bat", "nine"]

    def heard(sentence):
        kept = [
            str(rng.choice(words)) if rng.random() < 0.2 else word
            for word in sentence.split()
            if rng.random() < 0.9
        ]
        return " ".join(kept + ["uh"] * (rng.random() < 0.2))

    said = [" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(count)]
    understood = [heard(sentence) for sentence in said]
    understood[::9] = [""] * len(understood[::9])  # could not be read
    return said, understood


def test_figures_against_jiwer():
    jiwer = pytest.importorskip("jiwer")
    said, heard = draw()
    metrics = transcript_metrics(said, heard, unreadable=9)
    words = jiwer.process_words(said, heard)
    characters = jiwer.process_characters(said, heard)
    assert metrics["wer"] == pytest.approx(words.wer, rel=1e-12)
    assert metrics["cer"] == pytest.approx(characters.cer, rel=1e-12)
    for name in ("substitutions", "insertions", "deletions"):
        assert metrics[name] == getattr(words, name) > 0
    assert metrics["words"] == words.hits + words.substitutions + words.deletions
    assert metrics["characters"] == sum(map(len, said))
    assert metrics["examples"] == len(said) and metrics["unreadable"] == 9


@pytest.mark.parametrize("kind", ["speakers", "snrs"])
def test_groups_against_jiwer(kind):
    jiwer = pytest.importorskip("jiwer")
    said, heard = draw()
    values = ["ann", "Bob", "", "cy"] if kind == "speakers" else [10, -5, np.nan, 2.4]
    column = [values[row % 4] for row in range(len(said))]
    metrics = transcript_metrics(said, heard, **{kind: column})
    if kind == "speakers":
        names, found = {"Bob": 1, "ann": 0, "cy": 3}, metrics["by_speaker"]
    else:
        names, found = {"-5 dB": 1, "2 dB": 3, "10 dB": 0}, metrics["by_snr"]
    assert list(found) == list(names)
    for name, place in names.items():
        assert found[name] == {
            "examples": 20,
            "words": sum(len(text.split()) for text in said[place::4]),
            "wer": pytest.approx(jiwer.wer(said[place::4], heard[place::4])),
            "cer": pytest.approx(jiwer.cer(said[place::4], heard[place::4])),
        }


def test_figures_by_hand():
    # Of 6 words one is another, one is missing and one is too many. Of characters,
    # 13 + 4 + 7, one is another ("too"), 4 are missing and 4 are too many.
    metrics = transcript_metrics(
        SAID, HEARD, seconds=np.array([2.0, 1, 2, 1]), elapsed=0.6, unreadable=1
    )
    assert metrics == {
        "examples": 4,
        "unreadable": 1,
        "words": 6,
        "characters": 24,
        "wer": 0.5,
        "cer": 9 / 24,
        "sentence_error_rate": 0.75,
        "substitutions": 1,
        "insertions": 1,
        "deletions": 1,
        "confused_words": [["", "two", 1], ["four", "", 1], ["two", "too", 1]],
        "real_time_factor": pytest.approx(0.1),
    }


def test_figures_are_plain_values():
    metrics = transcript_metrics(
        SAID,
        HEARD,
        speakers=np.array(["ann", "bob", "ann", ""]),
        snrs=np.array([10, 10, 0, 0], np.float32),
        seconds=np.ones(4),
        elapsed=np.float64(2),
        unreadable=np.int64(1),
    )
    assert json.loads(json.dumps(metrics)) == metrics


def test_nothing_was_said():
    metrics = transcript_metrics(
        ["", " "], ["uh", ""], speakers=["ann", "bob"], seconds=[0, 0], elapsed=1
    )
    assert metrics["wer"] is None and metrics["cer"] is None
    assert metrics["sentence_error_rate"] == 0.5 and metrics["insertions"] == 1
    assert metrics["by_speaker"]["ann"]["wer"] is None
    assert "real_time_factor" not in metrics
    nothing = transcript_metrics([], [], seconds=[], elapsed=1)
    assert nothing["wer"] is nothing["sentence_error_rate"] is None
    for each in (metrics, nothing):
        assert "–" in metric_lines(each)[0]


def test_groups_that_are_not_known_are_left_out():
    metrics = transcript_metrics(SAID, HEARD, speakers=[""] * 4, snrs=[np.nan] * 4)
    assert not {"by_speaker", "by_snr", "real_time_factor"} & set(metrics)


def test_the_most_frequent_confusions_come_first():
    said = [f"w{number}" for number in range(30) for _ in range(1 + number % 3)]
    metrics = transcript_metrics([" ".join(said)], ["x"])
    confused = metrics["confused_words"]
    assert len(confused) == CONFUSED_WORDS
    assert confused[0] == ["w11", "", 3]
    counts = [count for *_, count in confused]
    assert counts == sorted(counts, reverse=True)


def test_white_space_is_no_error():
    metrics = transcript_metrics([" a  b "], ["a b"])
    assert metrics["sentence_error_rate"] == metrics["wer"] == 0


def test_each_recording_needs_a_transcript():
    with pytest.raises(ValueError):
        transcript_metrics(["a"], [])
    with pytest.raises(ValueError):
        transcript_metrics(["a", "b"], ["a", "b"], speakers=["ann"])


def test_rows_are_the_worst_first():
    listed = rows(
        ["a b c", "a b", "ab cd ef", "a", "", ""],
        ["a x c", "a b", "ab cd xy", "b c d", "", "uh"],
        names=list("uvwxyz"),
        speakers=["ann", *5 * [""]],
        snrs=np.array([10, np.nan, 0, 2.25, 1, 1]),
    )
    assert [row["name"] for row in listed] == list("zxwuvy")
    assert listed[3] == {
        "name": "u",
        "speaker": "ann",
        "snr": 10.0,
        "reference": "a b c",
        "hypothesis": "a x c",
        "wer": 0.3333,
        "cer": 0.2,
    }
    assert listed[0]["wer"] is listed[5]["cer"] is None
    assert listed[4]["snr"] == "" and listed[1]["wer"] == 3
    assert list(rows(["a"], ["a"], names=["n"])[0]) == [
        *("name", "reference", "hypothesis", "wer", "cer"),
    ]


def test_lines_for_a_person():
    metrics = transcript_metrics(
        SAID,
        HEARD,
        speakers=["ann", "bob", "ann", ""],
        snrs=[20, -5, 20, -5],
        seconds=[2, 1, 2, 1],
        elapsed=0.6,
        unreadable=1,
    )
    metrics["without_language_model"] = {"wer": 0.75, "cer": 0.5}
    metrics["streaming"] = {"wer": 1.0, "cer": None}
    assert metric_lines(metrics) == [
        "WER                 50.00%  1 substitutions, 1 insertions, 1 deletions; "
        "6 words",
        "CER                 37.50%  24 characters",
        "sentence errors     75.00%  of 4 recordings",
        "unreadable               1",
        "real-time factor    0.1000  seconds for each second of audio",
        "without the language model: WER 75.00%, CER 50.00%",
        "as a stream: WER 100.00%, CER –",
        "SNR                    WER      CER  recordings    words",
        "  -5 dB            100.00%  100.00%           2        1",
        "  20 dB             40.00%   25.00%           2        5",
        "speaker                WER      CER  recordings    words",
        "  bob              100.00%  100.00%           1        1",
        "  ann               40.00%   25.00%           2        5",
        "most confused words (said, heard, times):",
        "  –                    two                       1",
        "  four                 –                         1",
        "  two                  too                       1",
    ]


def test_lines_name_the_speakers_with_most_errors():
    count = 13
    metrics = transcript_metrics(
        ["a b c d"] * count,
        [" ".join("abcd"[: 1 + number % 4]) for number in range(count)],
        speakers=[f"s{number:02}" for number in range(count)],
    )
    lines = metric_lines(metrics)
    start = next(n for n, line in enumerate(lines) if line.startswith("speaker"))
    shown = [line.split()[0] for line in lines[start + 1 : start + 11]]
    assert shown[:4] == ["s00", "s04", "s08", "s12"]
    assert shown == list(worst_groups(metrics["by_speaker"]))[:10]
    assert lines[start + 11] == "  and 3 more with fewer errors"
