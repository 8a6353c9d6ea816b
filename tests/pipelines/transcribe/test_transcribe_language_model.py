"""Language models of a run: learnt or read, weighed, put to use and taken away."""

import json
import shutil

import numpy as np
import pytest
from helpers.complaints import complaint
from helpers.fake_acoustics import heard_as

from amalthea import UserError
from amalthea.data.text.ngram import NGramModel
from amalthea.layers import PrefixBeamSearch, TokenLanguageModel, WordLanguageModel
from amalthea.pipelines import SpeechRecognition
from amalthea.pipelines.cli import run
from amalthea.pipelines.transcribe import language_model
from amalthea.pipelines.transcribe.language_model import (
    choose_weights,
    fitting_unit,
    load_language_model,
    make_layer,
    stored_file,
    token_names,
    train_ngrams,
)
from amalthea.pipelines.transcribe.scores import word_error_rate
from amalthea.pipelines.transcribe.spelling import Spelling
from amalthea.pipelines.transcribe.tokens import CharacterTokens, PieceTokens

TEXTS = ["the cat sat", "the cat ate", "a hat", "the cat"]
CHARACTERS = CharacterTokens(" acehstu")


def pieces():
    return PieceTokens.train(TEXTS, 11)


def test_ngrams_of_words_and_of_tokens():
    words = train_ngrams(TEXTS, CHARACTERS, "words")
    assert words.order == 3 and words.vocabulary[:3] == ["a", "ate", "cat"]
    assert words.log_prob("cat", ["the"]) > words.log_prob("hat", ["the"])
    rare = train_ngrams(TEXTS, CHARACTERS, "words", order=2, min_count=2)
    assert rare.order == 2 and rare.vocabulary == ["cat", "the"]
    letters = train_ngrams(TEXTS, CHARACTERS, "tokens")
    assert letters.order == 6 and "<space>" in letters.vocabulary
    assert letters.log_prob("e", ["t", "h"]) > letters.log_prob("a", ["t", "h"])
    tokens = pieces()
    assert train_ngrams(TEXTS, tokens, "tokens").order == 4
    ngrams = train_ngrams(TEXTS, tokens, "tokens", order=2)
    assert set(ngrams.vocabulary) <= set(token_names(tokens))
    assert any(name.startswith("\u2581") for name in ngrams.vocabulary)


@pytest.mark.parametrize("unit", ["words", "tokens"])
@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_texts_that_hold_nothing(unit, texts):
    with pytest.raises(UserError, match="has no words"):
        train_ngrams(texts, CHARACTERS, unit)


@pytest.mark.parametrize("make", [lambda: CHARACTERS, pieces])
def test_a_layer_scores_as_the_ngrams_do(make):
    # With two texts of one and the same probability the scores differ by the model's.
    tokens = make()
    ngrams = train_ngrams(TEXTS, tokens, "tokens", order=3)
    layer = make_layer(ngrams, tokens, "tokens", alpha=1.0, beta=0.0)
    assert isinstance(layer, TokenLanguageModel)
    names = token_names(tokens)
    random = np.random.default_rng(0)
    logits = random.normal(size=(1, 3, tokens.size)).astype(np.float32)
    searches = [
        PrefixBeamSearch(200, n_best=200, language_model=model)
        for model in (layer, None)
    ]
    scores = []
    for search in searches:
        found = search(logits)
        scores.append(
            {
                tuple(labels[labels >= 0].tolist()): float(score)
                for labels, score in zip(
                    np.array(found["labels"])[0],
                    np.array(found["scores"])[0],
                    strict=True,
                )
                if score > -1e29
            }
        )
    both = set(scores[0]) & set(scores[1])
    assert len(both) > 20
    for labels in both:
        added = np.log(10) * ngrams.score([names[label] for label in labels])
        assert scores[0][labels] - scores[1][labels] == pytest.approx(added, abs=1e-3)


