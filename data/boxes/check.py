"""Boxes as people draw them, to boxes that can be learnt."""

import math

import numpy as np

SLACK = 1.0  # pixels that a box may reach out of its image before it is worth a word


def check_boxes(boxes, labels, height, width):
    """Cuts boxes to their image and finds those that are of no use.

    Of no use are boxes with a coordinate that is no finite number, inverted ones,
    those without an area or wholly outside the image, exact copies, and those
    whose class is not named.

    Args:
        boxes: `[n, 4]` of x1, y1, x2, y2 in pixels.
        labels: `[n]` class names.
        height: Height of the image.
        width: Width of the image.

    Returns:
        A tuple `(boxes, kept, problems)`: the boxes of use, cut to the image,
        float32 `[k, 4]`; their indices in the given list, `[k]`; and a list of
        sentences without full stops.
    """
    height, width = float(height), float(width)
    # Plain numbers: for a handful of boxes an image, arrays would be ten times slower.
    cut_boxes, kept, problems, seen = [], [], [], set()
    for index, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        if not label.strip():
            problems.append(f"box {index + 1} has no class; it is left out")
            continue
        x1, y1, x2, y2 = box = tuple(map(float, box))
        cut = (max(x1, 0.0), max(y1, 0.0), min(x2, width), min(y2, height))
        copied = (label, cut) in seen
        reason = _useless(box, cut) or ("is a copy of another" if copied else "")
        what = f"box {index + 1} ({label})"
        if reason:
            problems.append(f"{what} {reason}; it is left out")
            continue
        beyond = max(-x1, -y1, x2 - width, y2 - height)
        if beyond > SLACK:
            problems.append(
                f"{what} reaches {beyond:.0f} pixels out of the image; it is cut"
            )
        seen.add((label, cut))
        cut_boxes.append(cut)
        kept.append(index)
    return np.array(cut_boxes, np.float32).reshape(-1, 4), kept, problems


def _useless(box, cut):
    """Says why a box is of no use; empty if it is of use."""
    if not all(map(math.isfinite, box)):
        return "has a coordinate that is no number"
    if box[2] < box[0] or box[3] < box[1]:
        return "is inverted"
    if box[2] == box[0] or box[3] == box[1]:
        return "has no area"
    x1, y1, x2, y2 = map(np.float32, cut)
    if x2 <= x1 or y2 <= y1:
        return "has no area inside the image"
    return ""
