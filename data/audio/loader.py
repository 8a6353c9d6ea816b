"""Batches of waveforms with their labels for training and validation."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from ...errors import UserError
from ..memory import CACHES, free_memory
from ..threads import DECODERS, ordered_map
from ..untuned import PREFETCH, untuned
from .augment import augment_waveform
from .budget import batch_by_duration


class AudioLoader:
    """Reads the recordings of a table and hands them out in batches of like length.

    A batch holds at most so many seconds, with its padding; recordings that do not
    fit into one alone are left out. One pass over all recordings comes first. It
    finds those that cannot be read, which are left out too, and keeps the samples
    if they fit into memory. Data that is made anew in each epoch (`table.renew`)
    needs no such pass and is not kept.

    Order and augmentation are a pure function of seed and epoch, so an epoch can be
    made again.

    Args:
        table: `AudioTable`.
        sampling_rate: Samples a second of the batches.
        encode: Function from a text to its labels, integers.
        seconds_per_batch: Most audio of a batch, with padding, in seconds.
        batch_size: Most recordings of a batch.
        seed: Seed of the order and of the augmentation, an integer >= 0.
        cache: `"memory"` keeps the samples, `"none"` reads them in each epoch,
            `"auto"` keeps them if they take at most a quarter of the free memory.
        augmentation: `WaveformAugmentation` of `epoch`, or `None`.
        noises: Recordings of noise, see `augment_waveform`.
        shortest_first: Whether epoch 0 goes from the short to the long (Amodei et
            al. 2016): CTC learns to align on short ones.
        progress: Function of `(done, total)` recordings, called in the first pass.

    Attributes:
        rows: Indices into the table of the recordings in use, ascending.
        unreadable: List of `(name, reason)`.
        too_long: List of `(name, seconds)` of recordings above the budget.
        cached: Whether the samples are in memory.
        steps_per_epoch: Number of batches of `epoch`, always the same.

    Raises:
        UserError: if no recording can be used.

    Reference:
        Amodei et al. 2016, Deep Speech 2, section 3.2 (SortaGrad).
    """

    def __init__(
        self,
        table,
        *,
        sampling_rate,
        encode,
        seconds_per_batch=120.0,
        batch_size=64,
        seed=0,
        cache="auto",
        augmentation=None,
        noises=(),
        shortest_first=True,
        progress=None,
    ):
        if cache not in CACHES:
            raise ValueError(
                f"Invalid value for `cache`: expected one of {', '.join(CACHES)}, "
                f"received cache={cache!r}"
            )
        self.table = table
        self.sampling_rate = sampling_rate
        self.batch_size = batch_size
        self.seed = seed
        self.augmentation = augmentation
        self.shortest_first = shortest_first
        self.unreadable = []
        self._encode = encode
        self._noises = noises
        self._budget = int(seconds_per_batch * sampling_rate)
        size = table.durations.sum() * sampling_rate * np.float32().itemsize
        self.cached = table.renew is None and (
            cache == "memory" or (cache == "auto" and size <= free_memory() // 4)
        )
        self._kept = {}
        if table.renew is None:
            self._lengths = self._scan(progress)
        else:
            self._lengths = _stated_lengths(table, sampling_rate)
        too_long = self._planned(self._lengths) > self._budget
        self.too_long = [
            (table.names[row], round(self._lengths[row] / sampling_rate, 2))
            for row in np.flatnonzero(too_long)
        ]
        self.rows = np.flatnonzero(~too_long & (self._lengths > 0))
        if not len(self.rows):
            raise self._nothing_left(seconds_per_batch)
        self.steps_per_epoch = len(self._plan(self._lengths, None))

    def epoch(self, epoch):
        """Returns the batches of one epoch in its order, augmented.

        Args:
            epoch: Number of the epoch, from 0.

        Returns:
            `tf.data.Dataset` of `(samples, lengths, labels, label_lengths)`:
            float32 `[batch, longest]` and int32 `[batch]`, int32
            `[batch, most labels]` and int32 `[batch]`. Both are padded with zeros.
        """
        table = self.table.at_epoch(epoch)
        lengths = self._lengths
        if table is not self.table:
            lengths = _stated_lengths(table, self.sampling_rate)
        rng = np.random.default_rng([self.seed, epoch])
        if self.shortest_first and epoch == 0:
            rng = None
        plan = self._plan(lengths, rng)
        # Other recordings may make more or fewer batches; schedules count on these.
        plan = list(itertools.islice(itertools.cycle(plan), self.steps_per_epoch))
        return self._dataset(table, plan, self.augmentation, epoch)

    def ordered(self):
        """Returns the batches from the shortest to the longest, not augmented.

        Returns:
            `tf.data.Dataset` as of `epoch`.
        """
        return self._dataset(self.table, self._plan(self._lengths, None), None, 0)

    def _dataset(self, table, plan, augmentation, epoch):
        signature = (
            tf.TensorSpec([None, None], tf.float32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None], tf.int32),
        )
        with tf.device("CPU"):
            batches = tf.data.Dataset.from_generator(
                lambda: self._batches(table, plan, augmentation, epoch),
                output_signature=signature,
            )
            batches = batches.apply(tf.data.experimental.assert_cardinality(len(plan)))
            return untuned(batches.prefetch(PREFETCH))

    def _batches(self, table, plan, augmentation, epoch):
        def make(row):
            samples = self._samples(table, row)
            if augmentation is not None:
                samples = augment_waveform(
                    samples,
                    self.sampling_rate,
                    augmentation,
                    (self.seed, epoch, row),
                    self._noises,
                )
            return samples, np.asarray(self._encode(table.texts[row]), np.int32)

        with ThreadPoolExecutor(DECODERS) as pool:
            for rows in plan:
                samples, labels = zip(*pool.map(make, rows.tolist()), strict=True)
                yield *_padded(samples, np.float32), *_padded(labels, np.int32)

    def _samples(self, table, row):
        if row in self._kept:
            return self._kept[row]
        return table.samples(row, self.sampling_rate)

    def _scan(self, progress):
        """Reads every recording once; returns int64 `[N]` lengths, 0 if unreadable."""

        def read(row):
            try:
                return self.table.samples(row, self.sampling_rate)
            except UserError as error:
                return error

        lengths = np.zeros(len(self.table), np.int64)
        for row, samples in enumerate(ordered_map(read, range(len(lengths)), DECODERS)):
            if isinstance(samples, UserError):
                self.unreadable.append((self.table.names[row], samples.what))
            else:
                lengths[row] = len(samples)
                if self.cached:
                    self._kept[row] = samples
            if progress:
                progress(row + 1, len(lengths))
        return lengths

    def _planned(self, lengths):
        """Returns how long recordings can be once they are augmented."""
        slowest = self.augmentation.slowest if self.augmentation else 1.0
        return np.ceil(lengths / slowest)

    def _plan(self, lengths, rng):
        """Returns the rows of each batch of an epoch."""
        planned = self._planned(lengths)
        rows = np.flatnonzero((planned > 0) & (planned <= self._budget))
        batches = batch_by_duration(
            planned[rows], self._budget, most_rows=self.batch_size, rng=rng
        )
        return [rows[batch] for batch in batches]

    def _nothing_left(self, seconds):
        if self.too_long:
            return UserError(
                f"all recordings are longer than a batch of {seconds:g} s",
                self.table.source,
                "Allow more seconds a batch, or cut the recordings",
            )
        first = ": ".join(self.unreadable[0]) if self.unreadable else None
        return UserError(
            "none of its recordings can be read",
            self.table.source,
            first and f"The first is {first}",
        )


def _stated_lengths(table, sampling_rate):
    """Returns the lengths in samples that `table.samples` will give."""
    stored = np.round(table.durations * table.rates)
    return np.ceil(stored * sampling_rate / table.rates).astype(np.int64)


def _padded(arrays, dtype):
    """Returns the arrays in one, padded with zeros, and their lengths."""
    lengths = np.array([len(array) for array in arrays], np.int32)
    padded = np.zeros((len(arrays), lengths.max()), dtype)
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    return padded, lengths
