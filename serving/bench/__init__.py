"""A load sweep of a model server: latency, throughput, and what batching to choose."""

from .bench import bench
from .result import HEADING, BenchResult, Measurement
from .suggestion import Suggestion, write_suggestion

__all__ = [
    "HEADING",
    "BenchResult",
    "Measurement",
    "Suggestion",
    "bench",
    "write_suggestion",
]
