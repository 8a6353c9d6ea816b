"""The typed answer for one image or frame; free of TensorFlow."""

import dataclasses
from collections import Counter
from pathlib import Path

from ...data.images import IMAGE_SUFFIXES

OUTPUTS = ("boxes", "scores", "classes", "count", "valid", "error")
# Only of a detector with landmarks.
LANDMARK_OUTPUTS = ("landmarks", "visibility", "landmark_names")


@dataclasses.dataclass(frozen=True)
class DetectedBox:
    """One object that was found.

    Attributes:
        label: Its class.
        score: How sure the model is, 0 to 1; `None` for a box that is known.
        x1: Left edge in pixels of the original image, upright. The left edge of
            the first pixel is 0, the right edge of the last is the width.
        y1: Top edge.
        x2: Right edge.
        y2: Bottom edge.
    """

    label: str
    score: float | None
    x1: float
    y1: float
    x2: float
    y2: float


@dataclasses.dataclass(frozen=True)
class Landmark:
    """One point of an object that was found.

    Attributes:
        name: What point it is.
        x: Its place in pixels of the original image, from the left; see
            `DetectedBox`.
        y: The same from the top.
        visibility: How sure the model is that the point is in the image, 0 to 1.
    """

    name: str
    x: float
    y: float
    visibility: float


@dataclasses.dataclass(frozen=True)
class DetectedImage:
    """The answer for one image or one frame of a video.

    Attributes:
        source: The file, or its number where bytes were given. A frame of a
            video is called after its number, from 0: `clip.mp4#12`.
        boxes: A tuple of `DetectedBox`, scores falling.
        valid: Whether the image could be read.
        error: Why not, in a few words.
        landmarks: A tuple of `Landmark`, the points of the one object; empty if
            there is none, or the model knows of no points.
    """

    source: str
    boxes: tuple[DetectedBox, ...]
    valid: bool
    error: str
    landmarks: tuple[Landmark, ...] = ()


def detected_images(names, answers):
    """Makes typed results of what a signature returned.

    Args:
        names: What each row is called.
        answers: Dict from output name to numpy array, one row for each name:
            `boxes` float32 `[N, M, 4]`, `scores` `[N, M]`, `classes` names as
            bytes `[N, M]`, `count` `[N]`, `valid` `[N]`, `error` `[N]`; with
            landmarks also `landmarks` `[N, K, 2]`, `visibility` `[N, K]` and
            `landmark_names` as bytes `[N, K]`.

    Returns:
        A list of `DetectedImage`.
    """
    return [
        DetectedImage(
            source=name,
            boxes=tuple(
                DetectedBox(
                    answers["classes"][row][place].decode(),
                    float(answers["scores"][row][place]),
                    *map(float, answers["boxes"][row][place]),
                )
                for place in range(answers["count"][row])
            ),
            valid=bool(answers["valid"][row]),
            error=answers["error"][row].decode(),
            landmarks=_landmarks(answers, row),
        )
        for row, name in enumerate(names)
    ]


def _landmarks(answers, row):
    if "landmarks" not in answers or not answers["count"][row]:
        return ()
    places, visibility, names = (answers[name][row] for name in LANDMARK_OUTPUTS)
    return tuple(
        Landmark(name.decode(), float(x), float(y), float(share))
        for name, (x, y), share in zip(names, places, visibility, strict=True)
    )


def result_lines(results):
    """Returns the results as lines for a person: what was found, and how often."""
    return [f"{result.source}  {_found(result)}" for result in results]


def _found(result):
    if not result.valid:
        return f"error: {result.error}"
    counts = Counter(box.label for box in result.boxes).most_common()
    return ", ".join(f"{count} {label}" for label, count in counts) or "nothing"


def coco_results(results, class_names, *, image_ids=None, category_ids=None):
    """Returns results in COCO's format, as its evaluation reads them.

    Args:
        results: `DetectedImage`s.
        class_names: The class names, in the model's order.
        image_ids: Dict from source to the image's id. If not given, an image
            file that is named by a number has this number, as COCO's own have,
            and everything else its source.
        category_ids: Dict from class name to the category's id. If not given,
            the classes are counted from 1.

    Returns:
        A list of dicts with `image_id`, `category_id`, `bbox` (left, top, width
        and height in pixels) and `score`, one for each box.
    """
    if category_ids is None:
        category_ids = {name: place for place, name in enumerate(class_names, 1)}
    return [
        {
            "image_id": image_ids[result.source] if image_ids else _id(result.source),
            "category_id": category_ids[box.label],
            "bbox": [box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1],
            "score": box.score,
        }
        for result in results
        for box in result.boxes
    ]


def _id(source):
    path = Path(source)
    number = path.stem
    is_image = path.suffix.lower() in IMAGE_SUFFIXES
    return int(number) if is_image and number.isdecimal() else source
