"""Word embeddings in Python: training, resuming, loading, evaluating."""

import csv
import gzip
import json
import re
from collections import Counter

import keras
import numpy as np
import pytest

from amalthea import UserError
from amalthea.data.text import Vocabulary, load_corpus, planted_truth
from amalthea.data.text.planted import planted_sentences
from amalthea.pipelines import WordEmbeddings
from amalthea.pipelines.config import make_config
from amalthea.pipelines.embed.config import EmbedConfig
from amalthea.pipelines.embed.debias import bias_direction
from amalthea.pipelines.embed.training import windows
from amalthea.pipelines.run_folder import RunFolder
from amalthea.pipelines.training.checkpoint import read_facts
from amalthea.pipelines.training.progress import Progress

TRUTH = planted_truth()
FAST = {"dim": 30, "learning_rate": 4e-3}  # for those that take long


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    """A file of 9,000 words. Tests must not change it."""
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(planted_sentences()[:1200]), encoding="utf-8")
    return path


@pytest.fixture
def text(text_file, monkeypatch):
    """The file, which is a few jobs an epoch."""
    monkeypatch.setattr(windows, "JOB", 2700)
    return text_file


def right_answers(vectors):
    """The share of analogies that are answered right."""
    questions = [each for family in TRUTH.analogies.values() for each in family]
    right = [vectors.analogy(a, b, c, k=1)[0][0] == d for a, b, c, d in questions]
    return np.mean(right)


def right_neighbours(vectors):
    """The share of the words nearest to those of a cluster that are in it too."""
    shares = []
    for words in TRUTH.clusters.values():
        for word in words:
            near = vectors.most_similar([word], k=len(words) - 1)
            shares.append(np.mean([other in words for other, _ in near]))
    return np.mean(shares)


def bias(vectors):
    """The cosine of the direction that was found with that of other pairs."""
    (found,) = bias_direction(vectors, TRUTH.definitional_pairs).directions
    pairs = np.array([[vectors.row(word) for word in p] for p in TRUTH.held_out_pairs])
    expected = (vectors.unit[pairs[:, 0]] - vectors.unit[pairs[:, 1]]).mean(axis=0)
    return found @ expected / np.linalg.norm(expected)


def leans(vectors):
    """The correlation of words' places along the direction with the planted ones."""
    (found,) = bias_direction(vectors, TRUTH.definitional_pairs).directions
    places = [vectors.unit[vectors.row(word)] @ found for word in TRUTH.leans]
    return np.corrcoef(places, list(TRUTH.leans.values()))[0, 1]


@pytest.mark.parametrize(
    "settings",
    [
        {"algorithm": "skipgram"},
        {"algorithm": "cbow", "epochs": 5},
        {"algorithm": "glove"},
        {"algorithm": "skipgram-hs", "epochs": 4},
        {**FAST, "algorithm": "skipgram-softmax", "epochs": 1},
        {**FAST, "algorithm": "neural-lm", "epochs": 2, "units": 30},
    ],
    ids=lambda settings: settings["algorithm"],
)
def test_each_algorithm_recovers_what_was_planted(
    settings, planted_task, tmp_path, undrawn
):
    task = planted_task
    if settings["algorithm"] != task.config.algorithm:
        out = tmp_path / "run"
        settings = {"dim": 50, "workers": 1, **settings}
        task = WordEmbeddings.train("planted", out, quiet=True, **settings)
    assert right_answers(task.vectors()) == 1
    assert right_neighbours(task.vectors()) == 1
    assert bias(task.vectors()) >= 0.95
    assert leans(task.vectors()) >= 0.8


def test_threads_learn_as_well(tmp_path, undrawn):
    task = WordEmbeddings.train(
        "planted", tmp_path / "run", dim=50, epochs=5, workers=3, quiet=True
    )
    assert right_answers(task.vectors()) == right_neighbours(task.vectors()) == 1


