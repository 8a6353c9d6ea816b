import numpy as np
import pytest
import tensorflow as tf
from helpers.one_graph import assert_one_graph, assert_same_answer
from helpers.small_models import NUMBERS, save

ANSWER = {
    "score": np.array([0.25, 1e-9], np.float32),
    "count": np.array([1, 2]),
    "label": np.array([b"cat", b"dog\0"], object),
}


def test_equal_answers_pass():
    close = {"score": np.array([0.2500001, 2e-9], np.float32)}
    assert_same_answer(ANSWER, {**ANSWER, **close})


@pytest.mark.parametrize(
    "other",
    [
        {"score": np.array([0.2502, 1e-9], np.float32)},
        {"score": np.array([0.25, 1e-9])},
        {"score": np.array([[0.25, 1e-9]], np.float32)},
        {"count": np.array([1, 3])},
        {"label": np.array([b"cat", b"dog"], object)},
        {"one_more": np.array([1])},
    ],
)
def test_a_different_answer_fails(other):
    with pytest.raises(AssertionError):
        assert_same_answer(ANSWER, {**ANSWER, **other})


def test_a_missing_output_fails():
    with pytest.raises(AssertionError):
        assert_same_answer(ANSWER, {"score": ANSWER["score"]})


def test_an_export_that_ignores_what_python_does_fails(tmp_path):
    factor = 2.0

    def scale(x):
        return {"y": factor * x}

    save(tmp_path, scale, NUMBERS)
    x = np.array([[1, 2]], np.float32)
    factor = 5.0
    in_process = {"y": scale(x)["y"].astype(np.float32)}
    with pytest.raises(AssertionError, match="y"):
        assert_one_graph(in_process, tmp_path, {"x": x})


def test_a_text_model_answers_the_same_in_a_fresh_process(tmp_path):
    text = pytest.importorskip("tensorflow_text")

    def split(sentences):
        words = text.WhitespaceTokenizer().tokenize(sentences)
        return {"words": words.to_tensor(b""), "count": words.row_lengths()}

    save(tmp_path, split, tf.TensorSpec([None], tf.string, name="sentences"))
    sentences = ["the cat sat", "naïve café".encode()]
    in_process = {k: v.numpy() for k, v in split(tf.constant(sentences)).items()}
    assert in_process["words"].tolist() == [
        [b"the", b"cat", b"sat"],
        ["naïve".encode(), "café".encode(), b""],
    ]
    assert_one_graph(in_process, tmp_path, {"sentences": sentences})
