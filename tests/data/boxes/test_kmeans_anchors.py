"""Anchors fitted to the sizes of boxes."""

import itertools

import numpy as np
import pytest
from helpers.box_folders import voc_xml, write_image, write_voc

from amalthea.data.boxes import (
    anchor_recall,
    kmeans_anchors,
    load_boxes,
    mean_best_iou,
    scaled_sizes,
)
from amalthea.data.boxes.augment.affine import fitted_sizes


def best_ious(sizes, anchors):
    """By counting the area of two boxes laid over each other, one by one."""
    best = []
    for width, height in sizes:
        ious = []
        for other_width, other_height in anchors:
            x1, x2 = max(-width / 2, -other_width / 2), min(width / 2, other_width / 2)
            y1 = max(-height / 2, -other_height / 2)
            y2 = min(height / 2, other_height / 2)
            shared = (x2 - x1) * (y2 - y1)
            union = width * height + other_width * other_height - shared
            ious.append(shared / union)
        best.append(max(ious))
    return np.array(best)


@pytest.fixture(scope="module")
def sizes():
    rng = np.random.default_rng(0)
    return np.exp(rng.normal([3, 3.5], 0.7, (60, 2)))


def test_figures_are_those_of_counting_areas(sizes):
    anchors = sizes[:4] * 1.1
    expected = best_ious(sizes, anchors)
    assert mean_best_iou(sizes, anchors) == pytest.approx(expected.mean())
    for iou in (0.3, 0.5, 0.8):
        assert anchor_recall(sizes, anchors, iou) == (expected >= iou).mean()
    assert anchor_recall(sizes, sizes) == 1
    assert anchor_recall(np.zeros((0, 2)), anchors) == 0


def test_known_clusters_are_found():
    centres = np.array([[10, 12], [30, 60], [80, 25], [120, 140]], float)
    rng = np.random.default_rng(1)
    sizes = np.concatenate(
        [centre * rng.normal(1, 0.02, (50, 2)) for centre in centres]
    )
    anchors = kmeans_anchors(rng.permutation(sizes), 4, seed=3)
    assert anchors.dtype == np.float32
    # By ascending area: 120, 1800, 2000, 16800.
    np.testing.assert_allclose(anchors, centres, rtol=0.02)
    assert anchor_recall(sizes, anchors, 0.9) == 1


def test_no_two_boxes_are_better_anchors(sizes):
    anchors = kmeans_anchors(sizes, 2)
    brute = max(
        mean_best_iou(sizes, np.stack(pair))
        for pair in itertools.combinations(sizes, 2)
    )
    assert mean_best_iou(sizes, anchors) >= brute - 1e-6


def test_refinement_never_loses(sizes):
    for count in (1, 3, 9):
        plain = mean_best_iou(sizes, kmeans_anchors(sizes, count, generations=0))
        refined = mean_best_iou(sizes, kmeans_anchors(sizes, count))
        assert refined >= plain - 1e-6
    assert refined > 0.7


def test_the_same_seed_gives_the_same_anchors(sizes):
    first, again = (kmeans_anchors(sizes, 3, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    areas = first.prod(axis=1)
    assert (np.diff(areas) >= 0).all()


def test_fewer_different_boxes_than_anchors():
    anchors = kmeans_anchors([[10, 20]] * 5 + [[30, 30]], 4)
    assert anchors.shape == (4, 2)
    assert mean_best_iou([[10, 20], [30, 30]], anchors) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        (np.zeros((0, 2)), 1),
        ([[1, 2, 3]], 1),
        ([[1, 0]], 1),
        ([[1, np.nan]], 1),
        ([[1, 1]], 0),
    ],
)
def test_wrong_arguments(sizes, count):
    with pytest.raises(ValueError, match="Invalid value for `(sizes|count)`"):
        kmeans_anchors(sizes, count)


def test_sizes_in_the_input(tmp_path):
    images = {
        "a": [("ant", 1, 1, 20, 10), ("ant", 5, 5, 9, 9, True)],
        "b": [],
        "c": [("ant", 1, 1, 33, 7)],
    }
    root = write_voc(tmp_path / "set", images)
    write_image(root / "JPEGImages" / "c.jpg", 37, 501)
    (root / "Annotations" / "c.xml").write_text(voc_xml(images["c"], 37, 501))
    table = load_boxes(root)
    fitted = fitted_sizes(table.sizes, 96, 160).numpy() / table.sizes
    expected = [
        (boxes[:1, 2:] - boxes[:1, :2]) * factors[::-1]
        for boxes, factors in zip(table.boxes, fitted, strict=True)
    ]
    np.testing.assert_allclose(
        scaled_sizes(table, 96, 160), np.concatenate(expected), rtol=1e-6
    )
    table.crowd[0][:] = True
    assert len(scaled_sizes(table, 96, 160)) == 1
    assert scaled_sizes(table.take([1]), 96, 160).shape == (0, 2)


def test_bccd(real_data):
    table = load_boxes(real_data / "detection" / "BCCD").select("train")
    sizes = scaled_sizes(table, 416, 416)
    # 640 x 480 pixels become 416 x 312: all is scaled by .65.
    boxes = np.concatenate(table.boxes)
    np.testing.assert_allclose(sizes, (boxes[:, 2:] - boxes[:, :2]) * 0.65, rtol=1e-5)
    anchors = kmeans_anchors(sizes, 9)
    assert best_ious(sizes[:200], anchors).mean() == pytest.approx(
        mean_best_iou(sizes[:200], anchors)
    )
    assert mean_best_iou(sizes, anchors) > 0.88
    assert anchor_recall(sizes, anchors) > 0.995
