"""The typed heat maps of one image; free of TensorFlow."""

import dataclasses
import json

import numpy as np

SHOWN = 3  # classes on a line


@dataclasses.dataclass(frozen=True)
class ClassWindow:
    """The window in which a class is most probable.

    Attributes:
        label: The class.
        probability: Its probability there.
        x1: Left edge in pixels of the original image, upright.
        y1: Top edge.
        x2: Right edge.
        y2: Bottom edge.
    """

    label: str
    probability: float
    x1: float
    y1: float
    x2: float
    y2: float


@dataclasses.dataclass(frozen=True, eq=False)
class HeatMap:
    """Where on one image each class is, as the classifier sees it.

    Attributes:
        source: The file, or its number where bytes were given.
        best: A `ClassWindow` for each class, the most probable first.
        labels: The class names, in the order of the maps' last axis.
        probabilities: For each scale a float32 array `[rows, columns, classes]`:
            what the classifier says of each window; zeros for a window whose centre
            is not on the image.
        boxes: For each scale a float32 array `[rows, columns, 4]`: the windows as
            x1, y1, x2, y2 in pixels of the original image, which they may reach
            beyond.
        valid: Whether the image could be read.
        error: Why not, in a few words.
    """

    source: str
    best: tuple[ClassWindow, ...]
    labels: tuple[str, ...]
    probabilities: tuple[np.ndarray, ...]
    boxes: tuple[np.ndarray, ...]
    valid: bool
    error: str

    def summary(self):
        """Returns all but the maps as a dict of JSON's types."""
        return {
            "source": self.source,
            "best": [dataclasses.asdict(window) for window in self.best],
            "valid": self.valid,
            "error": self.error,
        }

    def line(self):
        """Returns the best windows as a line for a person."""
        if not self.valid:
            return f"{self.source}  error: {self.error}"
        return "  ".join(
            [
                self.source,
                *(
                    f"{window.label} {window.probability:.3f} at {window.x1:.0f},"
                    f"{window.y1:.0f},{window.x2:.0f},{window.y2:.0f}"
                    for window in self.best[:SHOWN]
                ),
            ]
        )


def json_lines(results):
    """Yields the summaries of `HeatMap`s as lines that make one JSON list.

    Args:
        results: Iterable of `HeatMap`s; there is a line for each when it comes.
    """
    start = "["
    for result in results:
        yield start + json.dumps(result.summary(), ensure_ascii=False)
        start = ","
    yield "[]" if start == "[" else "]"


def heat_maps(names, answers):
    """Makes typed results of what the signature `heat_map` returned.

    Args:
        names: What each row is called.
        answers: Dict from output name to numpy array, one row for each name.

    Returns:
        A list of `HeatMap`.
    """
    results = []
    for row, name in enumerate(names):
        answer = {key: value[row] for key, value in answers.items()}
        labels = tuple(label.decode() for label in answer["labels"])
        windows = [
            ClassWindow(label, float(probability), *map(float, box))
            for label, probability, box in zip(
                labels, answer["best_probabilities"], answer["best_boxes"], strict=True
            )
            if probability > 0
        ]
        results.append(
            HeatMap(
                source=name,
                best=tuple(sorted(windows, key=lambda window: -window.probability)),
                labels=labels,
                probabilities=_by_scale(answer["probabilities"], answer["grid"]),
                boxes=_by_scale(answer["boxes"], answer["grid"]),
                valid=bool(answer["valid"]),
                error=answer["error"].decode(),
            )
        )
    return results


def _by_scale(windows, grid):
    ends = np.cumsum(grid.prod(axis=1))[:-1]
    return tuple(
        part.reshape(*counts, -1)
        for part, counts in zip(np.split(windows, ends), grid, strict=True)
    )