def test_a_run_holds_all_that_is_said_of_it(planted_run, planted_task):
    assert {path.name for path in planted_run.iterdir() if path.name[0] != "."} == {
        *("checkpoints", "config.toml", "history.csv", "logs", "metrics.json"),
        *("model.keras", "report", "vocabulary.txt"),
    }
    vocabulary = Vocabulary.load(planted_run / "vocabulary.txt")
    text = b" ".join(load_corpus("planted").pieces()).decode()
    counts = dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))
    assert counts == Counter(text.split())
    with (planted_run / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    losses = [float(row["loss"]) for row in rows]
    assert len(rows) == 5 and losses == sorted(losses, reverse=True)
    assert float(rows[1]["learning_rate"]) == pytest.approx(0.015)
    figures = json.loads((planted_run / "metrics.json").read_text())
    assert figures["words"] == vocabulary.counts.sum() and figures["vocabulary"] == 342
    assert figures["loss"] == pytest.approx(losses[-1], rel=1e-4)
    # All epochs have as many words: their pace is the harmonic mean.
    paces = [float(row["words_per_second"]) for row in rows]
    mean = 5 / sum(1 / pace for pace in paces)
    assert figures["words_per_second"] == pytest.approx(mean, rel=1e-4)
    page = (planted_run / "report" / "index.html").read_text(encoding="utf-8")
    pictures = re.findall(r'<img src="([^"]+)"', page)
    assert pictures == ["curves.png", "map.png"]
    assert all((planted_run / "report" / name).exists() for name in pictures)
    words = planted_task.vectors().words[200:220]
    assert all(f"<td>{word}</td>" in page for word in words)


def test_the_keras_model_has_the_vectors(planted_run, planted_task):
    model = keras.saving.load_model(planted_run / "model.keras")
    numbers = np.array([[3, 0, 341], [7, 7, 7]])
    expected = planted_task.vectors().vectors[numbers]
    np.testing.assert_array_equal(model(numbers), expected)


@pytest.mark.parametrize("trainable", [False, True])
def test_the_embedding_is_a_layer_of_a_model(planted_task, trainable):
    before = planted_task.vectors().vectors.copy()
    layer = planted_task.embedding_layer(trainable=trainable)
    model = keras.Sequential([keras.Input((2,), dtype="int32"), layer])
    model.add(keras.layers.GlobalAveragePooling1D())
    model.add(keras.layers.Dense(1))
    np.testing.assert_array_equal(layer(np.array([5, 9])), before[[5, 9]])
    model.compile("sgd", "mse")
    numbers, targets = np.array([[5, 9], [9, 5]]), np.array([[4.0], [5.0]])
    model.fit(numbers, targets, epochs=2, verbose=0)
    changed = (np.asarray(layer.embeddings) != before).any(axis=1)
    assert np.flatnonzero(changed).tolist() == ([5, 9] if trainable else [])
    # The layer has vectors of its own.
    np.testing.assert_array_equal(planted_task.embedding.embeddings, before)
    assert planted_task.embedding_layer().trainable is False


def stopped(after, data, out, **settings):
    """Trains until so many steps were taken, and is then killed."""
    steps = iter(range(after))

    def step(self, loss):
        if next(steps, None) is None:
            raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Progress, "step", step)
        WordEmbeddings.train(data, out, quiet=True, **settings)


def assert_same_run(one, other):
    """Checks that two runs ended with the same bits."""
    for name in ("last", "best"):
        with (
            np.load(one / "checkpoints" / f"{name}.npz") as ours,
            np.load(other / "checkpoints" / f"{name}.npz") as theirs,
        ):
            assert ours.files == theirs.files
            for key in set(ours.files) - {"facts"}:  # these hold the seconds
                np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)
    for run in (one, other):
        assert not (run / "scratch").exists()
    histories = []
    for run in (one, other):
        rows = RunFolder(run).read_rows(run / "history.csv", ("loss",))
        histories.append([(r["epoch"], r["loss"], r["learning_rate"]) for r in rows])
    assert histories[0] == histories[1]


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"algorithm": "skipgram"}, 5),
        ({"algorithm": "cbow", "vectors": "mean"}, 5),
        ({"algorithm": "glove"}, 1),
        ({"algorithm": "skipgram-hs"}, 5),
        ({"algorithm": "skipgram-softmax"}, 5),
        ({"algorithm": "neural-lm", "units": 5}, 5),
        ({"algorithm": "skipgram", "phrases": 1, "phrase_threshold": 20.0}, 5),
    ],
    ids=str,
)
def test_a_killed_and_resumed_run_ends_equal_to_the_last_bit(
    settings, steps, text, tmp_path, undrawn
):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    settings = {"dim": 8, "epochs": 3, "workers": 1, **settings}
    WordEmbeddings.train(text, whole, quiet=True, **settings)
    # In the second epoch, after its first step.
    stopped(steps, text, cut, **settings)
    assert read_facts(cut / "checkpoints" / "last.npz")["epoch"] == 1
    assert WordEmbeddings.load(cut).predict("king")[0].known
    WordEmbeddings.train(out=cut, resume=True, quiet=True)
    assert_same_run(whole, cut)


def test_a_run_resumes_when_what_was_read_is_gone(text, tmp_path, undrawn):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    settings = {"dim": 8, "epochs": 2, "workers": 1, "phrases": 1}
    settings["phrase_threshold"] = 20.0
    WordEmbeddings.train(text, whole, quiet=True, **settings)
    stopped(5, text, cut, **settings)
    RunFolder(cut).clear_scratch()
    WordEmbeddings.train(out=cut, resume=True, quiet=True, workers=1)
    assert_same_run(whole, cut)


