"""Binary cross-entropy of logits, one number for each."""

from keras import ops


def cross_entropy(logits, targets):
    """Returns `softplus(logits) - logits * targets`, of the shape of `logits`.

    Args:
        logits: Float tensor of any shape.
        targets: The probabilities wanted, 0 to 1, of a shape that broadcasts to it.
    """
    return ops.softplus(logits) - logits * targets
