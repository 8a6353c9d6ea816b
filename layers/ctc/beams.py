"""The hypotheses of a prefix beam search."""

from typing import NamedTuple

import keras
from keras import ops

# TensorFlow computes with int64 on a GPU, but not with int32; JAX has only the latter.
# A prefix is known by one number of 64 bits or by two of 32.
if keras.backend.backend() == "jax":
    INTEGER, MULTIPLIERS = "int32", (-1640531535, 739982445)
else:
    INTEGER, MULTIPLIERS = "int64", (-7046029254386353131,)


class Chances(NamedTuple):
    """Logarithms of probabilities, `[batch, beams]` each.

    The alignment of a prefix is its most likely one; the best that ends in a blank and
    the best that ends in a symbol are both kept, as either may be part of the best
    later on. These are stacked, as every operation on small arrays has its price.
    """

    blank: object  # of all alignments that end in a blank
    total: object  # of all
    best_blank: object  # of the best that ends in a blank
    best: object  # of the best
    label: object  # of all that end in the last symbol
    best_label: object  # of the best that ends in the last symbol
    none: object  # of what is not there


class Parents(NamedTuple):
    """Where each hypothesis finds its prefix without the last symbol."""

    place: object  # [batch, beams] among the row's hypotheses
    feed: object  # [2, batch, beams] place of its `Chances` when a symbol is added
    origin: object  # [batch, beams] what to record if one is
    extension: object  # [batch, beams] -inf if its extension is there already, or inf


class Fusion(NamedTuple):
    """What language models add to the scores."""

    score: object  # [batch, beams] of the prefix
    ahead: object  # [batch, beams, classes] of the prefix with a class added
    highest: object  # [batch, beams] the highest of these
    states: tuple  # of the scorers, tuples of [batch, beams]
    foreseen: tuple  # what they found out


class Beams(NamedTuple):
    """Hypotheses of each row, each with a prefix of its own."""

    chances: object  # `Chances`, stacked
    # [1 + 2 n, batch, beams]: the last symbol, or the blank if there is none; n numbers
    # that together tell prefixes apart; the same of the prefix without its last symbol.
    names: object
    parents: Parents
    fusion: object  # `Fusion`, or () without language models


def unstack(chances):
    """`Chances` one by one."""
    return Chances(*ops.unstack(chances, len(Chances._fields)))