def test_a_restarted_run_counts_its_pairs_anew(text, tmp_path, undrawn):
    whole, again = tmp_path / "whole", tmp_path / "again"
    settings = {"algorithm": "glove", "dim": 8, "epochs": 1, "workers": 1}
    # Killed in its first epoch, so there is nothing to resume.
    stopped(0, text, again, window=5, **settings)
    assert (again / "scratch" / "cells").exists()
    for out in (whole, again):
        WordEmbeddings.train(text, out, quiet=True, window=2, **settings)
    assert_same_run(whole, again)


def test_more_epochs_make_the_figures_of_an_evaluation_old(text, tmp_path, undrawn):
    settings = {"dim": 8, "epochs": 1, "workers": 1, "quiet": True}
    task = WordEmbeddings.train(text, tmp_path / "run", **settings)
    (tmp_path / "pairs.txt").write_text("king queen 9\nrain snow 7\nrain king 1\n")
    task.evaluate(pairs=str(tmp_path / "pairs.txt"))
    WordEmbeddings.train(out=tmp_path / "run", resume=True, quiet=True)  # has ended
    assert "spearman" in task.run.read_figures()
    task = WordEmbeddings.train(out=tmp_path / "run", resume=True, epochs=2, quiet=True)
    assert "spearman" not in task.run.read_figures()
    assert len(task.run.read_rows(task.run.history, ())) == 2


def test_other_text_and_other_settings_are_refused_on_resume(text, tmp_path, undrawn):
    copy = tmp_path / "text.txt"
    copy.write_bytes(text.read_bytes())
    settings = {"dim": 8, "epochs": 2, "workers": 1}
    stopped(5, copy, tmp_path / "run", **settings)
    with pytest.raises(UserError, match="keeps its settings: window is 5, not 3"):
        WordEmbeddings.train(out=tmp_path / "run", resume=True, quiet=True, window=3)
    copy.write_bytes(text.read_bytes()[:-1])
    with pytest.raises(UserError, match="the data is not what the run began with"):
        WordEmbeddings.train(out=tmp_path / "run", resume=True, quiet=True)


def test_the_smallest_text_there_is(tmp_path):
    (tmp_path / "a.txt").write_text("to be or not to be\n" * 5)
    for algorithm in ("skipgram", "glove"):
        task = WordEmbeddings.train(
            tmp_path / "a.txt",
            tmp_path / algorithm,
            algorithm=algorithm,
            dim=4,
            min_count=10,
            quiet=True,
        )
        assert task.vectors().words == ["be", "to"]
        assert task.analogy_lines("be", "to", "be", 3, "add") == []
    # Too few for a map.
    assert not (tmp_path / "skipgram" / "report" / "map.png").exists()


def test_words_whose_letters_have_several_forms_keep_their_vectors(tmp_path):
    # Lower-cased, the two marks meet letters that they have another form with.
    text = "H\u0331ama T\u0308ur cafe\u0301 ﬁn ONE two three\n"
    (tmp_path / "a.txt").write_text(text * 10, encoding="utf-8")
    task = WordEmbeddings.train(
        tmp_path / "a.txt", tmp_path / "run", dim=4, epochs=1, quiet=True
    )
    assert task.vectors().vectors.any(axis=1).all()
    assert all(result.known for result in task.predict(text.split()))
    one, other, *_ = text.split()
    assert task.analogy_lines(one, other, "ONE", 1, "add")


