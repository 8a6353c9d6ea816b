"""tf.data pipelines of which every stage says how parallel it is."""

import tensorflow as tf

PREFETCH = 2  # batches


def untuned(dataset, *, intra_op_threads=0):
    """Returns a dataset that TensorFlow does not tune while it runs.

    Its tuner sleeps for up to a minute at a time, and an iterator that ends meanwhile
    may wait for it: of epochs of 5 s every third took 10 s (TensorFlow 2.21). No stage
    may then ask for `tf.data.AUTOTUNE`.

    Args:
        dataset: A `tf.data.Dataset`. What is made of it is not tuned either.
        intra_op_threads: Threads that one operation may use; 0 is no limit.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    if intra_op_threads:
        options.threading.max_intra_op_parallelism = intra_op_threads
    return dataset.with_options(options)
