"""A run of vectors that a file had: it answers, exports, and is not trained on."""

import numpy as np
import pytest
from gensim.models import KeyedVectors
from helpers.complaints import complaint
from helpers.one_graph import fresh_answer

from amalthea.data.text import save_vectors
from amalthea.pipelines import WordEmbeddings
from amalthea.pipelines.cli import run
from amalthea.pipelines.embed.word_vectors import WordVectors

WORDS = ["the", "Paris", "rome", "don't", "ﬁne", "new_york", ","]
VECTORS = np.random.default_rng(0).normal(size=(len(WORDS), 8)).astype("float32")


def embed(verb, *words):
    return run(["embed", verb, *map(str, words)])


@pytest.fixture
def file(tmp_path):
    save_vectors(tmp_path / "v.txt", WORDS, VECTORS)
    return tmp_path / "v.txt"


def test_words_are_found_as_they_are_spelt(file, tmp_path, capsys):
    assert embed("load", file, "--to", tmp_path / "run") == 0
    assert "7 vectors of length 8" in capsys.readouterr().out
    task = WordEmbeddings.load(tmp_path / "run")
    answers = task.predict([*WORDS, "paris"], k=2)
    assert [answer.known for answer in answers] == [True] * len(WORDS) + [False]
    np.testing.assert_array_equal([a.vector for a in answers[:-1]], VECTORS)
    theirs = KeyedVectors.load_word2vec_format(file)
    for answer in answers[:-1]:
        near = theirs.most_similar(answer.word, topn=2)
        assert [word for word, _ in answer.nearest] == [word for word, _ in near]


def test_lower_cased_vectors_find_words_in_any_case(tmp_path):
    save_vectors(tmp_path / "v.bin", ["paris", "rome"], VECTORS[:2], None, "glove")
    assert embed("load", tmp_path / "v.bin", "--to", tmp_path / "run") == 0
    assert WordEmbeddings.load(tmp_path / "run").predict("PARIS")[0].known


def test_it_exports_and_saves_what_it_had(file, tmp_path):
    assert embed("load", file, "--to", tmp_path / "run", "--limit", 4) == 0
    export = ("export", tmp_path / "run", "--to", tmp_path / "models", "--name", "w")
    assert embed(*export) == 0
    inputs = {"words": [word.encode() for word in [*WORDS, "paris"]]}
    answer = fresh_answer(tmp_path / "models" / "w" / "1", inputs)
    assert answer["known"].tolist() == [True] * 4 + [False] * 4
    np.testing.assert_array_equal(answer["vectors"][:4], VECTORS[:4])
    assert embed("save", tmp_path / "run", tmp_path / "again.txt") == 0
    again = WordVectors.load(tmp_path / "again.txt")
    assert again.words == WORDS[:4]
    np.testing.assert_array_equal(again.vectors, VECTORS[:4])
    assert not (tmp_path / "again.txt.vocab").exists()  # nobody knows the counts


def test_what_cannot_be_loaded(file, tmp_path, capsys):
    assert embed("load", tmp_path / "none.txt", "--to", tmp_path / "run") == 2
    assert "none.txt" in complaint(capsys)
    assert embed("load", file, "--to", tmp_path / "run", "--limit", 0) == 2
    assert "`limit`" in complaint(capsys)
    assert not (tmp_path / "run").exists()
    assert embed("load", file, "--to", tmp_path / "run") == 0
    capsys.readouterr()
    assert embed("load", file, "--to", tmp_path / "run") == 2
    assert "holds a run already" in complaint(capsys)
    train = ("train", "--data", "planted", "--out", tmp_path / "run", "--resume")
    assert embed(*train) == 2
    assert "holds vectors of a file" in complaint(capsys)


def test_a_keras_embedding_keeps_the_vectors():
    vectors = WordVectors(WORDS, VECTORS)
    layer = vectors.to_embedding(trainable=True)
    np.testing.assert_array_equal(layer(np.array([2, 0])), VECTORS[[2, 0]])
    assert layer.trainable and not vectors.to_embedding().trainable
    again = WordVectors.from_embedding(WORDS, layer)
    np.testing.assert_array_equal(again.vectors, VECTORS)
