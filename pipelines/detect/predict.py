"""The way from a user's images, videos and cameras to typed results."""

import contextlib
import dataclasses
from itertools import groupby, islice

import numpy as np

from ...errors import UserError
from ..inputs import try_reading
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
        UserError: if a file is missing, a video cannot be read or a camera opened,
            before the first result if possible; or if `save_dir` cannot be written.
            An image that cannot be read has `valid` false and does not stop the
            others.
    """
    if crops and save_dir is None:
        raise UserError("crops need a folder", mend="Name it by --save-dir")
    found = gather_inputs(inputs)
    with contextlib.ExitStack() as stack:
        readers = _open_videos(found, stack)
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
                    # What is named twice is opened again when its turn comes.
                    reader = readers.pop(video.location, None)
                    yield from _in_video(video, reader, ask, every, writer)


def _open_videos(found, stack):
    """Looks into all videos before work begins, sooner than after hours of others.

    Returns:
        A dict from location to the `VideoReader` of each camera and stream, kept
        open until its turn: a stream that is sent to us comes only once.
    """
    readers = {}
    for item in found:
        if isinstance(item, ImageInput):
            continue
        if item.is_file:
            check_video(item.location, item.name)
        elif item.location not in readers:
            reader = VideoReader(item.location, item.name)
            readers[item.location] = stack.enter_context(reader)
    return readers


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
        read = [try_reading(image.source) for image in part]
        names = [image.name for image in part]
        contents = np.array([content for content, _ in read], object)
        results = ask("thresholds", names, image_bytes=contents)
        for result, (content, error) in zip(results, read, strict=True):
            if error:  # the model says only that there are no bytes
                result = dataclasses.replace(result, error=error)
            if writer:
                writer.add_image(result, content)
            yield result


def _in_video(video, reader, ask, every, writer):
    with contextlib.ExitStack() as stack:
        reader = reader or VideoReader(video.location, video.name)
        stack.enter_context(reader)
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
