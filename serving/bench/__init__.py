"""A load sweep of a model server: latency, throughput, and what batching to choose."""

from .bench import bench
from .result import BenchResult, Measurement
from .suggestion import Suggestion, write_suggestion

__all__ = ["BenchResult", "Measurement", "Suggestion", "bench", "write_suggestion"]
