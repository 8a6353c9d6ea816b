"""Pipelines that TensorFlow does not tune while they run."""

import numpy as np
import pytest
import tensorflow as tf

from amalthea.data.boxes import load_boxes
from amalthea.data.boxes.loader import BoxLoader
from amalthea.data.images import ImageLoader, load_images
from amalthea.data.untuned import untuned


def test_what_is_made_of_it_is_not_tuned_either():
    rows = untuned(tf.data.Dataset.range(8), intra_op_threads=1).map(lambda x: x + 1)
    options = rows.batch(4).options()
    assert options.autotune.enabled is False
    assert options.threading.max_intra_op_parallelism == 1
    assert np.concatenate(list(rows.batch(4).as_numpy_iterator())).tolist() == [
        *range(1, 9)
    ]


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_loaders_are_not_tuned(cache):
    table = load_boxes("digits-on-photos")
    boxes = BoxLoader(
        table.take(np.arange(4)), height=32, width=32, batch_size=2, cache=cache
    )
    images = load_images("digits")
    images = images.take(np.arange(4))
    labels = ImageLoader(
        images, height=9, width=9, channels=1, batch_size=2, cache=cache
    )
    for loader in (boxes, labels):
        for batches in (loader.epoch(0), loader.ordered()):
            assert batches.options().autotune.enabled is False
