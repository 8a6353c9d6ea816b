"""Learning-rate schedules that Keras lacks."""

from .inverse_sqrt_decay import InverseSqrtDecay
from .warm_up import WarmUp

__all__ = ["InverseSqrtDecay", "WarmUp"]
