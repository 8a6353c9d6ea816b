"""The way from a user's images, videos and cameras to typed results."""

import contextlib
from itertools import groupby, islice

import numpy as np

from ...errors import UserError
from ..inputs import read_input
from .inputs import ImageInput, gather_inputs
from .results import detected_images
from .save import ResultWriter
from .video import VideoReader, check_video

_IMAGES = 16  # that the model gets at a time
_FRAMES = 4  # of a video file; those of a camera come one by one


def detections(
    inputs,
    answer,
    class_names,
    thresholds,
    *,
    every=1,
    crops=False,
    save_dir=None,
):
    """Finds objects in images, videos and what a camera sees.

    Args:
        inputs: As for `gather_inputs`.
        answer: Function of a signature's name and, by keyword, of its inputs as
            numpy arrays, that returns a dict of its outputs as numpy arrays.
        class_names: The class names, in the model's order.
        thresholds: Dict of `confidence`, `iou` and `max_detections`.
        every: Look at every N-th frame of a video.
        crops: Write crops into `save_dir`, too.
        save_dir: The folder to save to, see `ResultWriter`; nothing is saved if
            not given.

    Yields:
        A `DetectedImage` for each image and frame, as soon as it is known. A
        camera never ends; close the generator to end it.

    Raises:
        UserError: if a file is missing, a video cannot be read, or `save_dir`
            cannot be written. An image that cannot be read has `valid` false and
            does not stop the others.
    """
    if crops and save_dir is None:
        raise UserError("crops need a folder", mend="Name it by --save-dir")
    found = gather_inputs(inputs)
    for item in found:
        # Sooner than after hours of other videos.
        if not isinstance(item, ImageInput) and item.is_file:
            check_video(item.location, item.name)
    with contextlib.ExitStack() as stack:
        writer = None
        if save_dir is not None:
            writer = ResultWriter(save_dir, class_names, crops=crops)
            stack.enter_context(writer)
        ask = _asking(answer, thresholds)
        for kind, group in groupby(found, type):
            if kind is ImageInput:
                yield from _in_images(group, ask, writer)
            else:
                for video in group:
                    yield from _in_video(video, ask, every, writer)


def _asking(answer, thresholds):
    """Returns a function that asks the model, with the same thresholds for all rows."""

    def ask(signature, names, **rows):
        count = len(names)
        answers = answer(
            signature,
            **rows,
            confidence=np.full(count, thresholds["confidence"], np.float32),
            iou=np.full(count, thresholds["iou"], np.float32),
            max_detections=np.full(count, thresholds["max_detections"], np.int32),
        )
        return detected_images(names, answers)

    return ask


def _in_images(images, ask, writer):
    for part in _parts(images, _IMAGES):
        contents = [read_input(image.source) for image in part]
        names = [image.name for image in part]
        results = ask("thresholds", names, image_bytes=np.array(contents, object))
        for result, content in zip(results, contents, strict=True):
            if writer:
                writer.add_image(result, content)
            yield result


def _in_video(video, ask, every, writer):
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(VideoReader(video.location, video.name))
        add = None
        if writer:
            add = stack.enter_context(writer.video(video.name, reader.rate / every))
        frames = reader.frames(every)
        for part in _alike(frames, _FRAMES if video.is_file else 1):
            names = [f"{video.name}#{frame.index}" for frame in part]
            pixels = np.stack([frame.pixels for frame in part])
            results = ask("pixels", names, pixels=pixels)
            for result, frame in zip(results, part, strict=True):
                if add:
                    live = isinstance(video.location, int)
                    add(result, frame.pixels, frame.seconds if live else None)
                yield result


def _alike(frames, size):
    """Yields lists of up to `size` frames of one height and width."""
    for _, group in groupby(frames, lambda frame: frame.pixels.shape):
        yield from _parts(group, size)


def _parts(items, size):
    items = iter(items)
    while part := list(islice(items, size)):
        yield part
