"""Properties of the splits by content."""

import hashlib

import numpy as np
import pytest

from amalthea.data.splits import content_key, split_by_content


def keys_of(count, seed=0):
    return [content_key(f"{seed}/{number}".encode()) for number in range(count)]


def test_key_is_blake2b_of_128_bits():
    expected = hashlib.blake2b(b"abc", digest_size=16).hexdigest()
    assert content_key(b"abc") == expected


def test_key_of_an_array_depends_on_values_shape_and_dtype_only():
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert content_key(array) == content_key(np.asfortranarray(array))
    others = [array.T, array.reshape(6), array.astype(np.int8), array + 1]
    assert content_key(array) not in {content_key(other) for other in others}


def test_shares_are_about_those_asked_for():
    splits = split_by_content(keys_of(4000), np.zeros(4000), val=0.1, test=0.2)
    shares = [np.mean(splits == name) for name in ("train", "val", "test")]
    np.testing.assert_allclose(shares, [0.7, 0.1, 0.2], atol=0.02)


def test_neither_order_nor_additions_move_an_example():
    keys, labels = keys_of(600), np.arange(600) % 3
    before = dict(zip(keys, split_by_content(keys, labels), strict=True))
    order = np.random.default_rng(1).permutation(600)
    shuffled = [keys[row] for row in order]
    assert split_by_content(shuffled, labels[order]).tolist() == [
        before[key] for key in shuffled
    ]
    more = keys_of(500, seed=1)
    after = split_by_content([*more, *keys], np.arange(1100) % 3)[500:]
    assert after.tolist() == [before[key] for key in keys]


def test_copies_fall_together_whatever_their_labels():
    keys = keys_of(200)
    splits = split_by_content(keys + keys, np.arange(400) % 7)
    np.testing.assert_array_equal(splits[:200], splits[200:])


@pytest.mark.parametrize("seed", range(30))
def test_each_class_of_three_is_in_every_split(seed):
    splits = split_by_content(keys_of(3, seed), np.zeros(3, int))
    assert sorted(splits) == ["test", "train", "val"]


@pytest.mark.parametrize("first_seed", range(0, 300, 50))
def test_shared_copies_leave_no_class_without_a_split(first_seed):
    for seed in range(first_seed, first_seed + 50):
        keys = keys_of(6, seed)
        # Two classes of four, with two images in common.
        splits = split_by_content(keys[:4] + keys[2:], [0] * 4 + [1] * 4)
        assert set(splits[:4]) == set(splits[4:]) == {"train", "val", "test"}
        assert splits[2:4].tolist() == splits[4:6].tolist()


@pytest.mark.parametrize("size", [1, 2])
def test_a_small_class_is_in_training(size):
    for seed in range(100):
        splits = split_by_content(keys_of(size, seed), [0] * size)
        assert "train" in splits


def test_a_moved_example_is_the_nearest_and_the_only_one():
    # As parts of the range: .30, .50 and .90 are all training (from .30 on).
    keys = [f"{int(part * 16**13):013x}".ljust(32, "0") for part in (0.31, 0.5, 0.9)]
    splits = split_by_content(keys, [0, 0, 0], val=0.15, test=0.15)
    # The test looks first, and .31 lies nearest to it; .5 is next for validation.
    assert splits.tolist() == ["test", "val", "train"]


def test_known_splits_win():
    keys = keys_of(50)
    known = {key: "val" for key in keys[:10]}
    splits = split_by_content(keys, np.zeros(50, int), known=known)
    assert set(splits[:10]) == {"val"}
    free = split_by_content(keys, np.zeros(50, int))
    np.testing.assert_array_equal(splits[10:], free[10:])


def test_a_share_of_zero_leaves_a_split_out():
    splits = split_by_content(keys_of(300), np.arange(300) % 50, test=0.0)
    assert set(splits) == {"train", "val"}
