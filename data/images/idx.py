"""The idx-ubyte files of MNIST and Fashion-MNIST."""

import gzip
import re
import zlib

import numpy as np

from ...errors import UserError
from ..splits import content_key
from .found import Found

_PARTS = {"train": "train", "t10k": "test"}
_NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx([13])-ubyte(\.gz)?")


def has_idx_files(folder):
    """Tells whether a folder holds idx files under their usual names."""
    return any(_NAME.fullmatch(path.name) for path in folder.iterdir())


def read_idx_folder(folder):
    """Reads the idx-ubyte files of a folder, gzipped or not.

    Args:
        folder: A folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`
            and perhaps the same for `t10k`, which becomes the test.

    Returns:
        A `Found` with pixels; the class names are the label numbers.

    Raises:
        UserError: if a file is missing, damaged or does not fit its partner.

    Reference:
        LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
    """
    files = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match:
            files[match[1], match[2]] = path
    images, labels, splits, names = [], [], [], []
    for part, split in _PARTS.items():
        if not any(key[0] == part for key in files):
            continue
        for kind in ("images", "labels"):
            if (part, kind) not in files:
                raise UserError(f"has no file {part}-{kind}-idx*-ubyte", folder)
        pixels = read_idx(files[part, "images"], 3)
        numbers = read_idx(files[part, "labels"], 1)
        if len(pixels) != len(numbers):
            raise UserError(
                f"has {len(numbers)} labels for {len(pixels)} images",
                files[part, "labels"],
            )
        images.append(pixels[..., None])
        labels += [str(number) for number in numbers]
        splits += [split] * len(pixels)
        names += [f"{part}/{row}" for row in range(len(pixels))]
    if len({block.shape[1:] for block in images}) > 1:
        raise UserError("has training and test images of different sizes", folder)
    pixels = np.concatenate(images)
    height, width = pixels.shape[1:3]
    return Found(
        description=f"idx files in {folder}, {height} x {width} pixels, grey",
        labels=labels,
        keys=[content_key(image) for image in pixels],
        names=names,
        splits=splits,
        pixels=pixels,
    )


def read_idx(path, dimensions):
    """Reads one idx file of unsigned bytes.

    Args:
        path: The file; it may be gzipped.
        dimensions: How many dimensions it must have.

    Returns:
        uint8 array.

    Raises:
        UserError: if the file is damaged or of another kind.
    """
    opener = gzip.open if path.name.endswith(".gz") else open
    try:
        with opener(path, "rb") as file:
            content = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot be read ({error})", path) from error
    start = 4 + 4 * dimensions
    if len(content) < start or content[:4] != bytes([0, 0, 8, dimensions]):
        raise UserError(f"is not an idx file of bytes in {dimensions} dimensions", path)
    shape = np.frombuffer(content, ">u4", dimensions, offset=4).astype(int)
    if len(content) != start + np.prod(shape):
        raise UserError(
            f"is damaged: it should have {start + np.prod(shape)} bytes "
            f"and has {len(content)}",
            path,
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
