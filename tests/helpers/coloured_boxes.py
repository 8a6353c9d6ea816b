"""Photographs of a kind: rectangles of two colours, annotated as COCO does."""

import numpy as np
from helpers.box_folders import coco_json, write_json
from helpers.images import encode

COLOURS = {"röt": (220, 30, 30), "blau": (30, 30, 220)}


def write_photos(folder, count=12, names=tuple(COLOURS), boxes=(0, 1, 3)):
    """Writes images with coloured rectangles and their `annotations.json`.

    Args:
        folder: The folder.
        count: How many images.
        names: The colours of the rectangles, by name.
        boxes: How many are in an image, in turn.

    Returns:
        `folder`.
    """
    rng = np.random.default_rng(0)
    annotations, sizes = {}, {}
    (folder / "images").mkdir(parents=True)
    for number in range(count):
        height, width = (int(side) for side in rng.integers(70, 120, 2))
        picture = rng.integers(0, 60, (height, width, 3)).astype("uint8")
        rows = []
        for _ in range(boxes[number % len(boxes)]):
            w, h = (int(side) for side in rng.integers(20, 40, 2))
            x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
            name = names[int(rng.integers(len(names)))]
            picture[y : y + h, x : x + w] = COLOURS[name]
            rows.append({"category": name, "bbox": [x, y, w, h]})
        file = f"{number}.png"
        (folder / "images" / file).write_bytes(encode(picture))
        annotations[file], sizes[file] = rows, {"height": height, "width": width}
    content = coco_json(annotations, categories=tuple(COLOURS))
    for entry in content["images"]:
        entry |= sizes[entry["file_name"]]
    write_json(folder / "annotations.json", content)
    return folder
