"""Batches of decoded images for training and evaluation."""

import os

import numpy as np
import tensorflow as tf

from ...errors import UserError
from .decode import decode_inspected, inspect_image
from .headers import decode_error
from .memory import free_memory
from .pixels import resized_pixels

CACHES = ("auto", "memory", "none")
_SCAN_BATCH = 32
# Decoding keeps every core busy. TensorFlow's own choice starts with one and takes
# longer than a small set's epoch to find out.
DECODERS = 2 * (os.cpu_count() or 1)


class ImageLoader:
    """Decodes the images of a table and hands them out in batches.

    One pass over all images comes first. It finds those that cannot be
    decoded, which are left out from then on, so the number of steps is exact
    and each epoch's order is a pure function of seed and epoch. If the decoded
    images fit, that pass also keeps them in memory; if not, each epoch reads
    and decodes the files again. File names are shuffled, never decoded images.

    Args:
        table: `ImageTable` with at least one readable image.
        height: Height of the images in pixels.
        width: Width of the images in pixels.
        channels: `1`, `3` or `4`.
        resize: `"squash"`, `"crop"` or `"letterbox"` (see `resize_image`).
        batch_size: Images per batch; all if there are fewer.
        cache: `"memory"` keeps the decoded images, `"none"` decodes them in
            each epoch, `"auto"` keeps them if they take at most a quarter of
            the free memory.
        seed: Seed of the order, an integer >= 0.
        drop_remainder: Whether `epoch` leaves out a last batch that is not
            full.
        progress: Function of `(done, total)` images, called in the first pass.

    Attributes:
        rows: Indices into the table of the readable images, ascending.
        unreadable: List of `(name, reason)` of the others.
        cached: Whether the decoded images are in memory.
        steps_per_epoch: Number of batches of `epoch`.

    Raises:
        UserError: if no image can be decoded.
    """

    def __init__(
        self,
        table,
        *,
        height,
        width,
        channels,
        resize="squash",
        batch_size=32,
        cache="auto",
        seed=0,
        drop_remainder=False,
        progress=None,
    ):
        if cache not in CACHES:
            raise ValueError(
                f"Invalid value for `cache`: expected one of {', '.join(CACHES)}, "
                f"received cache={cache!r}"
            )
        self.table = table
        self.seed = seed
        self.drop_remainder = drop_remainder
        self.unreadable = []
        self._shape = (height, width, channels)
        self._resize = resize
        size = len(table) * height * width * channels
        self.cached = cache == "memory" or (
            cache == "auto" and size <= free_memory() // 4
        )
        if table.pixels is not None and table.pixels.shape[1:] == self._shape:
            self.cached = True
            self.rows = np.arange(len(table))
            self._keep(table.pixels)
        else:
            self._scan(progress)
        self.batch_size = min(batch_size, len(self.rows))

    @property
    def steps_per_epoch(self):
        if self.drop_remainder:
            return len(self.rows) // self.batch_size
        return -(-len(self.rows) // self.batch_size)

    def epoch(self, epoch):
        """Returns the batches of one epoch in its shuffled order.

        Args:
            epoch: Number of the epoch, from 0.

        Returns:
            `tf.data.Dataset` of `(images, labels)`: uint8 `[batch, height,
            width, channels]` and int32 `[batch]`.
        """
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        return self._batches(order, self.drop_remainder)

    def ordered(self):
        """Returns the batches of all readable images in the table's order."""
        return self._batches(self.rows, drop_remainder=False)

    def _batches(self, rows, drop_remainder):
        with tf.device("CPU"):
            if self.cached:
                batches = self._from_memory(rows, drop_remainder)
            else:
                batches = self._from_files(rows, drop_remainder)
            return batches.prefetch(tf.data.AUTOTUNE)

    def _from_memory(self, rows, drop_remainder):
        labels = self.table.labels[rows]
        batches = tf.data.Dataset.from_tensor_slices((rows, labels))
        batches = batches.batch(self.batch_size, drop_remainder=drop_remainder)
        return batches.map(
            lambda index, labels: (tf.gather(self._pixels, index), labels),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )

    def _from_files(self, rows, drop_remainder):
        def decode(source, kind, orientation, label):
            return self._decode(self._read(source), kind, orientation), label

        columns = self._sources, self._kinds, self._orientations, self.table.labels
        columns = tuple(column[rows] for column in columns)
        return (
            tf.data.Dataset.from_tensor_slices(columns)
            .map(decode, num_parallel_calls=DECODERS, deterministic=True)
            .batch(self.batch_size, drop_remainder=drop_remainder)
        )

    def _scan(self, progress):
        """Decodes every image once: finds the bad, keeps the pixels if wanted."""
        table, total = self.table, len(self.table)
        stored = table.files if table.files is not None else list(table.contents())
        if table.files is not None:
            stored = [os.fsencode(path) for path in stored]
        self._sources = np.array(stored, dtype=object)
        self._kinds = np.zeros(total, np.int32)
        self._orientations = np.ones(total, np.int32)
        readable = np.zeros(total, bool)
        pixels = np.zeros((total, *self._shape), np.uint8) if self.cached else None

        def decode(row, source):
            contents = self._read(source)
            kind, orientation = inspect_image(contents)
            return row, kind, orientation, self._decode(contents, kind, orientation)

        with tf.device("CPU"):
            images = tf.data.Dataset.from_tensor_slices((np.arange(total), stored))
            images = images.map(
                decode, num_parallel_calls=DECODERS, deterministic=False
            )
            images = images.ignore_errors().batch(_SCAN_BATCH).prefetch(2)
        done = 0
        for rows, kinds, orientations, decoded in images.as_numpy_iterator():
            readable[rows] = True
            self._kinds[rows], self._orientations[rows] = kinds, orientations
            if self.cached:
                pixels[rows] = decoded
            done += len(rows)
            if progress:
                progress(done, total)
        self.rows = np.flatnonzero(readable)
        self.unreadable = [
            (table.names[row], why_unreadable(table, row))
            for row in np.flatnonzero(~readable)
        ]
        if not len(self.rows):
            name, reason = self.unreadable[0]
            raise UserError(
                f"none of its {total} images can be decoded",
                table.source,
                f"The first is {name}: {reason}",
            )
        if self.cached:
            self._keep(pixels)

    def _keep(self, pixels):
        with tf.device("CPU"):
            self._pixels = tf.convert_to_tensor(pixels)

    def _read(self, source):
        return source if self.table.files is None else tf.io.read_file(source)

    def _decode(self, contents, kind, orientation):
        height, width, channels = self._shape
        image = decode_inspected(contents, kind, orientation, channels)
        return resized_pixels(image, height, width, self._resize)


def why_unreadable(table, row):
    """Says in a few words why one image of a table cannot be decoded."""
    try:
        contents = next(table.contents([row]))
    except UserError as error:
        return error.what
    return decode_error(tf.constant(contents)).numpy().decode()
