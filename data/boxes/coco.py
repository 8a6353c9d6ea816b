"""Annotations in the JSON format of COCO."""

import dataclasses
import json
import os
import re
from pathlib import Path

import numpy as np

from ...errors import UserError
from ..images.folders import SPLIT_FOLDERS, printable
from ..shown import shown
from .found import Annotation, FoundBoxes

# The field's names for a file that annotates the images beside it.
_FILES = ("_annotations.coco.json", "annotations.json", "labels.json", "coco.json")
_FILE_PATTERNS = ("instances_*.json", "*_coco.json", "*.coco.json")
_IMAGES = ("images", "JPEGImages", "data", "")
_OTHER_TASKS = re.compile(r"(captions|stuff|panoptic|image_info)_.*")
_SPLIT = re.compile(rf"(?<![a-z])({'|'.join(SPLIT_FOLDERS)})(?![a-z])")


@dataclasses.dataclass
class _Part:
    """One JSON file, its split, and where its images may be."""

    file: Path
    split: str | None
    folders: list[Path]


def has_coco(root):
    """Tells whether a folder holds JSON files where COCO's layouts have them."""
    return bool(_find_parts(root))


def read_coco(path):
    """Reads COCO annotations: boxes, crowd flags and keypoints.

    Args:
        path: A `.json` file, whose images are in its folder, in `images/` or
            `data/` beside it or beside the folder `annotations/` that it is in; or
            a folder, a `Path`, that has one of these layouts:
            `annotations/instances_SPLIT.json` (or other names that say the split)
            and `SPLIT/`, `images/SPLIT/` or `images/`;
            `annotations.json` and `images/`;
            `train/_annotations.coco.json` with the images beside it, likewise
            `valid/` and `test/`.

    Returns:
        A `FoundBoxes` with files. Keypoints are read if all categories with
        keypoints name the same ones.

    Raises:
        UserError: if a file is no COCO annotation file, or the splits of several
            cannot be told.

    Reference:
        https://cocodataset.org/#format-data
    """
    parts = _find_parts(path) if path.is_dir() else [_single_part(path)]
    if len(parts) == 1:  # its name says nothing of how to divide it
        parts[0].split = None
    root = path if path.is_dir() else path.parent
    found = FoundBoxes(f"COCO annotations {path}", files=[])
    contents = [_load(part.file) for part in parts]
    names, found.point_names = _names(contents)
    for part, content in zip(parts, contents, strict=True):
        _read_part(part, content, root, found)
    found.class_names = names
    _centre_pixels(found)
    return found


def _find_parts(root):
    for folder in _subfolders(root):
        if folder.name.lower() != "annotations":
            continue
        files = sorted(folder.glob("instances_*.json")) or [
            file
            for file in shown(folder.glob("*.json"))
            if not _OTHER_TASKS.fullmatch(file.name)
        ]
        if files:
            return _with_splits([_single_part(file) for file in files], root)
    files = _files_in(root)
    if files:
        return _with_splits([_single_part(file) for file in files], root)
    return [
        _Part(file, SPLIT_FOLDERS[sub.name.lower()], _folders(file))
        for sub in _subfolders(root)
        if sub.name.lower() in SPLIT_FOLDERS
        for file in _files_in(sub)[:1]
    ]


def _files_in(folder):
    """Returns the JSON files of a folder that are called as COCO's are."""
    files = [folder / name for name in _FILES if (folder / name).is_file()]
    return files or shown(
        {file for pattern in _FILE_PATTERNS for file in folder.glob(pattern)}
    )


def _subfolders(folder):
    return [path for path in shown(folder.iterdir()) if path.is_dir()]


def _single_part(file):
    match = _SPLIT.search(file.stem.lower())
    return _Part(file, match and SPLIT_FOLDERS[match[1]], _folders(file))


def _folders(file):
    """Returns where the images of a JSON file may be."""
    tops = [file.parent]
    if file.parent.name.lower() == "annotations":
        tops = [file.parent.parent, file.parent]
    own = [file.stem.removeprefix("instances_").removeprefix("person_keypoints_")]
    match = _SPLIT.search(file.stem.lower())
    own += [match[1]] if match else []
    folders = [
        top / inner / name for top in tops for inner in ("", "images") for name in own
    ]
    folders += [top / inner for top in tops for inner in _IMAGES]
    return [folder for folder in folders if folder.is_dir()]


def _with_splits(parts, root):
    unclear = [part.file.name for part in parts if part.split is None]
    if len(parts) > 1 and unclear:
        raise UserError(
            f"has several annotation files, and the name of {unclear[0]!r} does not "
            "say train, val or test",
            root,
            "Name one of the files, or rename them",
        )
    return parts


