"""Real inputs kept with a run, to warm up and check what it exports."""

import numpy as np

from ..data.splits import SPLITS
from ..errors import UserError
from ..files import atomic_folder

COUNT = 32
MAX_BYTES = 8 * 2**20  # of all of them: they are copied into every export


def keep_held_out_examples(run, table, decode):
    """Keeps some of a table's inputs with the run, if it can be ones it did not learn.

    What is there is left: a user may have put other ones there, or none.

    Args:
        run: The `RunFolder`.
        table: A table with `splits`, `select` and what `keep_examples` asks for.
        decode: Function of encoded inputs, a string tensor `[N]`, that returns a tuple
            whose last but one is which of them are readable, bool `[N]`.

    Raises:
        UserError: if the folder cannot be written.
    """
    import tensorflow as tf

    if run.examples.exists():
        return
    # Traced once: by itself, each call makes a graph of its own.
    spec = tf.TensorSpec([None], tf.string)
    decode = tf.function(decode, input_signature=[spec])

    def is_readable(contents):
        return decode(tf.constant(np.array(contents, object)))[-2]

    for split in [split for split in reversed(SPLITS) if split in table.splits]:
        if keep_examples(run, table.select(split), is_readable):
            return


def keep_examples(run, table, is_readable):
    """Writes some of a table's inputs into the run's `examples/`, a new folder.

    Args:
        run: The `RunFolder`.
        table: An `ImageSet` or another table whose `contents(rows, missing=)` yields
            bytes; rows are taken at even distances.
        is_readable: Takes a list of encoded inputs, returns a bool for each.

    Returns:
        How many were kept. None only if none of those looked at is readable.

    Raises:
        UserError: if the folder cannot be written.
    """
    count = min(COUNT, len(table))
    rows = [number * len(table) // count for number in range(count)]
    kept, size = [], 0
    for content in table.contents(rows, missing=b""):
        fits = not kept or size + len(content) <= MAX_BYTES
        if fits and is_readable([content])[0]:
            kept.append(content)
            size += len(content)
    if not kept:
        return 0
    with atomic_folder(run.examples) as folder:
        for number, content in enumerate(kept):
            (folder / f"{number:02}").write_bytes(content)
    return len(kept)


def read_examples(run):
    """Reads the inputs in the run's `examples/`, 32 at most.

    Args:
        run: The `RunFolder`.

    Returns:
        A dict from file name to `bytes`, or `None` if there is no such folder.

    Raises:
        UserError: if a file cannot be read.
    """
    if not run.examples.is_dir():
        return None
    try:
        files = sorted(
            file
            for file in run.examples.iterdir()
            if file.is_file() and not file.name.startswith(".")
        )
        return {file.name: file.read_bytes() for file in files[:COUNT]}
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", run.examples) from error
