"""What a user may name as the input of a detector: images, videos, cameras."""

import dataclasses
from pathlib import Path
from urllib.parse import urlsplit

from ...data.images import IMAGE_SUFFIXES, printable
from ...errors import UserError
from ..inputs import as_list, find_files

VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg")
    + (".wmv", ".flv", ".3gp", ".ogv", ".mts", ".m2ts")
)


@dataclasses.dataclass(frozen=True)
class ImageInput:
    """One image.

    Attributes:
        name: What its result is called.
        source: Its `Path`, or its encoded content as `bytes`.
    """

    name: str
    source: Path | bytes


@dataclasses.dataclass(frozen=True)
class VideoInput:
    """One video.

    Attributes:
        name: What the results of its frames begin with.
        location: What OpenCV opens: a path or URL, or the number of a camera.
        is_file: Whether it is a file; others may be live.
    """

    name: str
    location: str | int
    is_file: bool


def gather_inputs(inputs):
    """Finds the images and videos that are meant.

    Args:
        inputs: Image or video files, folders or glob patterns of such, encoded
            images as `bytes`, URLs of streams, or cameras as `camera:0` or a
            bare number; one or a list of them.

    Returns:
        A list of `ImageInput` and `VideoInput`, in the order of the inputs.

    Raises:
        UserError: if a file is missing, a folder or pattern has neither image nor
            video, or a URL is none.
    """
    found = []
    for number, item in enumerate(as_list(inputs)):
        if isinstance(item, bytes):
            found.append(ImageInput(f"input {number}", item))
        elif (camera := _camera(item)) is not None:
            found.append(VideoInput(f"camera:{camera}", camera, is_file=False))
        elif "://" in str(item):
            found.append(VideoInput(_without_password(item), item, is_file=False))
        else:
            suffixes = IMAGE_SUFFIXES | VIDEO_SUFFIXES
            found += map(_file_input, find_files(item, suffixes, "images or videos"))
    return found


def _camera(item):
    """Returns the number of the camera that is meant, `None` if none is."""
    text = str(item)
    number = text.removeprefix("camera:")
    is_number = number.isdecimal() and number.isascii()
    if not is_number or (text == number and Path(text).exists()):
        return None
    return int(number)


def _without_password(url):
    # Results are printed and saved.
    try:
        parts = urlsplit(url)
    except ValueError as error:
        scheme, _, rest = url.partition("://")
        shown = f"{scheme}://{rest.rpartition('@')[2]}"
        raise UserError("is no valid URL", shown) from error
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _file_input(path):
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return VideoInput(printable(path), str(path), is_file=True)
    return ImageInput(printable(path), path)