def test_one_word_is_too_few(tmp_path):
    (tmp_path / "a.txt").write_text("da da da da da dada\n")
    with pytest.raises(UserError, match="a.txt: has one word of use.*Name more text"):
        WordEmbeddings.train(tmp_path / "a.txt", tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_use_from_python(tmp_path, undrawn):
    with gzip.open(tmp_path / "text.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(planted_sentences()[:9000]))
    config = EmbedConfig(dim=30, epochs=20, window=3, workers=1, seed=5)
    task = WordEmbeddings.train(
        tmp_path / "text.txt.gz", tmp_path / "run", config=config, quiet=True
    )
    assert (task.config.window, task.config.seed) == (3, 5)
    vectors = WordEmbeddings.load(tmp_path / "run").vectors()
    assert vectors.doesnt_match(["rain", "snow", "storm", "piano"]) == "piano"
    assert vectors.similarity("rain", "snow") > vectors.similarity("rain", "piano")
    rain, none = task.predict(["Rain", "no-such-word"], k=3)
    assert rain.word == "Rain" and rain.known and len(rain.nearest) == 3
    assert rain.nearest == [
        (word, pytest.approx(score, abs=1e-5))
        for word, score in vectors.most_similar("rain", k=3)
    ]
    np.testing.assert_array_equal(rain.vector, vectors["rain"])
    assert (none.known, none.nearest, none.vector) == (False, [], None)
    (only,) = task.predict("rain", k=1)
    assert only.nearest[0][0] == rain.nearest[0][0]


def test_evaluate_is_that_of_the_vectors(planted_task, tmp_path):
    (tmp_path / "pairs.txt").write_text("king queen 9\nrain snow 7\nrain king 1\n")
    lines = [
        f": {name}\n" + "\n".join(" ".join(question) for question in questions)
        for name, questions in TRUTH.analogies.items()
    ]
    (tmp_path / "analogies.txt").write_text("\n".join([*lines, "paris king zork no"]))
    figures = planted_task.evaluate(
        pairs=tmp_path / "pairs.txt",
        analogies=str(tmp_path / "analogies.txt"),
        method="mul",
        json=tmp_path / "figures.json",
    )
    questions = sum(map(len, TRUTH.analogies.values()))
    assert figures["coverage"] == 1 and figures["pairs"] == 3
    assert figures["analogy_coverage"] == pytest.approx(questions / (questions + 1))
    assert figures["analogy_accuracy"] > 0.9 and figures["analogy_method"] == "mul"
    assert figures["restrict_vocab"] == 342
    assert [each["name"] for each in figures["sections"]] == list(TRUTH.analogies)
    assert json.loads((tmp_path / "figures.json").read_text()) == figures
    lines = planted_task.metric_lines(figures)
    assert any(line.startswith("spearman ") for line in lines)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"dim": 1}, "`dim`: expected at least 2"),
        ({"window": 0}, "`window`: expected 1 to 1000"),
        ({"epochs": 0}, "`epochs`: expected at least 1"),
        ({"workers": 0}, "`workers`: expected at least 1"),
        ({"max_vocabulary": 1}, "`max_vocabulary`: expected at least 2"),
        ({"negatives": 0}, "`negatives`: expected at least 1"),
        ({"sample": 1.5}, "`sample`: expected 0 to 1"),
        ({"sample": float("nan")}, "`sample`: expected 0 to 1"),
        ({"phrases": 6}, "`phrases`: expected 0 to 5"),
        ({"x_max": 0.0}, "`x_max`: expected a number above 0"),
        ({"learning_rate": 0.0}, "`learning_rate`: expected a number above 0"),
        ({"seed": -1}, "`seed`: expected 0 to"),
        ({"algorithm": "fasttext"}, "`algorithm`: expected one of skipgram, cbow"),
        ({"algorithm": "skipgram-hs", "vectors": "sum"}, "`vectors`: expected input"),
        ({"algorithm": "neural-lm", "vectors": "mean"}, "`vectors`: expected input"),
        ({"dims": 100}, "unknown setting `dims`"),
    ],
    ids=str,
)
def test_wrong_settings(values, expected):
    with pytest.raises(UserError, match=expected):
        make_config(EmbedConfig, values)


def test_a_config_is_filled_in_by_its_algorithm():
    config = EmbedConfig(algorithm="glove", window=4).filled_in(cores=3)
    assert (config.window, config.epochs, config.workers) == (4, 15, 3)
    assert (config.vectors, config.learning_rate) == ("sum", 0.05)
    assert EmbedConfig(workers=2).filled_in(cores=3).workers == 2


def test_real_text(real_data, tmp_path, undrawn):
    folder = real_data / "embeddings"
    corpus = folder / "corpus" / "enwiki2015-raw-sample.txt.gz"
    task = WordEmbeddings.train(corpus, tmp_path / "run", epochs=5, quiet=True)
    figures = task.evaluate(
        pairs=folder / "similarity" / "EN-WS-353-ALL.txt",
        analogies=folder / "analogy" / "questions-words.txt",
    )
    assert figures["pairs"] > 200 and len(figures["sections"]) == 14
    assert figures["spearman"] > 0.1
    debias = folder / "debias"
    lines = task.debias_lines(
        tmp_path / "debiased",
        definitional=debias / "definitional_pairs.json",
        equalize=debias / "equalize_pairs.json",
        specific=debias / "gender_specific_seed.json",
        occupations=debias / "professions.json",
        extend=True,
        permutations=100,
    )
    rows = WordEmbeddings.load(tmp_path / "debiased").run.read_figures()["debias"]
    measures = {row["measure"]: row for row in rows["measures"]}
    assert measures["direct bias, neutral words"]["before"] > 0.05
    assert measures["direct bias, neutral words"]["after"] < 1e-6
    # What hard debiasing does not take away.
    assert measures["cluster test"]["after"] > 0.6
    assert all(measures[f"WEAT {name}"]["after"] for name in ("math/arts",))
    assert any(line.startswith("cluster test") for line in lines)
