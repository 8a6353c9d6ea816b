"""How a trained run decodes, shown and changed from the command line."""

import pytest
from helpers.complaints import complaint

from amalthea.pipelines import SpeechRecognition
from amalthea.pipelines.cli import run


def decoding(*words):
    return run(["transcribe", "decoding", *map(str, words)])


def test_it_is_shown_and_changed(own_run, capsys):
    assert decoding(own_run) == 0
    before = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in before] == [
        *("beam_width", "hot_words", "hot_word_score", "alpha", "beta")
    ]
    words = ["--beam-width", "4", "--hot-words", "man", "--hot-word-score", "3.5"]
    assert decoding(own_run, *words) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "beam_width      4",
        "hot_words       ('man',)",
    ]
    config = SpeechRecognition.load(own_run).config
    assert (config.beam_width, config.hot_words) == (4, ("man",))
    assert config.hot_word_score == 3.5
    assert decoding(own_run, "--hot-words", "") == 0
    config = SpeechRecognition.load(own_run).config
    assert (config.beam_width, config.hot_words) == (4, ())


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("--beam-width 0", "`beam_width`: expected at least 1"),
        ("--beam-width 1 --hot-words man", "as only a search knows hot words"),
        ("--beam-width 4 --hot-words Zürich", "expected words in the characters"),
        ("--alpha -1", "`alpha`: expected at least 0"),
    ],
)
def test_a_mistake_changes_nothing(words, part, own_run, capsys):
    before = (own_run / "config.toml").read_text()
    assert decoding(own_run, *words.split()) == 2
    assert part in complaint(capsys)
    assert (own_run / "config.toml").read_text() == before
