"""From labels to texts and words with their times."""

import types

import numpy as np
import pytest
import tensorflow as tf

from amalthea.pipelines.transcribe.spelling import Spelling, tidy
from amalthea.pipelines.transcribe.tokens import CharacterTokens, PieceTokens

SENTENCES = ["the cat sat on the mat", "a cat and a häta", "on and on they sat"]


def characters():
    return CharacterTokens(" abcdehmnostyä")


def pieces():
    return PieceTokens.train(SENTENCES, 18)


def padded(rows):
    """Rows of labels as one array, with -1 from their ends on."""
    labels = np.full((len(rows), max(map(len, rows), default=0)), -1, np.int32)
    for row, values in enumerate(rows):
        labels[row, : len(values)] = values
    return labels


def words_of(spelling, labels, starts=None, ends=None, confidence=None):
    places = np.tile(np.arange(labels.shape[1], dtype=np.int32), (len(labels), 1))
    found = spelling.words(
        labels,
        places if starts is None else starts,
        places + 1 if ends is None else ends,
        np.ones(labels.shape, np.float32) if confidence is None else confidence,
    )
    return {name: value.numpy() for name, value in found.items()}


def decoded(values):
    return [value.decode() for value in values]


def test_words_and_their_times_by_hand():
    spelling = Spelling(CharacterTokens(" abc"), step_seconds=0.5)
    # " a  bc ", nothing, spaces alone, and "c".
    labels = padded([[1, 2, 1, 1, 3, 4, 1], [], [1, 1], [4]])
    starts = padded([[0, 3, 4, 5, 6, 8, 9], [], [0, 3], [7]])
    ends = padded([[1, 4, 5, 6, 8, 9, 10], [], [1, 9], [8]])
    confidence = np.zeros(labels.shape, np.float32)
    confidence[0] = [0.1, 0.75, 0.1, 0.1, 0.5, 1.0, 0.1]
    confidence[3, 0] = 0.25
    assert decoded(spelling.texts(labels).numpy()) == ["a bc", "", "", "c"]
    found = words_of(spelling, labels, starts, ends, confidence)
    assert found["words"].tolist() == [[b"a", b"bc"], [b""] * 2, [b""] * 2, [b"c", b""]]
    assert found["word_count"].tolist() == [2, 0, 0, 1]
    expected = {
        "word_starts": [[1.5, 3.0], [0, 0], [0, 0], [3.5, 0]],
        "word_ends": [[2.0, 4.5], [0, 0], [0, 0], [4.0, 0]],
        "word_confidence": [[0.75, 0.75], [0, 0], [0, 0], [0.25, 0]],
    }
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], values, err_msg=name)


def test_a_piece_with_the_mark_begins_a_word():
    tokens = types.SimpleNamespace(
        strings=["", "the", "", "c", "at"],
        starts_word=[False, True, True, True, False],
        is_space=[False, False, True, False, False],  # the mark alone
    )
    spelling = Spelling(tokens, step_seconds=0.5)
    # the|cat, the|at, nothing, that.
    labels = padded([[1, 3, 4], [1, 2, 4, 2], [2, 2], [1, 4]])
    assert decoded(spelling.texts(labels).numpy()) == ["the cat", "the at", "", "theat"]
    found = words_of(spelling, labels)
    assert found["words"].tolist() == [
        *([b"the", b"cat"], [b"the", b"at"], [b"", b""], [b"theat", b""])
    ]
    assert found["word_count"].tolist() == [2, 2, 0, 1]
    np.testing.assert_array_equal(
        found["word_starts"], [[0, 0.5], [0, 1.0], [0, 0], [0, 0]]
    )
    np.testing.assert_array_equal(
        found["word_ends"], [[0.5, 1.5], [0.5, 1.5], [0, 0], [1.0, 0]]
    )


@pytest.mark.parametrize("make", [characters, pieces])
def test_texts_and_words_are_those_of_the_tokens(make):
    tokens = make()
    spelling = Spelling(tokens, step_seconds=0.04)
    random = np.random.RandomState(0)
    # All orders of labels, also ones that no text has.
    rows = [
        random.randint(1, tokens.size, random.randint(0, 12)).tolist()
        for _ in range(300)
    ]
    if tokens.delimiter:
        rows = [[1 if random.rand() < 0.4 else label for label in row] for row in rows]
    labels = padded(rows)
    expected = [" ".join(tokens.decode(row).split()) for row in rows]
    assert decoded(spelling.texts(labels).numpy()) == expected
    # Several texts of each row.
    several = spelling.texts(labels.reshape(100, 3, -1)).numpy()
    assert decoded(several.ravel()) == expected and several.shape == (100, 3)
    found = words_of(spelling, labels)
    for row, text in enumerate(expected):
        count = found["word_count"][row]
        assert decoded(found["words"][row, :count]) == text.split(), text
        assert not any(found["words"][row, count:])
        assert (found["word_ends"] > found["word_starts"])[row, :count].all()
        assert (np.diff(found["word_starts"][row, :count]) > 0).all()
    for name in ("word_starts", "word_ends", "word_confidence"):
        behind = np.arange(found[name].shape[1]) >= found["word_count"][:, None]
        assert not found[name][behind].any()


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (3, 0), (3, 4)])
def test_no_rows_no_steps_no_words(shape):
    spelling = Spelling(characters(), step_seconds=0.04)
    labels = np.full(shape, -1, np.int32)
    assert decoded(spelling.texts(labels).numpy()) == [""] * shape[0]
    found = words_of(spelling, labels)
    assert found["word_count"].tolist() == [0] * shape[0]
    for name in ("words", "word_starts", "word_ends", "word_confidence"):
        assert found[name].shape == (shape[0], 0)


def test_labels_may_be_missing_anywhere_in_a_raw_text():
    spelling = Spelling(CharacterTokens(" ab"), step_seconds=0.04)
    labels = np.array([[-1, 2, -1, 1, 1, 3, -1]], np.int32)
    assert spelling.raw_texts(labels).numpy().tolist() == [b"a  b"]
    texts = tf.constant([" a   b c  ", "", "   ", "ä  ö"])
    assert decoded(tidy(texts).numpy()) == ["a b c", "", "", "ä ö"]
