"""A load sweep of a model server: latency, throughput, and what batching to choose."""

from .bench import bench
from .places import check_folder, check_version_dir
from .result import HEADING, BenchResult, Measurement
from .suggestion import Suggestion, write_suggestion

__all__ = [
    "HEADING",
    "BenchResult",
    "Measurement",
    "Suggestion",
    "bench",
    "check_folder",
    "check_version_dir",
    "write_suggestion",
]
