"""Augmentation: boxes follow the pixels, whatever the seed."""

import cv2
import numpy as np
import pytest
import tensorflow as tf
from helpers.images import noise
from helpers.painted_boxes import found_box, paint, random_box

from amalthea.data.boxes.augment import (
    BoxAugmentation,
    augment_example,
    keep_visible,
    pack_targets,
    random_affine,
    random_flip,
    random_hsv,
    random_iou_crop,
    random_mixup,
    random_mosaic,
    transform_boxes,
    warp_image,
)
from amalthea.data.images.pixels import resized_pixels

SEEDS = [[7, number] for number in range(25)]


def photo(height=40, width=60, channels=3, seed=0):
    image = np.asarray(noise(height, width, seed))
    return np.concatenate([image, image], axis=-1)[..., :channels]


def example(height=40, width=60, seed=0, channels=4):
    rng = np.random.default_rng(seed)
    boxes = [random_box(rng, height, width) for _ in range(2)]
    image, boxes, classes = paint(height, width, boxes, channels)
    image[..., 0][image[..., 1] > 0] = 0  # the second hides the first
    return image, boxes[1:], classes[1:]


def run(function, *arguments, **options):
    """A function of many seeds, traced once."""
    traced = tf.function(lambda seed: function(*arguments, seed, **options))
    return lambda seed: [value.numpy() for value in traced(tf.constant(seed))]


def assert_follow(image, boxes, classes, tolerance, painted=None, turned=False):
    """Asserts that each box is where its channel is white.

    `painted` are the areas of all boxes in the image by class; of those that
    are not among `boxes`, little may be seen. With `turned` a box at the edge may
    be larger, since the corners that determined it are cut off.
    """
    height, width = image.shape[:2]
    for box, channel in zip(boxes, classes, strict=True):
        found = found_box(image, channel)
        assert found is not None
        if turned and np.any((box <= 0) | (box >= [width, height, width, height])):
            assert np.all((found - box) * [1, 1, -1, -1] > -tolerance)
        else:
            np.testing.assert_allclose(box, found, atol=tolerance)
    for channel, area in (painted or {}).items():
        if channel not in classes:
            found = found_box(image, channel)
            if found is not None:
                sides = found[2:] - found[:2]
                assert sides.min() < 3.5 or sides.prod() < 0.15 * area + 4


# Single steps


def test_boxes_are_clipped_and_dropped():
    boxes = tf.constant(
        [
            [2.0, 3, 12, 13],  # inside
            [-10.0, 0, 10, 10],  # half is left
            [-91.0, 0, 9, 10],  # nine hundredths are left
            [-90.0, 0, 10, 10],  # a tenth
            [18.5, 0, 30, 10],  # 1.5 pixels wide
            [25.0, 0, 30, 10],  # outside
            [0.0, 0, 0, 0],  # padding
        ]
    )
    classes = tf.constant([0, 1, 2, 3, 4, 5, -1])
    kept, kinds = keep_visible(boxes, classes, tf.constant([0.0, 0, 20, 15]))
    np.testing.assert_array_equal(kinds, [0, 1, 3])
    np.testing.assert_array_equal(
        kept, [[2, 3, 12, 13], [0, 0, 10, 10], [0, 0, 10, 10]]
    )
    kept, kinds = keep_visible(
        boxes, classes, tf.constant([0.0, 0, 20, 15]), min_side=1, min_area=0.09
    )
    np.testing.assert_array_equal(kinds, [0, 1, 2, 3, 4])


@pytest.mark.parametrize("count", [0, 2, 3, 5])
def test_targets_have_a_static_shape(count):
    sizes = np.array([5, 1, 3, 2, 4], np.float32)[:count, None]
    boxes = np.concatenate([np.zeros((count, 2)), sizes, sizes], 1).astype(np.float32)
    classes = np.arange(count, dtype=np.int32)
    targets = tf.function(pack_targets)(boxes, classes, 3)
    assert targets.shape == (3, 5)
    assert targets.dtype == tf.float32
    kept = [0, 2, 4] if count == 5 else list(range(count))  # the largest
    expected = np.tile(np.float32([0, 0, 0, 0, -1]), (3, 1))
    expected[: len(kept), :4] = boxes[kept]
    expected[: len(kept), 4] = kept
    np.testing.assert_array_equal(targets, expected)


