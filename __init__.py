"""Applied deep-learning pipelines: a folder of raw data in, a served model out."""

from .errors import UserError

__version__ = "0.1.0"
__all__ = ["UserError", "__version__"]
