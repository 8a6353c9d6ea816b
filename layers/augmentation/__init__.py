"""Random changes to training images, drawn for each image on its own."""

from .color_jitter import ColorJitter
from .random_mix import RandomMix
from .random_pca_color import RandomPCAColor
from .random_resized_crop import RandomResizedCrop

__all__ = ["ColorJitter", "RandomMix", "RandomPCAColor", "RandomResizedCrop"]
