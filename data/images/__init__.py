"""Labelled images: from a name to batches of pixels, and the doctor."""

from .folders import IMAGE_SUFFIXES, printable
from .loader import ImageLoader
from .spec import EMBEDDED, load_images
from .survey import survey_images
from .table import ImageTable

__all__ = [
    "EMBEDDED",
    "IMAGE_SUFFIXES",
    "ImageLoader",
    "ImageTable",
    "load_images",
    "printable",
    "survey_images",
]