def _load(file):
    try:
        content = json.loads(file.read_bytes(), object_hook=_without_outline)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"cannot be read as JSON ({error})", file) from error
    lists = ("images", "annotations", "categories")
    is_coco = isinstance(content, dict) and all(
        isinstance(content.get(key), list)
        and all(isinstance(entry, dict) for entry in content[key])
        for key in lists
    )
    if not is_coco:
        raise UserError(
            "is no COCO annotation file: it needs the lists images, annotations and "
            "categories",
            file,
        )
    return content


def _without_outline(entry):
    """Drops what takes most of the memory, and gives boxes nothing."""
    entry.pop("segmentation", None)
    return entry


def _names(contents):
    """Returns the class names by ascending id, and the names of the keypoints."""
    names, points = {}, set()
    for content in contents:
        used = {_id(entry, "category_id") for entry in content["annotations"]}
        parents = {
            entry.get("supercategory")
            for entry in content["categories"]
            if entry.get("supercategory") != entry.get("name")
        }
        for entry in sorted(content["categories"], key=_category_order):
            name = str(entry.get("name", ""))
            # Some tools list the group of all classes as one more class.
            if name.strip() and (_id(entry) in used or name not in parents):
                names[name] = None
            if entry.get("keypoints"):
                points.add(tuple(map(str, entry["keypoints"])))
    return tuple(names), points.pop() if len(points) == 1 else ()


def _id(entry, key="id"):
    """Returns an id as text: some tools mix numbers and strings."""
    return str(entry.get(key))


def _category_order(entry):
    text = _id(entry)
    return int(text) if text.isdecimal() else -1


def _read_part(part, content, root, found):
    categories = {
        _id(entry): str(entry.get("name", "")) for entry in content["categories"]
    }
    by_image = {_id(entry): [] for entry in content["images"]}
    orphans = 0
    for entry in content["annotations"]:
        objects = by_image.get(_id(entry, "image_id"))
        if objects is None:
            orphans += 1
        else:
            objects.append(entry)
    if orphans:
        found.problems.append(
            (part.file.name, f"{orphans:,} annotations of images that are not listed")
        )
    for entry in content["images"]:
        name = str(entry.get("file_name", ""))
        objects = by_image.pop(_id(entry), None)
        file = _image_file(name, part.folders)
        if file is None or objects is None:
            reason = "there is no such image" if file is None else "its id is taken"
            found.problems.append((printable(name), f"{reason}; it is left out"))
            continue
        annotation = Annotation(
            printable(os.path.relpath(file, root)),
            size=_size(entry),
            split=part.split,
        )
        for thing in objects:
            _add(thing, categories, annotation, found)
        found.annotations.append(annotation)
        found.files.append(str(file))


def _image_file(name, folders):
    name = name.replace("\\", "/")
    for tried in dict.fromkeys((name, name.rsplit("/", 1)[-1])):
        for folder in folders:
            file = folder / tried
            # `Path.is_file` would fail at what can be no file name at all.
            if tried and os.path.isfile(file):
                # Where one image is, the others are likely too.
                folders.remove(folder)
                folders.insert(0, folder)
                return file
    return None


def _size(entry):
    try:
        size = int(entry["height"]), int(entry["width"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return size if min(size) > 0 else None


def _add(thing, categories, annotation, found):
    """Adds one object to an annotation."""
    label = categories.get(_id(thing, "category_id"))
    if label is None:
        found.problems.append(
            (
                annotation.name,
                f"a box has the unknown category {thing.get('category_id')!r}; it is "
                "left out",
            )
        )
        return
    numbers = _numbers(thing.get("bbox"), 4)
    x, y, width, height = numbers if numbers else [float("nan")] * 4
    annotation.labels.append(label)
    annotation.boxes.append((x, y, x + width, y + height))
    annotation.crowd.append(thing.get("iscrowd") in (1, True))
    annotation.areas.append(_area(thing))
    if found.point_names:
        count = len(found.point_names)
        points = _numbers(thing.get("keypoints"), 3 * count) or [0.0] * (3 * count)
        annotation.points.append(np.reshape(points, (count, 3)))


def _area(thing):
    """Returns the area that is stated, NaN if it is none."""
    (area,) = _numbers([thing.get("area")], 1) or [-1.0]
    return area if 0 <= area < float("inf") else float("nan")


def _numbers(values, count):
    """Returns a list of so many numbers, or `None` if they are not that."""
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if len(numbers) == count else None


def _centre_pixels(found):
    """Moves keypoints that are numbers of pixels to the centres of these pixels.

    COCO's own keypoints are whole numbers, counted from 0; other tools write exact
    places. A point without visibility has no place.
    """
    points = [point for each in found.annotations for point in each.points]
    if not points:
        return
    places = np.concatenate(points)
    labelled = np.isfinite(places).all(axis=1) & (places[:, 2] > 0)
    whole = (places[labelled, :2] == np.round(places[labelled, :2])).all()
    for point in points:
        seen = np.isfinite(point).all(axis=1) & (point[:, 2] > 0)
        point[seen, :2] += 0.5 * whole
        point[~seen] = 0
