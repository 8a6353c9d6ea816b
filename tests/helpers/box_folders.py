"""Small data sets with boxes, written in the formats of the field."""

import json

import numpy as np
from helpers.images import encode, noise


def write_image(path, height=40, width=60, seed=0, **options):
    """Writes a random image; the suffix says the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    format = {".jpg": "JPEG", ".png": "PNG"}[path.suffix]
    path.write_bytes(encode(noise(height, width, seed), format, **options))


def voc_xml(objects, height=40, width=60, filename="whatever.jpg"):
    """The XML of Pascal VOC; `objects` are `(name, xmin, ymin, xmax, ymax)`, and
    perhaps a flag for difficult."""
    parts = [
        f"<object><name>{name}</name><difficult>{int(bool(flags))}</difficult>"
        f"<bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin>"
        f"<xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"
        for name, *box in objects
        for flags in [box[4:]]
    ]
    return (
        f"<annotation><filename>{filename}</filename><size><width>{width}</width>"
        f"<height>{height}</height><depth>3</depth></size>{''.join(parts)}</annotation>"
    )


def write_voc(root, images, lists=None):
    """Writes a Pascal VOC folder.

    Args:
        root: The folder.
        images: Dict from name to objects, as in `voc_xml`.
        lists: Dict from the name of a list to the names in it.
    """
    (root / "Annotations").mkdir(parents=True)
    for seed, (name, objects) in enumerate(images.items()):
        write_image(root / "JPEGImages" / f"{name}.jpg", seed=seed)
        (root / "Annotations" / f"{name}.xml").write_text(voc_xml(objects))
    for name, members in (lists or {}).items():
        path = root / "ImageSets" / "Main" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{member}\n" for member in members))
    return root


def coco_json(images, categories=("cell", "dot"), first_id=7, step=10):
    """The content of a COCO file; categories have ids with gaps.

    Args:
        images: Dict from file name to annotations: dicts with `category` (its
            name) and `bbox`, and whatever else COCO knows.
        categories: Names, or whole dicts without `id`.
        first_id: Id of the first category.
        step: Between the ids of categories.
    """
    listed, ids = [], {}
    for number, entry in enumerate(categories):
        entry = {"name": entry} if isinstance(entry, str) else entry
        ids[entry["name"]] = first_id + step * number
        listed.append({"id": ids[entry["name"]], **entry})
    content = {"images": [], "annotations": [], "categories": listed}
    for number, (name, annotations) in enumerate(images.items()):
        image_id = 1000 - 3 * number
        content["images"].append(
            {"id": image_id, "file_name": name, "height": 40, "width": 60}
        )
        for annotation in annotations:
            own = {key: value for key, value in annotation.items() if key != "category"}
            own["category_id"] = ids[annotation["category"]]
            own |= {"id": len(content["annotations"]), "image_id": image_id}
            content["annotations"].append(own)
    return content


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def rows_by_name(table):
    """Dict from the last part of an image's name, without suffix, to its row."""
    names = [name.replace("\\", "/").rsplit("/", 1)[-1] for name in table.names]
    return {name.rsplit(".", 1)[0]: row for row, name in enumerate(names)}


def problems_of(table, name):
    """The problems of the images whose name contains `name`, as one text."""
    return "\n".join(text for image, text in table.problems if name in image)


def check_table(table):
    """Holds a `BoxTable` to what it promises."""
    count = len(table)
    for name in ("boxes", "classes", "crowd", "difficult", "names"):
        assert isinstance(getattr(table, name), list)
        assert len(getattr(table, name)) == count
    assert table.sizes.dtype == np.int32 and table.sizes.shape == (count, 2)
    assert len(table.splits) == len(table.keys) == count
    for row in range(count):
        boxes, classes = table.boxes[row], table.classes[row]
        assert boxes.dtype == np.float32 and boxes.shape == (len(classes), 4)
        assert classes.dtype == np.int32
        assert ((classes >= 0) & (classes < len(table.class_names))).all()
        for flags in (table.crowd[row], table.difficult[row]):
            assert flags.dtype == bool and len(flags) == len(classes)
        height, width = table.sizes[row]
        assert (boxes >= 0).all() and (boxes <= [width, height, width, height]).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        if table.points is not None:
            points = table.points[row]
            assert points.dtype == np.float32
            assert points.shape == (len(classes), len(table.point_names), 3)
