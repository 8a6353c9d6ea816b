"""The embedded sets: digits on photographs, with exact boxes."""

import hashlib

import numpy as np
import pytest
from helpers.box_folders import check_table
from helpers.images import pixels
from scipy import ndimage

from amalthea.data.boxes import load_boxes
from amalthea.data.boxes.digits_on_photos import COUNTS, PastedDigits, _glyphs
from amalthea.data.boxes.glyphs import VISIBLE, Glyph, corners

FLAT = np.full((2, 427, 640, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def table():
    return load_boxes("digits-on-photos")


@pytest.fixture(scope="module")
def single():
    return load_boxes("digit-on-photo")


def test_what_the_set_holds(table):
    check_table(table)
    assert {split: len(table.select(split)) for split in COUNTS} == COUNTS
    assert len(set(table.keys)) == len(table) == 2600
    assert table.class_names == tuple("0123456789")
    assert table.class_counts().min() > 700
    assert table.sizes.min() >= 96 and table.sizes.max() <= 224
    counts = np.bincount([len(boxes) for boxes in table.boxes])
    assert len(counts) == 9 and counts.min() > 50
    assert table.problems == () and table.points is None
    for boxes in table.boxes:
        low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
        high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=2)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        np.fill_diagonal(shared, 0)
        assert (shared <= 0.1 * np.minimum(areas[:, None], areas[None])).all()


def test_images_have_their_sizes_and_are_always_the_same(table):
    for row in (0, 1, 2000, 2599):
        contents = table.encoded[row]
        image = pixels(contents)
        assert image.shape == (*table.sizes[row], 3)
        assert len(np.unique(image)) > 20
        np.testing.assert_array_equal(image, PastedDigits("digits-on-photos").draw(row))


def test_every_machine_draws_the_same(table, single):
    # Recorded once. If it changes, figures on these sets no longer compare.
    photos = np.arange(2 * 427 * 640 * 3) % 251
    photos = photos.astype(np.uint8).reshape(2, 427, 640, 3)
    digest = hashlib.sha256()
    for each in (table, single):
        digest.update(np.concatenate(each.boxes).astype("<f4").tobytes())
        digest.update(each.sizes.astype("<i4").tobytes())
    scenes = PastedDigits("digits-on-photos", photos=photos)
    for row in (0, 2000, 2300):
        digest.update(scenes.draw(row).tobytes())
    assert digest.hexdigest()[:16] == "281be68657d21c84"


def test_boxes_are_tight_around_the_pixels_that_change(table):
    """On a flat ground, what differs from it is the digit."""
    scenes = PastedDigits("digits-on-photos", photos=FLAT)
    rows = [row for row in range(2600) if len(table.boxes[row]) == 1][:25]
    for row in rows:
        image = scenes.draw(row).astype(int)
        (x1, y1, x2, y2), *_ = table.boxes[row].astype(int)
        # The ground is of one colour, which the corner farthest away has.
        height, width = image.shape[:2]
        ground = image[0 if y1 + y2 > height else -1, 0 if x1 + x2 > width else -1]
        change = np.abs(image - ground).max(axis=2)
        # The strokes cover wholly somewhere, so the change there is that of 100 %.
        assert change.max() >= 60
        coverage, slack = change / change.max(), 1.5 / change.max()
        inside = coverage[y1:y2, x1:x2].copy()
        for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
            assert edge.max() >= VISIBLE - slack
        coverage[y1:y2, x1:x2] = 0
        assert coverage.max() <= VISIBLE + slack


def test_digits_can_be_seen_on_photographs(table):
    scenes = PastedDigits("digits-on-photos")
    seen = []
    for row in range(30):
        if len(table.boxes[row]) == 0:
            continue
        image = scenes.draw(row).astype(float) @ [0.299, 0.587, 0.114]
        for x1, y1, x2, y2 in table.boxes[row].astype(int):
            patch = image[y1:y2, x1:x2]
            seen.append(np.percentile(patch, 95) - np.percentile(patch, 5))
    assert len(seen) > 60
    assert np.median(seen) > 60 and np.min(seen) > 25


def test_splits_share_no_digits_and_no_parts_of_photographs():
    numbers = _glyphs().numbers
    digits = {
        split: {_glyphs().drawn[number]._coverage.tobytes() for number in members}
        for split, members in numbers.items()
    }
    assert not digits["train"] & digits["val"]
    assert not (digits["train"] | digits["val"]) & digits["test"]
    assert sum(map(len, numbers.values())) == 1797
    assert all(
        set(_glyphs().labels[members]) == set(range(10)) for members in numbers.values()
    )
    # Each third of the columns in its own colour: images of a split have only theirs.
    photos = np.zeros((2, 427, 640, 3), np.uint8)
    for colour, (low, high) in enumerate(((0, 352), (352, 496), (496, 640))):
        photos[:, :, low:high, colour] = 200
    scenes = PastedDigits("digits-on-photos", photos=photos)
    empty = [row for row in range(2600) if not scenes.truth(row)[0]]
    for split, colour in (("train", 0), ("val", 1), ("test", 2)):
        rows = [row for row in empty if scenes.place(row)[0] == split][:5]
        for row in rows:
            image = scenes.draw(row)
            assert (image[..., colour] > 100).all()
            others = np.delete(image, colour, axis=2)
            assert others.max() <= 20  # the random shift of the brightness


def test_one_digit_with_points(single):
    check_table(single)
    assert single.point_names == (
        *("top left", "top right", "bottom right", "bottom left", "centre"),
    )
    counts = np.array([len(boxes) for boxes in single.boxes])
    assert set(counts) == {0, 1}
    assert 0.07 < (counts == 0).mean() < 0.13
    points = np.concatenate(single.points)
    boxes = np.concatenate(single.boxes)
    sizes = single.sizes[counts == 1]
    seen = points[..., 2] == 2
    assert set(np.unique(points[..., 2])) == {0, 2}
    assert 0.8 < seen.mean() < 1
    assert (points[~seen] == 0).all()
    inside = (points[..., :2] >= 0) & (points[..., :2] <= sizes[:, None, ::-1])
    assert inside.all()
    whole = points[seen.all(axis=1)]
    places = whole[..., :2]
    top, bottom = places[:, 1] - places[:, 0], places[:, 2] - places[:, 3]
    np.testing.assert_allclose(top, bottom, atol=1e-3)
    side = places[:, 3] - places[:, 0]
    # Down is a quarter turn clockwise from right, and as long.
    np.testing.assert_allclose(side, np.stack([-top[:, 1], top[:, 0]], 1), atol=1e-3)
    np.testing.assert_allclose(places[:, :4].mean(axis=1), places[:, 4], atol=1e-3)
    angles = np.degrees(np.arctan2(top[:, 1], top[:, 0]))
    assert np.abs(angles).max() <= 45 and angles.std() > 20
    # The digit lies between its corners, but for the soft rim of its strokes.
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    lengths = np.linalg.norm(top, axis=1)
    away = np.linalg.norm(centres[seen.all(axis=1)] - places[:, 4], axis=1)
    assert (away < 0.45 * lengths).all()


def test_a_stamp_is_the_turned_and_scaled_glyph():
    """Against `scipy.ndimage`, which turns and scales in its own way."""
    rng = np.random.default_rng(0)
    ink = ndimage.gaussian_filter(rng.uniform(0, 1, (8, 8)), 0.8)
    glyph = Glyph(ink / ink.max())
    fine = glyph._coverage.reshape(80, 80).astype(float)
    side, angle, offset = 37.0, 28.0, (3.25, -1.5)
    coverage, left, top = glyph.stamp(side, angle, offset)
    turn = np.radians(angle)
    scale = 64 / side
    # Rows and columns, from pixels back to samples.
    matrix = scale * np.array(
        [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    )
    start = np.array([top + 0.5 - offset[1], left + 0.5 - offset[0]])
    expected = ndimage.affine_transform(
        fine, matrix, matrix @ start + 39.5, coverage.shape, order=1
    )
    np.testing.assert_allclose(coverage, expected, atol=1e-5)
    # Nothing is cut off: the rim is empty.
    assert coverage[[0, -1]].max() == coverage[:, [0, -1]].max() == 0
    assert coverage.max() > 0.9


def test_corners_follow_the_angle():
    np.testing.assert_allclose(
        corners(10, 90), [[5, -5], [5, 5], [-5, 5], [-5, -5]], atol=1e-6
    )
