"""Augmentation of training images, from a preset and what overrides it."""

import dataclasses

import keras
from keras import ops

from ...layers import ColorJitter, RandomMix, RandomResizedCrop


@dataclasses.dataclass(frozen=True)
class Preset:
    """Strengths of one augmentation preset; the fields are `ClassifyConfig`'s."""

    flip: bool = False
    shift: float = 0.0
    rotation: float = 0.0
    crop_scale: tuple[float, float] = (1.0, 1.0)
    crop_ratio: tuple[float, float] = (1.0, 1.0)
    jitter: float = 0.0
    erasing: float = 0.0
    mix: float = 0.0


PRESETS = {
    "none": Preset(),
    "light": Preset(shift=0.1, rotation=8, crop_scale=(0.85, 1.15)),
    "flip": Preset(flip=True, shift=0.08),
    "photo": Preset(
        flip=True,
        rotation=10,
        crop_scale=(0.35, 1.0),
        crop_ratio=(3 / 4, 4 / 3),
        jitter=0.3,
    ),
    "strong": Preset(
        flip=True,
        rotation=15,
        crop_scale=(0.25, 1.0),
        crop_ratio=(3 / 4, 4 / 3),
        jitter=0.4,
        erasing=0.25,
        mix=0.5,
    ),
}

# Training images are kept this much larger than the model's input where crops
# are cut from them, so that a crop is not enlarged again.
CROP_MARGIN = 1.25


def augmentation_preset(config):
    """Returns the preset of a config with the config's own values put in."""
    own = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(Preset)
        if getattr(config, field.name) is not None
    }
    return dataclasses.replace(PRESETS[config.augment], **own)


class Augmentation:
    """Augments a batch inside the training step.

    Args:
        config: A `ClassifyConfig` whose `image_size` and `channels` are set.

    Attributes:
        layers: The layers, whose seed generators are part of a run's state.
    """

    def __init__(self, config):
        preset = augmentation_preset(config)
        # Numbers for the layers, each its own.
        seeds = iter(range(config.seed + 1, config.seed + 10))
        self._image_layers = [
            RandomResizedCrop(
                *config.image_size,
                scale=preset.crop_scale,
                ratio=preset.crop_ratio,
                rotation=preset.rotation,
                shift=preset.shift,
                horizontal_flip=preset.flip,
                fill="reflect" if config.channels > 1 else "constant",
                seed=next(seeds),
                dtype="float32",
            )
        ]
        if preset.jitter and config.channels != 4:
            # Not Keras' own: at 0 to 255 its saturation leaves the range, and it
            # has no grey images.
            self._image_layers.append(
                ColorJitter(
                    brightness=preset.jitter,
                    contrast=preset.jitter,
                    saturation=preset.jitter,
                    hue=preset.jitter / 10,
                    seed=next(seeds),
                    dtype="float32",
                )
            )
        if preset.erasing:
            self._image_layers.append(
                keras.layers.RandomErasing(
                    # One number would be the upper end of a random probability.
                    factor=(preset.erasing, preset.erasing),
                    scale=(0.02, 0.25),
                    fill_value=None if config.channels > 1 else 0.0,
                    value_range=(0, 255),
                    seed=next(seeds),
                    dtype="float32",
                )
            )
        self._mix = (
            RandomMix(probability=preset.mix, seed=next(seeds), dtype="float32")
            if preset.mix
            else None
        )
        self.layers = [*self._image_layers, *([self._mix] if self._mix else [])]

    def __call__(self, images, targets):
        """Returns augmented float32 images and their targets."""
        images = ops.cast(images, "float32")
        for layer in self._image_layers:
            images = layer(images, training=True)
        if self._mix is not None:
            images, targets = self._mix((images, targets), training=True)
        return images, targets