@pytest.mark.parametrize("upright", [True, False])
def test_pixels_are_sampled_between_their_middles(upright):
    image = photo(30, 50)
    matrix = np.array([[1.3, 0, 4.2], [0, 0.8, 3.6], [0, 0, 1]], np.float32)
    if not upright:
        matrix = matrix @ np.float32([[0.9, 0.3, -7], [-0.3, 0.9, 4], [0, 0, 1]])
    ours = warp_image(image, matrix, 32, 48, upright=upright).numpy()
    to_index = np.float32([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    by_index = to_index @ matrix @ np.linalg.inv(to_index)
    theirs = cv2.warpAffine(
        image,
        by_index[:2].astype(np.float64),
        (48, 32),
        borderValue=(114, 114, 114),
    )
    # OpenCV rounds positions to 1/32 of a pixel, and only the border is steep.
    difference = np.abs(ours - theirs)
    assert np.median(difference) < 0.5
    assert np.quantile(difference, 0.99) < 4


def test_both_ways_to_sample_agree():
    image = photo(30, 50)
    matrix = np.array([[-1.3, 0, 54.2], [0, 0.8, 3.6], [0, 0, 1]], np.float32)
    first, second = (
        warp_image(image, matrix, 32, 48, upright=upright) for upright in (True, False)
    )
    np.testing.assert_allclose(first, second, atol=0.02)


@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize("flip", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_a_flip_by_a_matrix_is_exact(flip, upright):
    image = photo(31, 50)
    x, y = flip
    matrix = np.float32([[x, 0, 50 * (x < 0)], [0, y, 31 * (y < 0)], [0, 0, 1]])
    warped = warp_image(image, matrix, 31, 50, upright=upright)
    np.testing.assert_array_equal(np.round(warped), image[::y, ::x])


@pytest.mark.parametrize("factor", [1.0, 1.7, 3.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_boxes_and_pixels_agree_to_a_tenth_of_a_pixel(factor, sign):
    image, boxes, classes = paint(40, 40, [[8, 12, 25, 21]], 2)
    matrix = np.float32(
        [[sign * factor, 0, 84.3 if sign < 0 else 6.4], [0, factor, 3.9], [0, 0, 1]]
    )
    warped = warp_image(image, matrix, 90, 90, upright=True)
    assert_follow(warped, transform_boxes(boxes, matrix), classes, 0.1)


def test_a_turned_box_is_the_box_around_it():
    matrix = np.float32([[0, -2, 30], [2, 0, 1], [0, 0, 1]])  # a quarter, twice as big
    turned = transform_boxes(tf.constant([[1.0, 2, 4, 8]]), matrix)
    np.testing.assert_allclose(turned, [[14, 3, 26, 9]])
    half = np.sqrt(0.5)
    matrix = np.float32([[half, -half, 0], [half, half, 0], [0, 0, 1]])
    turned = transform_boxes(tf.constant([[-1.0, -1, 1, 1]]), matrix)
    np.testing.assert_allclose(turned, [[-np.sqrt(2)] * 2 + [np.sqrt(2)] * 2], 1e-6)


# Boxes follow pixels


@pytest.mark.parametrize("rotation", [0.0, 25.0])
@pytest.mark.parametrize("size", [(40, 60), (60, 37)])
def test_affine(size, rotation):
    image, boxes, classes = example(*size, seed=1)
    function = run(
        random_affine,
        *(image, boxes, classes),
        height=60,
        width=80,
        rotation=rotation,
        translate=0.2,
        flip=0.5,
        flip_vertical=0.5,
    )
    painted = {int(classes[0]): 1.5**2 * np.prod(boxes[0, 2:] - boxes[0, :2])}
    seen = 0
    for seed in SEEDS:
        moved, kept, kinds = function(seed)
        assert moved.shape == (60, 80, 4)
        if rotation:  # the corners of the white region end in a point
            assert_follow(moved, kept, kinds, 1.6, turned=True)
        else:
            assert_follow(moved, kept, kinds, 0.6, painted)
        seen += len(kept)
    assert seen >= 15


@pytest.mark.parametrize("way", ["horizontal", "vertical"])
def test_flip(way):
    image, boxes, classes = example(31, 44)
    boxes = np.concatenate([boxes, np.zeros((1, 4), np.float32)])
    classes = np.append(classes, np.int32(-1))
    options = {"horizontal": 0.0, "vertical": 0.0, way: 0.5}
    function = run(random_flip, image, boxes, classes, **options)
    mirrored = image[:, ::-1] if way == "horizontal" else image[::-1]
    flips = 0
    for seed in SEEDS:
        moved, kept, kinds = function(seed)
        is_flipped = np.any(moved != image)
        np.testing.assert_array_equal(moved, mirrored if is_flipped else image)
        assert_follow(moved, kept[:-1], kinds[:-1], 1e-6)
        np.testing.assert_array_equal(kept[-1], np.zeros(4))
        flips += is_flipped
    assert 5 < flips < 20


def test_mosaic():
    rng = np.random.default_rng(3)
    sizes = [(40, 60), (40, 31), (22, 60), (40, 60)]
    examples, painted = [], {}
    for channel, size in enumerate(sizes):
        boxes = [random_box(rng, *size)]
        examples.append(paint(*size, boxes, 4, channel))
        painted[channel] = np.prod(np.diff(np.reshape(boxes[0], (2, 2)), axis=0))
    function = run(random_mosaic, examples, height=40, width=60)
    points = set()
    for seed in SEEDS:
        canvas, boxes, classes = function(seed)
        assert canvas.shape == (80, 120, 4)
        assert_follow(canvas, boxes, classes, 1e-6, painted)
        points.add(tuple(boxes[classes == 0].flatten()))
    assert len(points) > 15


def test_mosaic_places_the_four_around_one_point():
    images = [np.full((10, 20, 1), value, np.uint8) for value in (1, 2, 3, 4)]
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    canvas, _, _ = random_mosaic(
        [(i, *none) for i in images], [0, 5], height=10, width=20
    )
    canvas = canvas[..., 0].numpy()
    ys, xs = np.nonzero(canvas == 4)
    y, x = ys.min(), xs.min()
    assert 5 <= y < 15
    assert 10 <= x < 30
    expected = np.full((40, 80), 114, np.uint8)  # with a margin, cut off below
    middle = slice(10 + y - 10, 10 + y), slice(20 + x - 20, 20 + x)
    expected[middle] = 1
    expected[10 + y - 10 : 10 + y, 20 + x : 40 + x] = 2
    expected[10 + y : 20 + y, 20 + x - 20 : 20 + x] = 3
    expected[10 + y : 20 + y, 20 + x : 40 + x] = 4
    np.testing.assert_array_equal(canvas, expected[10:30, 20:60])


def test_iou_crop():
    image, boxes, classes = paint(
        40, 60, [[2, 3, 20, 18], [25, 5, 50, 22], [8, 24, 40, 38]], 5
    )
    image[..., 3] = 0
    function = run(random_iou_crop, image, boxes, classes)
    shapes = set()
    for seed in SEEDS:
        cropped, kept, kinds = function(seed)
        assert len(kept)
        assert_follow(cropped, kept, kinds, 1e-6)
        shapes.add(cropped.shape)
    assert len(shapes) > 10
    assert (40, 60, 5) in shapes


@pytest.mark.parametrize("min_iou", [0.3, 0.7])
def test_iou_crop_overlaps_a_box(min_iou):
    rows, columns = np.mgrid[:40, :60]
    image = np.stack([columns, rows], axis=-1).astype(np.uint8)  # says where it was
    boxes = np.float32([[2, 3, 20, 18], [15, 5, 50, 32]])
    classes = np.int32([0, 1])
    function = run(random_iou_crop, image, boxes, classes, min_ious=(min_iou,))
    parts = 0
    for seed in SEEDS:
        cropped, kept, kinds = function(seed)
        (x1, y1), (x2, y2) = cropped[0, 0], cropped[-1, -1].astype(int) + 1
        if (x2 - x1, y2 - y1) == (60, 40):
            continue
        parts += 1
        assert 0.5 <= (x2 - x1) / (y2 - y1) <= 2
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        inside = np.all((centres >= [x1, y1]) & (centres < [x2, y2]), axis=1)
        np.testing.assert_array_equal(kinds, classes[inside])
        ious = []
        for box in boxes[inside]:
            w = min(box[2], x2) - max(box[0], x1)
            h = min(box[3], y2) - max(box[1], y1)
            both = np.prod(box[2:] - box[:2]) + (x2 - x1) * (y2 - y1)
            ious.append(w * h / (both - w * h))
        assert max(ious) >= min_iou - 1e-6
    assert parts > 5


def test_iou_crop_of_an_image_without_boxes():
    image = photo(40, 60)
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    cropped, boxes, classes = random_iou_crop(image, *none, [1, 2], min_ious=(0.5,))
    assert cropped.shape[0] < 40 or cropped.shape[1] < 60
    assert boxes.shape == (0, 4)
    assert classes.shape == (0,)


def test_mixup():
    first, second = (
        paint(20, 30, [[2, 3, 9, 12]], 3),
        paint(20, 30, [[8, 9, 25, 18]], 3),
    )
    second = second[0][..., [1, 0, 2]], second[1], second[2] + 1
    shares = []
    for seed in SEEDS:
        image, boxes, classes = random_mixup(first, second, seed)
        assert image.dtype == tf.uint8
        assert_follow(image, boxes, classes, 1e-6)
        np.testing.assert_array_equal(classes, [0, 1])
        share = image.numpy()[4, 4, 0] / 255
        shares.append(share)
        expected = share * first[0] + (1 - share) * second[0]
        np.testing.assert_allclose(image, expected, atol=1.01)
    # Beta(32, 32) has mean .5 and standard deviation .062.
    assert abs(np.mean(shares) - 0.5) < 0.05
    assert 0.03 < np.std(shares) < 0.1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mosaic": 0.5, "iou_crop": 0.5, "flip_vertical": 0.5},
        {"mosaic": 0.0, "mixup": 0.5},
        {"mixup": 1.0},
        {"rotation": 20.0},
    ],
    ids=["defaults", "halves", "mixup", "mosaic-mixup", "rotation"],
)
def test_everything_together(options):
    augmentation = BoxAugmentation(**{**options, "hsv": (0.0, 0.0, 0.0)})
    rng = np.random.default_rng(5)
    examples = []
    for channel in range(augmentation.images):
        size = [(48, 64), (48, 30), (25, 64)][channel % 3]
        # The first is also mixed with others where there is no mosaic.
        examples.append(paint(*size, [random_box(rng, *size, 12)], 9, channel))

    @tf.function
    def made(seed):
        return augment_example(
            lambda k: examples[k],
            seed,
            height=48,
            width=64,
            augmentation=augmentation,
        )

    seen = set()
    for seed in SEEDS:
        image, boxes, classes = (value.numpy() for value in made(tf.constant(seed)))
        assert image.shape == (48, 64, 9)
        assert image.dtype == np.uint8
        assert np.all(boxes >= 0)
        assert np.all(boxes <= [64, 48, 64, 48])
        turned = augmentation.rotation > 0
        assert_follow(image, boxes, classes, 1.6 if turned else 1.0, turned=turned)
        seen.update(classes)
    assert seen == set(range(augmentation.images))


# What is not to change


def test_nothing_to_do_leaves_every_pixel():
    image, boxes, classes = photo(45, 60), np.float32([[3, 4, 30, 20]]), np.int32([2])
    off = {"scale": 0.0, "translate": 0.0, "height": 45, "width": 60}
    results = [
        random_affine(image, boxes, classes, [1, 2], **off),
        random_affine(image, boxes, classes, [1, 2], **off, fit=False),
        random_flip(image, boxes, classes, [1, 2], horizontal=0.0),
        random_hsv(image, boxes, classes, [1, 2], hue=0, saturation=0, value=0),
        random_iou_crop(image, boxes, classes, [1, 2], min_ious=(None,)),
    ]
    for result in results:
        for value, expected in zip(result, (image, boxes, classes), strict=True):
            np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("size", [(45, 64), (48, 31), (48, 64)])
@pytest.mark.parametrize("rotation", [0.0, 1e-30])
def test_no_augmentation_is_a_letterbox(size, rotation):
    image, boxes = photo(*size), np.float32([[3, 4, 30, 20]])
    none = BoxAugmentation.none()
    object.__setattr__(none, "rotation", rotation)  # takes the other way to sample
    made, moved, _ = augment_example(
        lambda k: (image, boxes, np.int32([2])),
        [1, 2],
        height=48,
        width=64,
        augmentation=none,
    )
    expected = resized_pixels(tf.constant(image), 48, 64, "letterbox", 114)
    np.testing.assert_array_equal(made, expected)
    left, top = (64 - size[1]) // 2, (48 - size[0]) // 2
    np.testing.assert_array_equal(moved, boxes + [left, top, left, top])


def test_the_middle_of_a_mosaic_is_kept():
    canvas = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    image, _, _ = random_affine(
        *(canvas, *none, [3, 4]),
        height=24,
        width=32,
        fit=False,
        scale=0.0,
        translate=0.0,
    )
    np.testing.assert_array_equal(image, canvas[12:36, 16:48])


# Colours


def yiq(image):
    matrix = [
        [0.299, 0.587, 0.114],
        [0.595716, -0.274453, -0.321263],
        [0.211456, -0.522591, 0.311135],
    ]
    return np.asarray(image, np.float64) @ np.transpose(matrix)


def test_hsv_changes_hue_saturation_and_brightness_within_their_limits():
    rng = np.random.default_rng(0)
    image = rng.integers(90, 130, (12, 10, 3), dtype=np.uint8)  # never clipped
    before = yiq(image)
    function = run(
        random_hsv, image, np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    )
    turns, saturations, values = [], [], []
    for seed in SEEDS:
        after = yiq(function(seed)[0])
        values.append(np.median(after[..., 0] / before[..., 0]))
        chroma = before[..., 1] + 1j * before[..., 2]
        change = (after[..., 1] + 1j * after[..., 2]) / chroma
        change = np.average(change, weights=np.abs(chroma)) / values[-1]
        turns.append(np.angle(change) / (2 * np.pi))
        saturations.append(np.abs(change))
        np.testing.assert_allclose(after[..., 0], values[-1] * before[..., 0], atol=0.8)
    for drawn, low, high in (
        (turns, -0.015, 0.015),
        (saturations, 0.3, 1.7),
        (values, 0.6, 1.4),
    ):
        margin = 0.05 * (high - low)
        assert low - margin <= min(drawn) < low + 0.3 * (high - low)
        assert high - 0.3 * (high - low) < max(drawn) <= high + margin


def test_hsv_leaves_grey_grey_and_alpha_alone():
    grey = np.repeat(np.arange(0, 180, 15, dtype=np.uint8)[:, None, None], 3, axis=2)
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    rgba = np.concatenate([grey, np.full_like(grey[..., :1], 77)], axis=-1)
    for seed in SEEDS[:8]:
        pixels = random_hsv(rgba, *none, seed)[0].numpy().astype(int)
        assert np.ptp(pixels[..., :3], axis=-1).max() <= 1
        np.testing.assert_array_equal(pixels[..., 3], 77)
        luma = random_hsv(grey[..., :1], *none, seed)[0].numpy()
        np.testing.assert_allclose(pixels[..., :1], luma, atol=1)


# Seeds and settings


def test_results_are_functions_of_the_seed():
    made = example()
    functions = [
        run(random_affine, *made, height=40, width=60),
        run(random_flip, *made),
        run(random_iou_crop, *made),
        run(random_hsv, made[0][..., :3] // 2 + 60, *made[1:]),
        run(random_mosaic, [made] * 4, height=40, width=60),
        run(random_mixup, made, (255 - made[0], *made[1:])),
    ]
    for function in functions:
        first, *others = [function(seed) for seed in SEEDS[:12]]
        for value, again in zip(first, function(SEEDS[0]), strict=True):
            np.testing.assert_array_equal(value, again)
        assert any(
            first[0].shape != other[0].shape or np.any(first[0] != other[0])
            for other in others
        )


def test_number_of_images():
    counts = [
        BoxAugmentation(mosaic=mosaic, mixup=mixup).images
        for mosaic, mixup in ((0, 0), (1, 0), (0, 0.1), (0.5, 1))
    ]
    assert counts == [1, 4, 2, 8]
    assert BoxAugmentation.none().images == 1


@pytest.mark.parametrize(
    "options",
    [
        {"mosaic": 1.5},
        {"scale": 1.0},
        {"rotation": -1.0},
        {"hsv": (0.1, 0.2)},
        {"hsv": (0.6, 0.2, 0.2)},
        {"flip": float("nan")},
    ],
)
def test_settings_are_checked(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"Invalid value for `{name}`"):
        BoxAugmentation(**options)
