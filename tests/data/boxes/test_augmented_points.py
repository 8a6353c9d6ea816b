"""Points of boxes follow the pixels, whatever the seed, and know when they are lost."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers.images import encode

from amalthea.data.boxes import load_boxes
from amalthea.data.boxes.augment import (
    BoxAugmentation,
    augment_example,
    keep_visible,
    pack_targets,
    random_flip,
    transform_boxes,
)
from amalthea.data.boxes.digits_on_photos import POINT_NAMES
from amalthea.data.boxes.loader import BoxLoader
from amalthea.data.boxes.table import BoxTable

SEEDS = [[3, number] for number in range(20)]
REACH = 2  # a point is painted so many pixels to each side
MARGIN = 8  # nearer to the edge a part of what is painted may be cut off


def scene(size, box, points, channels=6, first=0):
    """An image with a white spot for each point, in channels of their own."""
    image = np.zeros((*size, channels), np.uint8)
    rows = []
    for channel, (x, y, visibility) in enumerate(points, first):
        if visibility:
            image[y - REACH : y + REACH + 1, x - REACH : x + REACH + 1, channel] = 255
            rows += [x + 0.5, y + 0.5, visibility]
        else:
            rows += [0, 0, 0]
    return image, np.float32([[*box, *rows]]), np.int32([first])


def spot(image, channel):
    """The middle of what is bright in a channel, or `None`."""
    score = image[..., channel].astype(float) - image.min(axis=-1)  # the fill is grey
    if score.max() < 60:
        return None
    ys, xs = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    return np.array([(xs * score).sum(), (ys * score).sum()]) / score.sum()


def assert_points_follow(image, boxes, channels, tolerance=0.5, cut=False):
    """Asserts that points are where their spots are; returns how many were.

    With `cut` an image's edge may lie anywhere, and a point beyond it is not seen.
    """
    height, width = image.shape[:2]
    found = 0
    for row, first in zip(boxes, channels, strict=True):
        for number, (x, y, visibility) in enumerate(row[4:].reshape(-1, 3)):
            if not visibility:
                assert (x, y) == (0, 0)
                place = spot(image, first + number)
                if place is not None and not cut:  # at most its rim is left
                    near = min(*place, width - place[0], height - place[1])
                    assert near < MARGIN
                continue
            assert 0 <= x <= width and 0 <= y <= height
            if min(x, y, width - x, height - y) > MARGIN:
                place = spot(image, first + number)
                np.testing.assert_allclose((x, y), place, atol=tolerance)
                found += 1
    return found


POINTS = [[15, 12, 2], [50, 14, 1], [28, 38, 2]]
BOX = [10, 8, 56, 44]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mosaic": 0.0},
        {"mosaic": 0.0, "rotation": 30.0},
        {"mosaic": 0.0, "iou_crop": 1.0},
        {"mosaic": 0.5, "mixup": 0.5, "flip_vertical": 0.5},
    ],
    ids=["mosaic", "plain", "rotation", "crop", "everything"],
)
def test_points_follow_pixels(options):
    augmentation = BoxAugmentation(**{**options, "hsv": (0.0, 0.0, 0.0)})
    sizes = [(48, 64), (60, 64), (48, 60)]
    count = augmentation.images
    cut = augmentation.mosaic > 0 or augmentation.iou_crop > 0
    examples = [
        scene(sizes[k % 3], BOX, POINTS, 3 * count + 1, 3 * k) for k in range(count)
    ]

    @tf.function
    def made(seed):
        return augment_example(
            lambda k: examples[k],
            seed,
            height=64,
            width=72,
            augmentation=augmentation,
        )

    found = kept = 0
    for seed in SEEDS:
        image, boxes, classes = (value.numpy() for value in made(tf.constant(seed)))
        assert boxes.shape[1] == 4 + 9
        # Blending halves the spots, and where it is bright may also be another's fill.
        if not augmentation.mixup:
            found += assert_points_follow(image, boxes, classes, 0.7, cut)
        kept += (boxes[:, 6::3] > 0).sum()
    assert kept > 20
    assert found > 15 or augmentation.mixup


@pytest.mark.parametrize("way", ["horizontal", "vertical"])
def test_a_flip_mirrors_points(way):
    image, boxes, classes = scene((48, 64), BOX, [*POINTS[:2], [30, 30, 0]])
    padding = np.zeros((1, 13), np.float32)
    options = {"horizontal": 0.0, "vertical": 0.0, way: 1.0}
    moved, kept, kinds = random_flip(
        image,
        np.concatenate([boxes, padding]),
        np.append(classes, np.int32(-1)),
        [1, 2],
        **options,
    )
    assert assert_points_follow(moved.numpy(), kept.numpy()[:1], kinds[:1], 1e-3) == 2
    np.testing.assert_array_equal(kept[1], padding[0])


def test_a_point_is_moved_by_the_matrix_and_an_unknown_one_is_not():
    matrix = np.float32([[0, -2, 30], [3, 0, 1], [0, 0, 1]])
    boxes = tf.constant([[1.0, 2, 4, 8, 2, 3, 2, 0, 0, 0, 4, 8, 1]])
    moved = transform_boxes(boxes, matrix)
    np.testing.assert_allclose(
        moved, [[14, 4, 26, 13, 24, 7, 2, 0, 0, 0, 14, 13, 1]], atol=1e-5
    )
    none = transform_boxes(tf.zeros([0, 13]), matrix)
    assert none.shape == (0, 13)


def test_a_point_that_leaves_the_region_is_not_known_any_more():
    boxes = tf.constant(
        [
            # On the edge, left of it, below it; the box is clipped.
            [-4.0, 2, 8, 12, 0, 10, 2, -0.5, 5, 2, 4, 10.5, 1],
            [30, 2, 38, 12, 32, 4, 2, 33, 5, 2, 34, 6, 2],  # dropped
        ]
    )
    region = tf.constant([0.0, 0, 20, 10])
    kept, classes = keep_visible(boxes, tf.constant([3, 4]), region)
    np.testing.assert_array_equal(classes, [3])
    np.testing.assert_array_equal(kept, [[0, 2, 8, 10, 0, 10, 2, *[0] * 6]])


def test_targets_have_the_points_after_the_class():
    boxes = np.float32([[0, 0, 2, 2, 1, 1, 2], [0, 0, 5, 5, 3, 4, 1]])
    classes = np.int32([6, 7])
    targets = tf.function(pack_targets)(boxes, classes, 3)
    assert targets.shape == (3, 8)
    np.testing.assert_array_equal(
        targets,
        [
            [0, 0, 2, 2, 6, 1, 1, 2],
            [0, 0, 5, 5, 7, 3, 4, 1],
            [0, 0, 0, 0, -1, 0, 0, 0],
        ],
    )
    np.testing.assert_array_equal(pack_targets(boxes, classes, 1), targets[1:2])


def make_table(scenes, **storage):
    count = len(scenes)
    images = [image for image, _, _ in scenes]
    no = [np.zeros(len(boxes), bool) for _, boxes, _ in scenes]
    return BoxTable(
        source="test",
        description="",
        splits=np.array(["train"] * count),
        keys=np.arange(count).astype(str),
        names=[f"{number}.png" for number in range(count)],
        class_names=("a",),
        boxes=[boxes[:, :4] for _, boxes, _ in scenes],
        classes=[np.zeros(len(boxes), np.int32) for _, boxes, _ in scenes],
        points=[boxes[:, 4:].reshape(-1, 3, 3) for _, boxes, _ in scenes],
        point_names=("p", "q", "r"),
        crowd=no,
        difficult=no,
        sizes=np.array([image.shape[:2] for image in images], np.int32),
        encoded=[encode(image) for image in images],
        **storage,
    )


@pytest.fixture(scope="module")
def table():
    """Spots in images of several sizes; one has no box, one an unknown point."""
    few = [POINTS[0], [30, 20, 0], POINTS[2]]
    scenes = [
        scene((48, 64), BOX, POINTS, 3),
        scene((90, 70), BOX, few, 3),
        scene((52, 100), BOX, POINTS, 3),
    ]
    empty = np.zeros((50, 50, 3), np.uint8), np.zeros((0, 13)), np.zeros(0)
    return make_table([*scenes, empty])


FRAME = {"height": 64, "width": 72, "batch_size": 4}
MOVED = BoxAugmentation(mosaic=0, scale=0.2, flip=0, rotation=20, hsv=(0, 0, 0))


@pytest.fixture(scope="module")
def plain_loader(table):
    """A loader with points and without augmentation."""
    return BoxLoader(table, **FRAME, points=True)


@pytest.fixture(scope="module")
def plain_targets(plain_loader):
    return next(plain_loader.ordered().as_numpy_iterator())[1]


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_the_loader_s_points_lie_on_their_spots(table, cache):
    loader = BoxLoader(table, **FRAME, cache=cache, points=True, augmentation=MOVED)
    ((images, targets),) = loader.ordered()
    assert targets.shape == (4, 1, 14)
    batches = [(images.numpy(), targets.numpy())]
    batches += [next(loader.epoch(n).as_numpy_iterator()) for n in range(3)]
    found = 0
    for images, targets in batches:
        for image, rows in zip(images, targets, strict=True):
            rows = rows[rows[:, 4] == 0]
            boxes = np.concatenate([rows[:, :4], rows[:, 5:]], axis=1)
            found += assert_points_follow(image, boxes, [0] * len(boxes), 0.8)
    assert found > 20
    labelled = np.sort((batches[0][1][:, 0, 7::3] > 0).sum(axis=1))
    np.testing.assert_array_equal(labelled, [0, 2, 3, 3])


def test_places_of_unknown_points_are_zeros(table, plain_targets):
    points = [part + [0, 0, 0] for part in table.points]
    points[1][0, 1, :2] = [7, 9]  # as some tools write them
    other = dataclasses.replace(table, points=points)
    loader = BoxLoader(other, **FRAME, points=True)
    targets = next(loader.ordered().as_numpy_iterator())[1]
    np.testing.assert_array_equal(targets, plain_targets)


def test_without_points_the_targets_are_boxes_alone(table, plain_targets):
    loader = BoxLoader(table, **FRAME)
    targets = next(loader.ordered().as_numpy_iterator())[1]
    assert targets.shape == (4, 1, 5)
    np.testing.assert_array_equal(targets, plain_targets[..., :5])


def test_points_are_never_mirrored_and_must_be_there(table, plain_loader):
    for way in ("flip", "flip_vertical"):
        with pytest.raises(ValueError, match="expected no flips for points"):
            plain_loader.epoch(0, dataclasses.replace(MOVED, **{way: 0.5}))
    BoxLoader(table, **FRAME).epoch(0, dataclasses.replace(MOVED, flip=0.5))
    with pytest.raises(ValueError, match="Invalid value for `points`"):
        BoxLoader(dataclasses.replace(table, points=None), **FRAME, points=True)


def test_the_centre_of_a_digit_stays_the_middle_of_its_corners():
    table = load_boxes("digit-on-photo").take(range(60))
    assert table.point_names == POINT_NAMES
    loader = BoxLoader(
        table, height=96, width=96, batch_size=60, points=True, augmentation=MOVED
    )
    targets = next(loader.epoch(0).as_numpy_iterator())[1][:, 0]
    points = targets[:, 5:].reshape(-1, 5, 3)
    whole = points[(points[..., 2] > 0).all(axis=1), :, :2]
    assert len(whole) > 20
    np.testing.assert_allclose(whole[:, :4].mean(axis=1), whole[:, 4], atol=0.05)
