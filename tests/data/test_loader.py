"""The training loader: order, contents, caches and unreadable images."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.images import encode, noise, pixels

from amalthea.data.images import ImageLoader, load_images
from amalthea.data.images.decode import decode_image, resize_image
from amalthea.errors import UserError

SIZE = {"height": 8, "width": 10, "channels": 3}


@pytest.fixture
def table(tmp_path):
    formats = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
    for number in range(20):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        format = formats[number % 5]
        contents = encode(noise(16, 20 + number, number), format)
        (folder / f"{number:02}.{format.lower().replace('jpeg', 'jpg')}").write_bytes(
            contents
        )
    return load_images(tmp_path)


def collect(dataset):
    batches = [(images.numpy(), labels.numpy()) for images, labels in dataset]
    return tuple(np.concatenate(column) for column in zip(*batches, strict=True))


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_images_are_decoded_and_resized_as_in_serving(table, cache):
    loader = ImageLoader(
        table, **SIZE, resize="crop", batch_size=7, cache=cache, seed=0
    )
    images, labels = collect(loader.ordered())
    np.testing.assert_array_equal(labels, table.labels)
    assert images.dtype == np.uint8
    for image, contents in zip(images, table.contents(), strict=True):
        decoded = decode_image(tf.constant(contents), 3)
        expected = resize_image(decoded, 8, 10, "crop").numpy()
        np.testing.assert_array_equal(image, np.round(expected))


def test_caches_give_the_same_batches(table):
    loaders = [
        ImageLoader(table, **SIZE, batch_size=6, cache=cache, seed=3)
        for cache in ("memory", "none", "auto")
    ]
    for epoch in range(2):
        first, *others = (collect(loader.epoch(epoch)) for loader in loaders)
        for other in others:
            np.testing.assert_array_equal(first[0], other[0])
            np.testing.assert_array_equal(first[1], other[1])


def test_order_is_a_function_of_seed_and_epoch(table):
    def loader(seed):
        return ImageLoader(table, **SIZE, batch_size=20, cache="memory", seed=seed)

    first, same, other = loader(1), loader(1), loader(2)
    epoch = collect(first.epoch(5))[0]
    np.testing.assert_array_equal(epoch, collect(same.epoch(5))[0])
    for different in (collect(same.epoch(6))[0], collect(other.epoch(5))[0]):
        assert np.any(epoch != different)
        sums = [np.sort(e.reshape(20, -1).sum(1)) for e in (epoch, different)]
        np.testing.assert_array_equal(*sums)


@pytest.mark.parametrize("cache", ["memory", "none"])
@pytest.mark.parametrize("drop", [True, False])
def test_steps(table, cache, drop):
    loader = ImageLoader(
        table, **SIZE, batch_size=6, cache=cache, drop_remainder=drop, seed=0
    )
    sizes = [len(labels) for _, labels in loader.epoch(0)]
    assert sizes == ([6, 6, 6] if drop else [6, 6, 6, 2])
    assert loader.steps_per_epoch == len(sizes)


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_unreadable_images_are_left_out_and_named(table, cache):
    with open(table.files[4], "wb") as file:
        file.write(b"a text file")
    with open(table.files[11], "r+b") as file:
        file.truncate(60)
    seen = []
    loader = ImageLoader(
        table,
        **SIZE,
        batch_size=6,
        cache=cache,
        seed=0,
        progress=lambda done, total: seen.append((done, total)),
    )
    reasons = dict(loader.unreadable)
    assert list(reasons) == [table.names[4], table.names[11]]
    assert reasons[table.names[4]].startswith("not an image")
    assert reasons[table.names[11]].startswith("damaged")
    assert seen[-1] == (18, 20)
    _, labels = collect(loader.ordered())
    np.testing.assert_array_equal(labels, np.delete(table.labels, [4, 11]))
    assert loader.steps_per_epoch == len(list(loader.epoch(0))) == 3


def test_nothing_readable_ends_in_one_line(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(name.encode())
    with pytest.raises(UserError, match=r"a/1\.png: not an image") as caught:
        ImageLoader(load_images(tmp_path), **SIZE, batch_size=1, cache="none", seed=0)
    assert "\n" not in str(caught.value)


def test_arrays_of_the_right_size_are_taken_as_they_are():
    table = load_images("digits").take(np.arange(50))
    loader = ImageLoader(
        table, height=8, width=8, channels=1, batch_size=16, cache="none", seed=0
    )
    np.testing.assert_array_equal(collect(loader.ordered())[0], table.pixels)


def test_arrays_are_fitted_to_other_sizes():
    table = load_images("digits").take(np.arange(5))
    loader = ImageLoader(
        table, height=16, width=16, channels=3, batch_size=5, cache="none", seed=0
    )
    images = collect(loader.ordered())[0]
    (contents,) = table.contents([2])
    expected = resize_image(tf.constant(pixels(contents)), 16, 16, "squash")
    np.testing.assert_array_equal(images[2], np.round(expected))


def test_cache_is_checked(table):
    with pytest.raises(ValueError, match="Invalid value for `cache`"):
        ImageLoader(table, **SIZE, batch_size=1, cache="disk", seed=0)