def test_a_layer_of_words_needs_a_space_and_words_it_can_write():
    ngrams = train_ngrams(TEXTS, CHARACTERS, "words")
    layer = make_layer(ngrams, CHARACTERS, "words", alpha=0.5, beta=1.0)
    assert isinstance(layer, WordLanguageModel) and layer.classes == CHARACTERS.size
    for tokens in (pieces(), CharacterTokens("acehst")):
        with pytest.raises(UserError, match="characters with a space.*--unit tokens"):
            make_layer(ngrams, tokens, "words", alpha=0.5, beta=1.0)
    with pytest.raises(UserError, match="cannot write a word of the language model"):
        make_layer(ngrams, CharacterTokens(" xyz"), "words", alpha=0.5, beta=1.0)
    with pytest.raises(UserError, match="knows none of the run's tokens"):
        other = NGramModel.train([["xx", "yy"]])
        make_layer(other, CHARACTERS, "tokens", alpha=0.5, beta=1.0)


def test_the_unit_follows_the_tokens():
    assert fitting_unit(CHARACTERS) == "words"
    assert fitting_unit(CharacterTokens("acehst")) == "tokens"
    assert fitting_unit(pieces()) == "tokens"


def test_a_table_of_tokens_has_a_limit(monkeypatch):
    ngrams = train_ngrams(TEXTS, CHARACTERS, "tokens")
    monkeypatch.setattr(language_model, "_LARGEST", 100)
    with pytest.raises(UserError, match="too large: .* histories of 9.*--order"):
        make_layer(ngrams, CHARACTERS, "tokens", alpha=0.5, beta=1.0)


def as_logits(alternatives):
    return heard_as(alternatives, CHARACTERS).reshape(1, -1, CHARACTERS.size)


def test_the_best_weights_are_chosen():
    # "the c?t" needs a language model of some weight to be "cat"; "a hut", which the
    # model does not know but for its words, is lost where it weighs too much.
    ngrams = train_ngrams([*TEXTS, "hut", "cut"], CHARACTERS, "words")
    layer = make_layer(ngrams, CHARACTERS, "words", alpha=0.3, beta=0.1)
    search = PrefixBeamSearch(16, language_model=layer, delimiter=1)
    heard = [
        [{x: 1.0} for x in "the c"] + [{"u": 0.7, "a": 0.3}, {"t": 1.0}],
        [{x: 1.0} for x in "a h"] + [{"u": 0.9, "a": 0.1}, {"t": 1.0}],
    ]
    # Steps behind a row's length, so that one graph does for both.
    batches = [
        (as_logits(steps + [{"e": 1.0}] * (7 - len(steps))), np.array([len(steps)]))
        for steps in heard
    ]
    said = ["the cat", "a hut"]
    spell = Spelling(CHARACTERS, 0.04).texts
    options = batches, said, search, spell, word_error_rate
    assert choose_weights(*options, (5.0,), (0.0,)) == (5.0, 0.0, 0.25)
    # The smallest of those that are as good.
    assert choose_weights(*options, (5.0, 0.0), (0.0,)) == (0.0, 0.0, 0.25)
    alphas = 0.0, 0.55, 0.5, 5.0
    assert choose_weights(*options, alphas, (0.5, 0.0)) == (0.5, 0.0, 0.0)
    assert (layer.alpha, layer.beta) == (0.3, 0.1)


@pytest.fixture(scope="module")
def own_run(little_run, tmp_path_factory):
    """A copy of the shared run to give language models to."""
    out = tmp_path_factory.mktemp("runs") / "with a model"
    shutil.copytree(little_run, out)
    return out


def lm(*words):
    return run(["transcribe", "lm", *map(str, words)])


def test_the_training_texts_give_a_model_that_can_be_taken_away(own_run, capsys):
    weights = ["--alpha", 0.4, "--beta", 0.25]
    assert lm(own_run, *weights) == 0
    said = capsys.readouterr().out
    assert "words, n-grams of up to 3" in said and "use it from now on" in said
    task = SpeechRecognition.load(own_run)
    assert (task.config.alpha, task.config.beta) == (0.4, 0.25)
    layer = task.language_model
    assert isinstance(layer, WordLanguageModel)
    assert (layer.alpha, layer.beta) == (0.4, 0.25)

    figures = own_run / "figures.json"
    assert run(["transcribe", "evaluate", str(own_run), "--json", str(figures)]) == 0
    said = capsys.readouterr().out
    metrics = json.loads(figures.read_text())
    assert set(metrics["without_language_model"]) == {"wer", "cer"}
    assert "without" in said

    assert lm(own_run, "--remove") == 0
    assert "has no language model now" in capsys.readouterr().out
    assert not stored_file(task.run).exists()
    task = SpeechRecognition.load(own_run)
    assert task.language_model is None and task.language_model_unit == ""
    assert lm(own_run, "--remove") == 0  # again does no harm


