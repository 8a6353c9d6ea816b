"""The loader of images with boxes: contents, order, caches, bad images."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers.images import encode, noise
from helpers.painted_boxes import found_box, paint, random_box

from amalthea.data.boxes.augment import BoxAugmentation
from amalthea.data.boxes.loader import BoxLoader
from amalthea.data.boxes.table import BoxTable
from amalthea.data.images.decode import decode_image
from amalthea.data.images.pixels import resized_pixels
from amalthea.errors import UserError
from amalthea.layers.boxes import letterbox_boxes

FRAME = {"height": 24, "width": 32}
SIZES = [(30, 60), (48, 64), (70, 20), (24, 32), (9, 11), (33, 100)]
MOSAIC = BoxAugmentation()


def make_table(images, boxes, classes=None, **storage):
    count = len(images)
    if classes is None:
        classes = [np.arange(len(rows), dtype=np.int32) for rows in boxes]
    no = [np.zeros(len(rows), bool) for rows in boxes]
    columns = {
        "crowd": no,
        "difficult": no,
        "sizes": np.array([np.shape(image)[:2] for image in images], np.int32),
        **(storage or {"encoded": [encode(image) for image in images]}),
    }
    return BoxTable(
        source="test",
        description="",
        splits=np.array(["train"] * count),
        keys=np.arange(count).astype(str),
        names=[f"{number}.png" for number in range(count)],
        class_names=("a", "b", "c", "d"),
        boxes=[np.array(rows, np.float32).reshape(-1, 4) for rows in boxes],
        classes=classes,
        **columns,
    )


@pytest.fixture(scope="module")
def table():
    """Photos of several sizes with 0, 1, 2, 3, 0, 1 ... boxes."""
    rng = np.random.default_rng(0)
    sizes = SIZES * 2
    images = [np.asarray(noise(*size, seed)) for seed, size in enumerate(sizes)]
    boxes = [
        [random_box(rng, *size) for _ in range(number % 4)]
        for number, size in enumerate(sizes)
    ]
    return make_table(images, boxes)


@pytest.fixture(scope="module")
def mosaic_loader(table):
    """A loader whose graph is traced once for several tests."""
    options = {"batch_size": 5, "seed": 1, "augmentation": MOSAIC}
    return BoxLoader(table, **FRAME, cache="memory", **options)


def collect(dataset):
    batches = [(images.numpy(), targets.numpy()) for images, targets in dataset]
    return tuple(np.concatenate(column) for column in zip(*batches, strict=True))


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_images_and_boxes_are_letterboxed_as_in_serving(table, cache):
    loader = BoxLoader(table, **FRAME, batch_size=5, cache=cache)
    assert loader.cached == (cache == "memory")
    images, targets = collect(loader.ordered())
    assert images.dtype == np.uint8
    assert targets.dtype == np.float32
    assert loader.max_boxes == 3
    for row, contents in enumerate(table.contents()):
        decoded = decode_image(tf.constant(contents), 3)
        expected = resized_pixels(decoded, 24, 32, "letterbox", 114)
        np.testing.assert_array_equal(images[row], expected)
        count = len(table.boxes[row])
        boxes = letterbox_boxes(table.boxes[row], table.sizes[row], 24, 32)
        np.testing.assert_allclose(targets[row, :count, :4], boxes, atol=1e-4)
        np.testing.assert_array_equal(targets[row, :count, 4], table.classes[row])
        empty = np.tile([0, 0, 0, 0, -1], (3 - count, 1))
        np.testing.assert_array_equal(targets[row, count:], empty)


@pytest.mark.parametrize(
    "augmentation",
    [None, BoxAugmentation(mosaic=0.5, mixup=0.5, iou_crop=0.5)],
    ids=["none", "everything"],
)
def test_caches_give_the_same_batches(table, augmentation):
    loaders = [
        BoxLoader(
            table,
            **FRAME,
            batch_size=6,
            cache=cache,
            seed=3,
            augmentation=augmentation,
        )
        for cache in ("auto", "none")
    ]
    assert [loader.cached for loader in loaders] == [True, False]
    assert_same(*(collect(loader.epoch(1)) for loader in loaders))


def test_epochs_are_functions_of_seed_and_number(table, mosaic_loader):
    def loader(seed):
        options = {"seed": seed, "batch_size": 12, "augmentation": MOSAIC}
        return BoxLoader(table, **FRAME, cache="memory", **options)

    first, same, other = mosaic_loader, loader(1), loader(2)
    epoch = collect(first.epoch(5))
    assert_same(epoch, collect(same.epoch(5)))  # as after an interruption
    assert_same(epoch, collect(first.epoch(5)))
    for different in (same.epoch(6), other.epoch(5)):
        assert np.any(epoch[0] != collect(different)[0])


def test_an_epoch_shuffles_the_images(table):
    loader = BoxLoader(table, **FRAME, batch_size=4, seed=1)
    ordered, first, second = (
        collect(d)[0] for d in (loader.ordered(), loader.epoch(0), loader.epoch(1))
    )
    assert np.any(first != second)
    for epoch in (first, second):
        assert sorted(map(bytes, epoch)) == sorted(map(bytes, ordered))


def test_examples_of_an_epoch_differ():
    image = np.asarray(noise(24, 32))
    table = make_table([image] * 6, [[[4, 5, 20, 19]]] * 6)
    moved = dataclasses.replace(MOSAIC, mosaic=0.0)
    loader = BoxLoader(table, **FRAME, batch_size=6, augmentation=moved)
    images, _ = collect(loader.epoch(0))
    assert len(set(map(bytes, images))) == 6


def test_an_epoch_can_have_its_own_augmentation(table, mosaic_loader):
    plain = BoxLoader(table, **FRAME, batch_size=4, seed=1)
    images, targets = collect(mosaic_loader.epoch(2, BoxAugmentation.none()))
    expected, _ = collect(plain.epoch(2))
    np.testing.assert_array_equal(images, expected)
    assert targets.shape == (12, 4 * 3 - 1, 5)  # 3 + 3 + 3 + 2: the largest four
    assert plain.max_boxes == 3


@pytest.mark.parametrize(("frame", "cache"), [((40, 40), "memory"), ((32, 64), "none")])
def test_boxes_follow_pixels(cache, frame):
    rng = np.random.default_rng(2)
    height, width = frame
    painted = [
        paint(*size, [random_box(rng, *size, 14)], 3, number % 3)
        for number, size in enumerate([(80, 60), (40, 90), (64, 64), (50, 50)] * 2)
    ]
    images, boxes, classes = zip(*painted, strict=True)
    table = make_table(images, boxes, list(classes))
    augmentation = dataclasses.replace(MOSAIC, mosaic=0.0, hsv=(0, 0, 0))
    loader = BoxLoader(
        table,
        height=height,
        width=width,
        batch_size=3,
        cache=cache,
        augmentation=augmentation,
    )
    seen = 0
    for epoch in range(2):
        for image, targets in zip(*collect(loader.epoch(epoch)), strict=True):
            for *box, kind in targets[targets[:, 4] >= 0]:
                found = found_box(image, int(kind))
                np.testing.assert_allclose(box, found, atol=1.0)
                seen += 1
    assert seen >= 10


def test_crowds_and_difficult_boxes_are_no_targets():
    box = [[2, 2, 20, 20], [3, 4, 9, 10], [5, 6, 30, 22]]
    table = make_table([np.asarray(noise(24, 32))] * 2, [box, box])
    table = dataclasses.replace(
        table,
        crowd=[np.array([True, False, False]), np.zeros(3, bool)],
        difficult=[np.array([False, False, True]), np.zeros(3, bool)],
    )
    _, targets = collect(BoxLoader(table, **FRAME, batch_size=2).ordered())
    expected = [[[3, 4, 9, 10, 1]], [[*box[k], k] for k in range(3)]]
    for row in range(2):
        np.testing.assert_array_equal(targets[row, : len(expected[row])], expected[row])
    np.testing.assert_array_equal(targets[0, 1:, 4], -1)


@pytest.mark.parametrize("augmentation", [None, MOSAIC], ids=["none", "mosaic"])
def test_images_without_any_box(augmentation):
    table = make_table([np.asarray(noise(24, 32))] * 2, [[], []])
    loader = BoxLoader(table, **FRAME, batch_size=2, augmentation=augmentation)
    _, targets = collect(loader.epoch(0))
    np.testing.assert_array_equal(targets, [[[0, 0, 0, 0, -1]]] * 2)


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_unreadable_images_are_left_out_and_named(table, cache):
    encoded = list(table.encoded)
    encoded[3] = b"a text file"
    encoded[7] = encoded[7][:60]
    seen = []
    loader = BoxLoader(
        dataclasses.replace(table, encoded=encoded),
        **FRAME,
        batch_size=4,
        cache=cache,
        augmentation=MOSAIC,
        progress=lambda done, total: seen.append((done, total)),
    )
    reasons = dict(loader.unreadable)
    assert list(reasons) == ["3.png", "7.png"]
    assert reasons["3.png"].startswith("not an image")
    assert seen[-1] == (10, 12)
    kept = np.delete(np.arange(12), [3, 7])
    np.testing.assert_array_equal(loader.rows, kept)
    whole = BoxLoader(table.take(kept), **FRAME, batch_size=4, cache=cache)
    images, targets = collect(loader.ordered())
    expected_images, expected_targets = collect(whole.ordered())
    np.testing.assert_array_equal(images, expected_images)
    np.testing.assert_array_equal(targets[:, :2], expected_targets[:, :2])
    assert len(collect(loader.epoch(0))[0]) == 10


def test_nothing_readable_ends_in_one_line(table):
    broken = dataclasses.replace(table, encoded=[b"text"] * len(table))
    with pytest.raises(UserError, match=r"0\.png: not an image") as caught:
        BoxLoader(broken, **FRAME, batch_size=1)
    assert "\n" not in str(caught.value)


def assert_steps(loader, sizes):
    dataset = loader.epoch(0)
    assert [len(targets) for _, targets in dataset] == sizes
    assert loader.steps_per_epoch == len(sizes)
    images, targets = dataset.element_spec
    assert images.shape[1:] == (24, 32, 3)
    assert targets.shape[1:] == (loader.max_boxes, 5)


def test_steps(table, mosaic_loader):
    assert_steps(mosaic_loader, [5, 5, 2])
    whole = BoxLoader(table, **FRAME, batch_size=5, drop_remainder=True)
    assert_steps(whole, [5, 5])


def test_pixels_of_the_right_size_are_taken_as_they_are():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 24, 32, 1), np.uint8)
    table = make_table(pixels, [[[1, 2, 9, 8]]] * 5, pixels=pixels)
    loader = BoxLoader(table, **FRAME, channels=1, batch_size=5, cache="none")
    images, targets = collect(loader.ordered())
    np.testing.assert_array_equal(images, pixels)
    np.testing.assert_array_equal(targets, [[[1, 2, 9, 8, 0]]] * 5)


def test_fewer_images_than_a_mosaic_has():
    image = np.asarray(noise(24, 32))
    boxes = [[1, 2, 20, 18], [9, 8, 30, 23]]
    loader = BoxLoader(
        make_table([image] * 2, [boxes, boxes[:1]]),
        **FRAME,
        batch_size=9,
        augmentation=MOSAIC,
    )
    assert loader.max_boxes == 8  # all four can be the first
    images, _ = collect(loader.epoch(0))
    assert len(images) == 2


def test_cache_is_checked(table):
    with pytest.raises(ValueError, match="Invalid value for `cache`"):
        BoxLoader(table, **FRAME, batch_size=1, cache="disk")
