import numpy as np
import pytest

from amalthea.serving.golden import differences

LABELS = np.array([[b"cat", b"dog", b"cow"]], object)
SHARES = np.array([[0.5, 0.3, 0.2]], np.float32)


def test_equal_answers_have_no_differences():
    answer = {
        "score": np.array([1.0, np.nan, np.inf], np.float32),
        "count": np.array([3, 4]),
        "label": np.array([b"a\0", b""], object),
        "valid": np.array([True, False]),
    }
    copy = {name: value.copy() for name, value in answer.items()}
    assert differences(answer, copy) == ([], 0.0)


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        (1000.0, 1000.9, False),  # 1e-4 + 1e-3 * 1000 = 1.0001
        (1000.0, 1001.1, True),
        (0.0, 9e-5, False),
        (0.0, 2e-4, True),
        (np.nan, 1.0, True),
        (1.0, np.nan, True),
        (np.inf, -np.inf, True),
        (np.inf, 1e30, True),
    ],
)
def test_numbers_may_differ_by_the_tolerance(old, new, differs):
    texts, _ = differences({"y": np.array([old])}, {"y": np.array([new])})
    assert bool(texts) == differs


def test_the_largest_difference_is_told():
    texts, largest = differences(
        {"y": np.array([1.0, 2.0])}, {"y": np.array([1.0, 2.25])}
    )
    assert largest == 0.25
    assert texts == ["output `y` differs by up to 0.25 in 1 of 2 numbers"]


@pytest.mark.parametrize(
    "answer",
    [
        {"y": np.array([1, 2])},
        {"y": np.array([1.0])},
        {"z": np.array([1.0, 2.0])},
        {"y": np.array([1.0, 2.0]), "z": np.array([1.0])},
    ],
)
def test_another_form_is_a_difference(answer):
    texts, _ = differences({"y": np.array([1.0, 2.0])}, answer)
    assert len(texts) >= 1


def test_integers_and_texts_are_compared_exactly():
    texts, _ = differences({"n": np.array([5, 6])}, {"n": np.array([5, 7])})
    assert texts == ["output `n` differs in 1 of 2 values"]
    swapped = np.array([[b"dog", b"cat", b"cow"]], object)
    texts, _ = differences(
        {"top": LABELS, "share": SHARES}, {"top": swapped, "share": SHARES}
    )
    assert texts == ["output `top` differs in 2 of 3 values"]


@pytest.mark.parametrize(
    ("shares", "labels", "wrong"),
    [
        ([0.5, 0.25, 0.25], ["cat", "cow", "dog"], 0),
        ([0.5, 0.25, 0.25], ["dog", "cat", "cow"], 2),
        ([0.5, 0.25, 0.25], ["cat", "cow", "cow"], 1),
        ([0.5, 0.25, 0.25], ["cat", "hen", "cow"], 1),
        ([0.4, 0.4, 0.2], ["dog", "cat", "cow"], 0),
        ([0.4, 0.4, 0.2], ["hen", "pig", "cow"], 2),
        ([0.4, 0.4, 0.2], ["cat", "dog", "hen"], 1),
        ([1.0, 1e-9, 1e-12], ["cat", "hen", "pig"], 0),
        ([1.0, 1e-9, 1e-12], ["hen", "dog", "cow"], 1),
        ([0.0, 0.0, 0.0], ["hen", "dog", "cow"], 1),
        ([0.2, 0.3, 0.5], ["cat", "cow", "dog"], 2),  # no ranking
    ],
)
def test_labels_may_swap_where_their_scores_tie(shares, labels, wrong):
    shares = np.array([shares], np.float32)
    labels = np.array([[label.encode() for label in labels]], object)
    texts, _ = differences(
        {"top": LABELS, "share": shares}, {"top": labels, "share": shares}
    )
    assert texts == ([f"output `top` differs in {wrong} of 3 values"] if wrong else [])
    numbers = {b"cat": 0, b"dog": 1, b"cow": 2, b"hen": 3, b"pig": 4}
    old, new = (
        np.array([[numbers[label] for label in row[0]]]) for row in (LABELS, labels)
    )
    texts, _ = differences({"id": old, "share": shares}, {"id": new, "share": shares})
    assert len(texts) == bool(wrong)


@pytest.mark.parametrize(
    ("shares", "label", "wrong"),
    [
        ([0.4, 0.4, 0.2], "dog", False),
        ([0.4, 0.4, 0.2], "cow", True),
        ([0.5, 0.3, 0.2], "dog", True),
    ],
)
def test_the_best_label_may_be_any_that_ties(shares, label, wrong):
    golden = {
        "label": np.array([b"cat"], object),
        "top": LABELS,
        "share": np.array([shares], np.float32),
    }
    answer = {**golden, "label": np.array([label.encode()], object)}
    assert len(differences(golden, answer)[0]) == wrong