def test_an_arpa_file_of_letters_is_weighed_on_validation(own_run, tmp_path, capsys):
    task = SpeechRecognition.load(own_run)
    texts = task.load_table("train").texts
    ngrams = train_ngrams(texts, task.tokens, "tokens", order=3)
    ngrams.save(tmp_path / "letters.arpa")
    words = ["--arpa", tmp_path / "letters.arpa", "--unit", "tokens", "--beam-width", 4]
    assert lm(own_run, *words, "--beta", 0) == 0
    said = capsys.readouterr().out
    assert "beta 0: WER " in said and "on validation" in said
    task = SpeechRecognition.load(own_run)
    assert task.config.beam_width == 4
    assert task.config.alpha in language_model.ALPHAS and task.config.beta == 0
    kept = load_language_model(task.run, "tokens", task.tokens, task.config)
    assert isinstance(kept, TokenLanguageModel)
    read = NGramModel.load(stored_file(task.run))
    for text in texts[:5]:
        letters = [token_names(task.tokens)[k] for k in task.encode(text)]
        assert read.score(letters) == pytest.approx(ngrams.score(letters), rel=1e-5)
    assert lm(own_run, "--remove") == 0


def test_texts_of_files_are_brought_to_the_runs_form(own_run, tmp_path):
    (tmp_path / "a.txt").write_text("MAN  Time\nman tin\n")
    task = SpeechRecognition.load(own_run)
    options = {"alpha": 0.5, "beta": 0.0, "min_count": 2}
    lines = list(task.language_model_lines(text=(tmp_path / "a.txt",), **options))
    assert lines[0].startswith("1 words")
    assert NGramModel.load(stored_file(task.run)).vocabulary == ["man"]
    # In the same process, too.
    assert task.language_model is not None
    assert list(task.language_model_lines(remove=True))
    assert task.language_model is None


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("RUN --arpa gone.arpa", "gone.arpa: cannot be read"),
        ("RUN --arpa a.txt", "a.txt"),
        ("RUN --text gone.txt", "gone.txt: cannot be read"),
        ("RUN --text empty.txt", "has no words"),
        ("RUN --text a.txt --order 0", "`order`: expected at least 1"),
        ("RUN --text a.txt --min-count 0", "`min_count`: expected at least 1"),
        ("RUN --text a.txt --alpha -1", "`alpha`: expected at least 0"),
        ("RUN --text a.txt --beam-width 1", "`beam_width`: expected at least 2"),
        ("RUN --text foreign.txt", "cannot write a word of the language model"),
        ("RUN --text a.txt --unit letters", "--unit"),
        ("nowhere", "nowhere: no such run folder"),
        ("", "RUN"),
    ],
)
def test_a_mistake_ends_in_one_line(
    words, part, own_run, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("man time\n")
    (tmp_path / "empty.txt").write_text("\n\n")
    (tmp_path / "foreign.txt").write_text("Хорошо\n")
    places = {"RUN": own_run}
    assert lm(*(places.get(word, word) for word in words.split())) == 2
    assert part in complaint(capsys)
    assert SpeechRecognition.load(own_run).language_model is None
    assert not (own_run / "language_model.arpa").exists()


def test_a_resumed_run_keeps_it(own_run, tmp_path):
    (tmp_path / "a.txt").write_text("man time\n")
    task = SpeechRecognition.load(own_run)
    weights = {"alpha": 0.5, "beta": 0.25}
    list(task.language_model_lines(text=(tmp_path / "a.txt",), **weights))
    resumed = SpeechRecognition.train(out=own_run, resume=True, quiet=True)
    assert resumed.language_model_unit == "words"
    assert resumed.config.beta == 0.25
    assert "without_language_model" in resumed.run.read_metrics()["test"]
