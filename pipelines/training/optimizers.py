"""Optimisers and learning-rate schedules from a config."""

import keras

from ...layers import InverseSqrtDecay, WarmUp

DECAY_RATES = {"exponential": 0.95, "inverse_time": 1, "inverse_sqrt": 1, "step": 0.1}


def make_schedule(config, steps_per_epoch):
    """Returns the learning-rate schedule a config asks for.

    Decays by epoch go down with every step, not in jumps, except `step`.

    Args:
        config: A `TrainingConfig`.
        steps_per_epoch: Optimiser steps in one epoch.

    Returns:
        A number or a `keras.optimizers.schedules.LearningRateSchedule` over steps.

    Reference:
        The decays by epoch are those of Ng, Deep Learning Specialization,
        course 2, week 2.
    """
    schedules = keras.optimizers.schedules
    peak, rate = config.learning_rate, config.decay_rate
    if rate is None:
        rate = DECAY_RATES.get(config.schedule)
    warmup = round(config.warmup_epochs * steps_per_epoch)
    steps = max(config.epochs * steps_per_epoch - warmup, 1)
    if config.schedule == "constant":
        decay = peak
    elif config.schedule == "cosine":
        decay = schedules.CosineDecay(peak, steps)
    elif config.schedule == "inverse_time":
        decay = schedules.InverseTimeDecay(peak, steps_per_epoch, rate)
    elif config.schedule == "exponential":
        decay = schedules.ExponentialDecay(peak, steps_per_epoch, rate)
    elif config.schedule == "inverse_sqrt":
        decay = InverseSqrtDecay(rate * peak, steps_per_epoch)
    else:
        epochs = config.decay_epochs or (config.epochs / 2, config.epochs * 3 / 4)
        bounds = [round(epoch * steps_per_epoch) - warmup for epoch in sorted(epochs)]
        values = [peak * rate**power for power in range(len(bounds) + 1)]
        decay = schedules.PiecewiseConstantDecay(bounds, values)
    return WarmUp(decay, warmup) if warmup else decay


def make_optimizer(config, steps_per_epoch):
    """Returns the optimiser a config asks for.

    Biases and the scales of normalisation layers are not decayed.

    Args:
        config: A `TrainingConfig`.
        steps_per_epoch: Optimiser steps in one epoch.

    Returns:
        A `keras.optimizers.Optimizer`; wrapped in a `LossScaleOptimizer` where
        the precision is `mixed_float16`.
    """
    common = {
        "learning_rate": make_schedule(config, steps_per_epoch),
        "weight_decay": config.weight_decay or None,
        "global_clipnorm": config.clip_norm or None,
    }
    optimizers = keras.optimizers
    if config.optimizer == "sgd":
        optimizer = optimizers.SGD(
            momentum=float(config.momentum), nesterov=config.momentum > 0, **common
        )
    elif config.optimizer == "rmsprop":
        optimizer = optimizers.RMSprop(momentum=float(config.momentum), **common)
    elif config.optimizer == "adam":
        optimizer = optimizers.Adam(**common)
    else:
        # AdamW insists on a number.
        optimizer = optimizers.AdamW(**{**common, "weight_decay": config.weight_decay})
    if optimizer.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    if config.precision == "mixed_float16":
        optimizer = optimizers.LossScaleOptimizer(optimizer)
    return optimizer
