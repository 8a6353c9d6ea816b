"""Probabilities that mean what they say."""

import numpy as np


def fit_temperature(logits, labels):
    """Finds the temperature that makes a classifier's probabilities honest.

    Label smoothing and long training leave a network less or more sure of its
    answers than it is right. Dividing the logits by one number, chosen on
    validation data, mends most of it and changes no answer.

    Args:
        logits: float `[N, classes]`, of examples that were not trained on.
        labels: int `[N]`, their classes.

    Returns:
        The temperature that gives the least cross-entropy, 0.05 to 20.

    Reference:
        Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logits, rows = np.asarray(logits, "float64"), np.arange(len(labels))

    def cross_entropy(log_temperature):
        scaled = log_softmax(logits / np.exp(log_temperature), axis=-1)
        return -scaled[rows, labels].mean()

    bounds = np.log([0.05, 20.0])
    return float(np.exp(minimize_scalar(cross_entropy, bounds=bounds).x))
