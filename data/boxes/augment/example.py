"""All augmentation of one example."""

import tensorflow as tf

from .affine import apply_affine, centre_matrix, letterbox_matrix, random_matrix
from .chance import split_seed, uniform
from .color import random_hsv
from .crop import random_iou_crop
from .mixup import random_mixup
from .mosaic import random_mosaic


def augment_example(example, seed, *, height, width, augmentation):
    """Makes an example of the input's size, augmented.

    Mosaic or crop, then scale, shift, rotation and flips in one interpolation,
    then mixup, then the colours.

    Args:
        example: Function from a number to a tuple `(image, boxes, classes)`:
            uint8 `[h, w, channels]`, float32 `[n, 4]`, integers `[n]`. 0 is the
            example itself, 1 to `augmentation.images - 1` are others, drawn by
            the caller; they are asked for where they are needed. Images should
            fit into the input with one side as long as the input's.
        seed: Integers `[2]`.
        height: Height of the input in pixels.
        width: Width of the input in pixels.
        augmentation: `BoxAugmentation`.

    Returns:
        A tuple `(image, boxes, classes)`, the image uint8
        `[height, width, channels]`. With `BoxAugmentation.none()` the image is
        letterboxed and its pixels are the same as before.
    """
    seeds = tf.unstack(split_seed(seed, 5))
    frame = {"height": height, "width": width, "augmentation": augmentation}
    made = _scene(example, seeds[0], **frame)
    if augmentation.mixup:
        first_other = augmentation.images // 2

        def blended():
            other = _scene(lambda k: example(first_other + k), seeds[1], **frame)
            return random_mixup(made, other, seeds[2])

        chance = uniform(seeds[3], [])
        made = _choose(chance, augmentation.mixup, blended, lambda: made)
    hue, saturation, value = augmentation.hsv
    image, boxes, classes = made
    image.set_shape([height, width, image.shape[-1]])
    return random_hsv(
        image,
        boxes,
        classes,
        seeds[4],
        hue=hue,
        saturation=saturation,
        value=value,
    )


def _scene(example, seed, *, height, width, augmentation):
    """Returns one example with all its geometry, the pixels as float32."""
    seeds = tf.unstack(split_seed(seed, 4))
    chance = uniform(seeds[0], [2])

    def four():
        made = random_mosaic(
            [example(k) for k in range(4)], seeds[1], height=height, width=width
        )
        return *made, centre_matrix(made[0], height, width)

    def one():
        whole = example(0)
        made = _choose(
            chance[1],
            augmentation.iou_crop,
            lambda: random_iou_crop(*whole, seeds[2]),
            lambda: whole,
        )
        return *made, letterbox_matrix(made[0], height, width)

    image, boxes, classes, place = _choose(chance[0], augmentation.mosaic, four, one)
    change = random_matrix(
        seeds[3],
        height,
        width,
        scale=augmentation.scale,
        translate=augmentation.translate,
        rotation=augmentation.rotation,
        flip=augmentation.flip,
        flip_vertical=augmentation.flip_vertical,
    )
    return apply_affine(
        image,
        boxes,
        classes,
        tf.matmul(change, place),
        height,
        width,
        upright=not augmentation.rotation,
    )


def _choose(chance, probability, function, otherwise):
    """Calls one of two functions; builds no branch that is never taken."""
    if probability in (0, 1):
        return function() if probability else otherwise()
    return tf.cond(chance < probability, function, otherwise)
