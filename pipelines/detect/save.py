"""Results of detection as files: images and videos with boxes, crops, JSON."""

import contextlib
import dataclasses
import json
import math
import re
from pathlib import Path

from ...files import atomic_file, cannot_write, short_name
from ..stops import keeps_results
from .draw import draw_boxes
from .results import coco_results
from .video import VideoWriter

_JPEG_START = b"\xff\xd8"


class ResultWriter:
    """Writes results into a folder while they come. Use it as a context manager.

    The folder gets `predictions.json`; `coco.json`, the boxes in COCO's format;
    `annotated/`, each image and video with its boxes; and `crops/`, with a folder
    for each class. What was added until a Ctrl-C, a `UserError`, or until the caller
    stops, is kept; after another error the JSON files are left as they were.

    Args:
        folder: The folder. What it holds of the same names is replaced.
        class_names: The class names, in the model's order.
        crops: Whether to write what is in each box, too.

    Raises:
        UserError: if the folder cannot be written.
    """

    def __init__(self, folder, class_names, *, crops=False):
        self._folder = Path(folder)
        self._class_names = tuple(class_names)
        self._crops = crops
        self._taken = set()
        self._files = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as files:
            places = self._folder / "predictions.json", self._folder / "coco.json"
            self._rows, self._coco = (
                files.enter_context(_json_list(path)) for path in places
            )
            self._files = files.pop_all()
        return self

    def __exit__(self, *error):
        if keeps_results(error[0]):
            error = None, None, None  # as if this were the end
        self._files.__exit__(*error)

    def add_image(self, result, encoded):
        """Writes the result of one image.

        Args:
            result: Its `DetectedImage`.
            encoded: Its content, as `bytes`.
        """
        self._add_rows(result)
        if not result.valid:
            return
        pixels = _decoded(encoded)
        suffix = ".jpg" if encoded.startswith(_JPEG_START) else ".png"
        name = self._new_name(Path(result.source).stem, suffix)
        path = self._folder / "annotated" / f"{name}{suffix}"
        _write_image(path, self._drawn(result, pixels))
        self._add_crops(result, pixels, name, suffix)

    @contextlib.contextmanager
    def video(self, name, rate):
        """Writes one video with boxes.

        Args:
            name: What the video is called.
            rate: Frames a second.

        Yields:
            A function of a `DetectedImage`, its pixels and, for a camera, its
            time, that adds a frame.
        """
        folder = self._folder / "annotated"
        name = self._new_name(Path(name).stem, ".mp4")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from error
        with VideoWriter(folder / f"{name}.mp4", rate) as writer:

            def add(result, pixels, seconds=None):
                self._add_rows(result)
                writer.write(self._drawn(result, pixels), seconds)
                number = result.source.rpartition("#")[2]
                self._add_crops(result, pixels, f"{name}#{number}", ".jpg")

            yield add

    def _drawn(self, result, pixels):
        names = self._class_names
        return draw_boxes(pixels, result.boxes, names, result.landmarks)

    def _add_rows(self, result):
        self._rows(dataclasses.asdict(result))
        for row in coco_results([result], self._class_names):
            self._coco(row)

    def _add_crops(self, result, pixels, name, suffix):
        if not self._crops:
            return
        for number, box in enumerate(result.boxes):
            crop = cut_out(pixels, box)
            if crop.size:
                folder = self._folder / "crops" / file_name(box.label)
                _write_image(folder / f"{name}_{number}{suffix}", crop)

    def _new_name(self, stem, suffix):
        """Returns a file name without suffix that was not taken yet."""
        stem = name = file_name(stem)
        number = 1
        while (name.casefold(), suffix) in self._taken:
            number += 1
            name = f"{stem}_{number}"
        self._taken.add((name.casefold(), suffix))
        return name


def cut_out(pixels, box):
    """Returns the part of an image that a box touches.

    Args:
        pixels: `[height, width, 3]`.
        box: A `DetectedBox` in pixels of the image.

    Returns:
        A view of `pixels`; of no size where the box lies outside.
    """
    left, top = max(math.floor(box.x1), 0), max(math.floor(box.y1), 0)
    right, bottom = max(math.ceil(box.x2), 0), max(math.ceil(box.y2), 0)
    return pixels[top:bottom, left:right]


def file_name(text):
    """Returns a text as the name of a file or folder, on any system."""
    name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "_", text)
    return short_name(name).strip(". ") or "_"


@contextlib.contextmanager
def _json_list(path):
    """Writes a list row by row; yields a function that adds one."""
    with atomic_file(path) as file:
        separator = "[\n"

        def add(row):
            nonlocal separator
            file.write(separator + json.dumps(row, ensure_ascii=False))
            separator = ",\n"

        yield add
        file.write("[]\n" if separator == "[\n" else "\n]\n")


def _decoded(encoded):
    """Decodes as the model does, so that the boxes fit."""
    from ...data.images.decode import decode_image

    return decode_image(encoded, 3).numpy()


def _write_image(path, pixels):
    import cv2

    _, encoded = cv2.imencode(path.suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    with atomic_file(path, "wb") as file:
        file.write(encoded.tobytes())
