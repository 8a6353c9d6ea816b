"""The encoded images of a table, decoded by row inside tf.data."""

import os

import numpy as np
import tensorflow as tf

from ...errors import UserError
from ..untuned import PREFETCH, untuned
from .decode import decode_inspected, inspect_image
from .headers import decode_error

_SCAN_BATCH = 32
# Decoding keeps every core busy. TensorFlow's own choice starts with one and takes
# longer than a small set's epoch to find out.
DECODERS = 2 * (os.cpu_count() or 1)


class StoredImages:
    """Encoded images, of which `scan` has found those that can be decoded.

    Args:
        table: A set of images with `files`, `names` and `contents`.
        channels: `1`, `3` or `4`.
        transform: Function of one decoded image, uint8
            `[height, width, channels]`, that returns what `decode` is to give.

    Attributes:
        columns: Three arrays with a row for each image: what `decode` takes.
        rows: Indices into the table of the readable images, ascending.
        unreadable: List of `(name, reason)` of the others.
        sizes: int32 `[N, 2]`, height and width of the upright images; zeros
            where unreadable.
    """

    def __init__(self, table, channels, transform):
        self._table = table
        self._channels = channels
        self._transform = transform
        total = len(table)
        stored = table.files if table.files is not None else list(table.contents())
        if table.files is not None:
            stored = [os.fsencode(path) for path in stored]
        self._kinds = np.zeros(total, np.int32)
        self._orientations = np.ones(total, np.int32)
        self.columns = np.array(stored, dtype=object), self._kinds, self._orientations
        self.sizes = np.zeros((total, 2), np.int32)
        self.rows = np.zeros(0, np.int64)
        self.unreadable = []

    def decode(self, source, kind, orientation):
        """Reads, decodes and transforms one image, in the graph."""
        return self._transform(self._decoded(self._read(source), kind, orientation))

    def scan(self, keep=None, progress=None):
        """Decodes every image once; finds the bad.

        Args:
            keep: Function of `(rows, images)`, called with a few rows at a
                time in any order. Images of different sizes are filled with
                zeros at the bottom and at the right.
            progress: Function of `(done, total)` images.

        Raises:
            UserError: if no image can be decoded.
        """
        table, total = self._table, len(self._table)
        readable = np.zeros(total, bool)

        def inspect(row, source):
            contents = self._read(source)
            kind, orientation = inspect_image(contents)
            image = self._decoded(contents, kind, orientation)
            size = tf.shape(image)[:2]
            return row, kind, orientation, size, self._transform(image)

        with tf.device("CPU"):
            columns = np.arange(total), list(self.columns[0])
            images = tf.data.Dataset.from_tensor_slices(columns).map(
                inspect, num_parallel_calls=DECODERS, deterministic=False
            )
            images = images.ignore_errors().padded_batch(_SCAN_BATCH)
            images = untuned(images.prefetch(PREFETCH))
        done = 0
        for rows, kinds, orientations, sizes, decoded in images.as_numpy_iterator():
            readable[rows] = True
            self._kinds[rows], self._orientations[rows] = kinds, orientations
            self.sizes[rows] = sizes
            if keep:
                keep(rows, decoded)
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

    def _read(self, source):
        return source if self._table.files is None else tf.io.read_file(source)

    def _decoded(self, contents, kind, orientation):
        return decode_inspected(contents, kind, orientation, self._channels)


def why_unreadable(table, row):
    """Says in a few words why one image of a table cannot be decoded."""
    try:
        contents = next(table.contents([row]))
    except UserError as error:
        return error.what
    return decode_error(tf.constant(contents)).numpy().decode()
