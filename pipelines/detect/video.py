"""Videos and cameras, frame by frame, through OpenCV."""

import dataclasses
import os
import time
from pathlib import Path

import numpy as np

from ...errors import UserError
from ...files import cannot_write
from ...serving.quiet import DEBUG
from ..stops import keeps_results

_USUAL_RATE = 25.0  # frames a second where a video or camera does not say
_HIGHEST_RATE = 1000.0  # more is no rate but a time base


@dataclasses.dataclass(frozen=True)
class Frame:
    """One frame of a video.

    Attributes:
        index: Its number, from 0.
        seconds: Its time in the video; of a camera, the time since the first.
        pixels: uint8 `[height, width, 3]`, RGB, upright.
    """

    index: int
    seconds: float
    pixels: np.ndarray


class VideoReader:
    """Reads a video file, a stream or a camera. Use it as a context manager.

    Args:
        location: A path, a URL, or the number of a camera.
        name: What errors call it.

    Attributes:
        rate: Frames a second, as the video says.

    Raises:
        UserError: if it cannot be opened.
    """

    def __init__(self, location, name):
        cv2 = _import_cv2()
        self._name = name
        self._is_camera = isinstance(location, int)
        if not self._is_camera:
            _check_encoding(location, name)
        self._capture = cv2.VideoCapture(location)
        if not self._capture.isOpened():
            kind = "no such camera" if self._is_camera else "is no video OpenCV reads"
            raise UserError(kind, name)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate < _HIGHEST_RATE else _USUAL_RATE

    def frames(self, every=1):
        """Yields `Frame`s: the first, and each `every`-th after it.

        Raises:
            UserError: if there is no frame at all.
        """
        cv2 = _import_cv2()
        index, start = 0, time.monotonic()
        while self._capture.grab():
            if index % every == 0:
                seconds = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                if self._is_camera:
                    seconds = time.monotonic() - start
                good, pixels = self._capture.retrieve()
                if not good:
                    break
                yield Frame(index, seconds, cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
            index += 1
        if index == 0:
            raise UserError("has no frames", self._name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._capture.release()


class VideoWriter:
    """Writes an MP4 video. Use it as a context manager.

    It is written beside its place and renamed when the block ends; also when the
    block ends early by Ctrl-C or because nobody wants more frames, as it is the only
    way to end a camera, or by a `UserError`. After another error nothing is left.

    Args:
        path: The file. The folder must exist.
        rate: Frames a second.

    Raises:
        UserError: if the file cannot be written.
    """

    def __init__(self, path, rate):
        self._path = Path(path)
        _check_encoding(str(path), path)
        self._rate = rate
        # OpenCV tells the format from the suffix.
        self._partial = self._path.with_name(f".{self._path.stem}.partial.mp4")
        self._writer = None
        self._size = None
        self._written = 0

    def write(self, pixels, seconds=None):
        """Writes one frame.

        Args:
            pixels: uint8 `[height, width, 3]`, RGB. A frame of another size than
                the first is resized to it.
            seconds: When it was taken, counted from the first. Frames are repeated
                or left out so that the video runs as fast as it was. Leave it
                out where the frames come at the video's rate.
        """
        cv2 = _import_cv2()
        if self._writer is None:
            self._open(cv2, pixels)
        if pixels.shape[1::-1] != self._size:
            pixels = cv2.resize(pixels, self._size, interpolation=cv2.INTER_AREA)
        copies = 1
        if seconds is not None:
            copies = max(int(seconds * self._rate) + 1 - self._written, 0)
        frame = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        for _ in range(copies):
            self._writer.write(frame)
        self._written += copies

    def _open(self, cv2, pixels):
        self._size = pixels.shape[1::-1]
        # The one codec for MP4 that all builds of OpenCV can write.
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(self._partial), codec, self._rate, self._size)
        if not writer.isOpened():
            self._partial.unlink(missing_ok=True)
            raise UserError(
                "cannot be written", self._path, "Choose a folder you can write to"
            )
        self._writer = writer

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self._writer is None:
            return
        self._writer.release()
        if not keeps_results(kind):
            self._partial.unlink(missing_ok=True)
            return
        # OpenCV does not tell when the disk is full.
        if not _import_cv2().VideoCapture(str(self._partial)).isOpened():
            self._partial.unlink(missing_ok=True)
            raise UserError("cannot be written", self._path, "Free some space")
        try:
            os.replace(self._partial, self._path)
        except OSError as error:
            self._partial.unlink(missing_ok=True)
            raise cannot_write(self._path, error) from error


def check_video(location, name):
    """Raises `UserError` where a video has no frame that can be read."""
    with VideoReader(location, name) as video:
        next(video.frames())


def _check_encoding(location, name):
    try:
        location.encode()
    except UnicodeEncodeError as error:
        # OpenCV crashes on it.
        raise UserError(
            "has a name that is not UTF-8, which OpenCV needs",
            os.fsencode(name).decode("utf-8", "backslashreplace"),
            "Rename it",
        ) from error


def _import_cv2():
    """Imports OpenCV without its notes on what it cannot open."""
    if DEBUG not in os.environ:
        # -8 is FFmpeg's level "quiet".
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    import cv2

    return cv2
