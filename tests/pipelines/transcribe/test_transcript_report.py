"""The pictures, lists and the page of a run of speech recognition."""

import csv
import html.parser
import re

import numpy as np
import pytest
from PIL import Image

from amalthea.pipelines.run_folder import RunFolder
from amalthea.pipelines.transcribe import report
from amalthea.pipelines.transcribe.config import TranscribeConfig
from amalthea.pipelines.transcribe.evaluation import rows, transcript_metrics
from amalthea.pipelines.transcribe.marked import transcript_table
from amalthea.pipelines.transcribe.report import write_pictures, write_report

CONFIG = TranscribeConfig()
HOSTILE = '<script>alert("&")</script>'
SAID = ["one two three", "four", "one two", "five six"]
HEARD = ["one too three", "", "one two two", "five six"]
NAMES = [f"{number}.wav" for number in range(4)]
HISTORY = [
    {"epoch": 1, "loss": 9.0, "val_loss": 8.0, "val_wer": 1.0, "val_cer": 0.8},
    {"epoch": 2, "loss": 4.0, "val_loss": 5.0, "val_wer": 0.5, "val_cer": 0.2},
]


class Page(html.parser.HTMLParser):
    """The texts of a page, its pictures, and the tags that are in it."""

    def __init__(self, source):
        super().__init__()
        self.texts, self.pictures, self.tags, self.open = [], [], set(), []
        self.feed(source)
        assert self.open == [], "tags are left open"

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "img":
            self.pictures.append(dict(attributes)["src"])
        if tag not in ("img", "br", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def run(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.create("transcribe")
    run.write_config(CONFIG, "transcribe", "made")
    return run


def example(**changes):
    rng = np.random.default_rng(0)
    return {
        "samples": np.zeros(8000),
        "sampling_rate": 8000,
        "log_mel": rng.normal(size=(100, 16)),
        "posteriors": rng.dirichlet([0.1] * 4, 25),
        "frame_seconds": 0.04,
        "symbols": ["", " ", "a", "b"],
        "words": [("ab", 0.2, 0.4, 0.9)],
        "reference": "ab a",
        "name": "0.wav",
        "hypothesis": "ab",
        "wer": 1 / 3,
    } | changes


def read_page(run):
    """Returns the page, after checking that it shows the pictures that are there."""
    page = Page((run.report / "index.html").read_text(encoding="utf-8"))
    assert sorted(page.pictures) == sorted(x.name for x in run.report.glob("*.png"))
    for name in page.pictures:
        with Image.open(run.report / name) as image:
            assert np.asarray(image.convert("L")).std() > 5, f"{name} is blank"
    return page


def write_split(run, split, said=SAID, heard=HEARD, examples=(), names=NAMES, **about):
    metrics = {"data": "made", **transcript_metrics(said, heard, **about)}
    run.write_metrics(split, metrics)
    listed = rows(said, heard, names=names, **about)
    write_pictures(run, split, metrics, examples, listed)


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_whole_page(run):
    run.write_rows(run.history, HISTORY)
    write_split(
        run,
        "val",
        examples=iter([example(), example(reference=None, wer=None)]),
        speakers=["zoe", "bob", "zoe", "bob"],
        snrs=[10, 0, 10, 0],
    )
    write_split(run, "test")
    write_report(run, CONFIG)
    page = read_page(run)
    assert page.pictures == [
        *("curves.png", "val_snr.png", "val_example_1.png", "val_example_2.png"),
    ]
    text = " ".join(page.texts)
    for words in (
        *("Split: val", "Split: test", "Words most often wrong", "Worst recordings"),
        *("zoe, 10 dB", "bob, 0 dB", "Measured on made.", "sampling_rate"),
        "0.wav: said “ab a”, heard “ab”, WER 0.3333",
        "0.wav: heard “ab”",
    ):
        assert words in text
    assert text.index("zoe") < text.index("bob")  # as zoe's are worse
    assert {"mark", "del", "ins"} <= page.tags


def test_the_list_of_errors(run):
    write_split(run, "val", speakers=["ann", "", "", ""], snrs=[5, 0, 5, np.nan])
    assert read_csv(run.report / "errors_val.csv") == [
        ["name", "speaker", "snr", "reference", "hypothesis", "wer", "cer"],
        ["1.wav", "", "0.0", "four", "", "1.0", "1.0"],
        ["2.wav", "", "5.0", "one two", "one two two", "0.5", "0.5714"],
        ["0.wav", "ann", "5.0", "one two three", "one too three", "0.3333", "0.0769"],
        ["3.wav", "", "", "five six", "five six", "0.0", "0.0"],
    ]


def test_hostile_texts_are_escaped(run):
    write_split(
        run,
        "val",
        said=[f"{HOSTILE} x", HOSTILE, "a", f"<b>$x$ {HOSTILE}"],
        heard=[f"{HOSTILE} y", "", HOSTILE, f"<b>$x$ {HOSTILE} <i>"],
        examples=[example(name=HOSTILE, reference=HOSTILE, hypothesis='"> <b>')],
        names=[HOSTILE] * 4,
        speakers=[HOSTILE] * 4,
    )
    metrics = run.read_metrics()["val"]
    run.write_metrics("val", metrics | {"data": HOSTILE})
    write_report(run, CONFIG)
    page = read_page(run)
    assert not {"script", "b", "i"} & page.tags
    assert sum(text == HOSTILE for text in page.texts) >= 10
    assert any('heard “"> <b>”' in text for text in page.texts)


@pytest.mark.parametrize("is_trained", [True, False])
def test_a_page_of_little(run, is_trained):
    if is_trained:  # without validation
        run.write_rows(run.history, [{"epoch": 1, "loss": 9.0, "seconds": 1.0}])
    write_report(run, CONFIG)
    page = read_page(run)
    assert page.pictures == ["curves.png"] * is_trained
    assert "Settings" in page.texts and "Figures" not in page.texts


def test_figures_without_lists_and_pictures(run):
    run.write_metrics("all", transcript_metrics([""], [""]))
    run.write_metrics("val", {"wer": 0.25})
    write_report(run, CONFIG)
    page = read_page(run)
    assert page.pictures == []
    assert "–" in page.texts and "0.2500" in page.texts


def test_a_split_without_errors(run):
    write_split(run, "test", heard=SAID)
    write_report(run, CONFIG)
    page = read_page(run)
    assert "Each recording is right." in page.texts
    assert "Worst recordings" not in page.texts


def test_the_language_model_is_compared(run):
    metrics = transcript_metrics(SAID, HEARD)
    plain = {"without_language_model": {"wer": 0.625, "cer": None}}
    run.write_metrics("val", metrics | plain)
    run.write_metrics("test", metrics)
    write_report(run, CONFIG)
    page = read_page(run)
    start = page.texts.index("WER without")
    assert page.texts[start : start + 9] == [
        *("WER without", "CER without", "WER with", "CER with"),
        *("val", "0.6250", "–", f"{metrics['wer']:.4f}", f"{metrics['cer']:.4f}"),
    ]


def test_what_streams_are_answered_is_shown(run):
    streaming = {"streaming": {"wer": 0.375, "cer": 0.125}}
    run.write_metrics("test", transcript_metrics(SAID, HEARD) | streaming)
    write_report(run, CONFIG)
    texts = read_page(run).texts
    start = texts.index("greedy, as streams are answered")
    assert texts[start + 1 : start + 3] == ["0.3750", "0.1250"]


def test_a_new_evaluation_leaves_nothing_of_the_last(run):
    write_split(run, "val", examples=[example()] * 2, snrs=[0, 10, 0, 10])
    write_split(run, "test", examples=[example()])
    write_split(run, "val", said=["a"], heard=["a"], names=["new.wav"])
    metrics = run.read_metrics()["test"]
    write_pictures(run, "test", metrics)
    assert [file.name for file in run.report.iterdir()] == ["errors_val.csv"]
    assert read_csv(run.report / "errors_val.csv")[1][0] == "new.wav"


def test_no_more_than_the_worst_are_on_the_page(run):
    count = 60
    write_split(
        run,
        "val",
        said=["a b c d"] * count,
        heard=["a b c"] * (count // 2) + ["a"] * (count // 2),
        names=[f"clip_{number:02}" for number in range(count)],
        speakers=[f"speaker_{number:02}" for number in range(count)],
    )
    write_report(run, CONFIG)
    text = " ".join(read_page(run).texts)
    assert re.findall(r"clip_\d+", text) == [f"clip_{n}" for n in range(30, 50)]
    assert "10 more have fewer errors." in text
    assert len(set(re.findall(r"speaker_\d+", text))) == 50


def test_the_words_that_differ_are_marked():
    table = transcript_table(
        [
            {
                "name": "x.wav",
                "reference": "the cat sat on <mats> today",
                "hypothesis": "a cat sat <mats> today now",
                "speaker": "ann & bob",
                "snr": "5.0",
            },
            {"name": "y.wav", "reference": "", "hypothesis": ""},
        ]
    )
    assert (
        '<td rowspan="2">x.wav<br><span class="lead">ann &amp; bob, 5 dB</span></td>'
        '<td rowspan="2" class="number">0.5000</td>'
        '<td class="lead">said</td><td><mark>the</mark> cat sat <del>on</del> '
        "&lt;mats&gt; today</td></tr>"
        '<tr><td class="lead">heard</td><td><mark>a</mark> cat sat &lt;mats&gt; today '
        "<ins>now</ins></td></tr>"
    ) in table
    assert table.count("<td>–</td>") == 2
    Page(table)


@pytest.mark.parametrize(
    "said, heard, is_drawn",
    [
        (["a", "b", ""], ["a", "b", ""], True),
        (["a", "a", ""], ["x", "a", "uh"], True),
        (["a", "", ""], ["a", "uh", ""], False),  # nothing was said at 10 dB
    ],
)
def test_errors_are_drawn_over_the_snr_where_something_was_said(
    run, monkeypatch, said, heard, is_drawn
):
    drawn = []
    monkeypatch.setattr(
        report, "save_figure", lambda figure, path: drawn.append(figure)
    )
    metrics = transcript_metrics(said, heard, snrs=[0, 10, 20])
    write_pictures(run, "val", metrics)
    assert len(drawn) == is_drawn
    for figure in drawn:
        wer, cer = figure.axes[0].lines
        assert wer.get_xdata().tolist() == cer.get_xdata().tolist() == [0, 10]
        assert wer.get_ydata().tolist() == [float(said[0] != heard[0]), 0]
