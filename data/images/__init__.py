"""Labelled images: from a name to batches of pixels, and the doctor."""

from .folders import IMAGE_SUFFIXES
from .loader import ImageLoader
from .spec import load_images
from .survey import survey_images
from .table import ImageTable

__all__ = [
    "IMAGE_SUFFIXES",
    "ImageLoader",
    "ImageTable",
    "load_images",
    "survey_images",
]
