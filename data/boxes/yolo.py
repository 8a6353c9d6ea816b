"""Text files of YOLO: a line for each box, in shares of the image's sides."""

import os
from pathlib import Path

import numpy as np

from ...errors import UserError
from ..images.folders import IMAGE_SUFFIXES, SPLIT_FOLDERS, printable
from ..shown import is_shown, shown
from .found import Annotation, FoundBoxes
from .yolo_config import read_yolo_config

YAML_SUFFIXES = (".yaml", ".yml")
_NAME_FILES = ("classes.txt", "obj.names", "classes.names", "_darknet.labels")
_BESIDE = {f"obj_{name}_data": split for name, split in SPLIT_FOLDERS.items()}
_KEYS = ("path", "train", "val", "valid", "test", "names", "kpt_shape")


def has_yolo(root):
    """Tells whether a folder holds a YOLO data set."""
    return (
        _config_file(root) is not None
        or _names_file(root) is not None
        or bool(_labelled_folders(root))
    )


def read_yolo(path):
    """Reads the text files of YOLO.

    Each image `images/…/NAME.jpg` has its boxes in `labels/…/NAME.txt`, or else
    beside it; an image without such a file has none. A line is
    `class x y width height`, the centre and the sides in shares of the image's. A
    line of a class and at least three points is a polygon and becomes its box. With
    `kpt_shape` in `data.yaml`, points follow the box.

    Args:
        path: A `data.yaml`, or a folder, a `Path`, with one of:
            `data.yaml`;
            `images/` and `labels/`, with or without folders for the splits in
            them;
            `train/images` and `train/labels`, likewise `valid` and `test`;
            `obj_train_data/`, likewise `obj_valid_data`;
            images and text files side by side.
            Without `data.yaml`, the classes are the lines of `classes.txt` or
            `obj.names`.

    Returns:
        A `FoundBoxes` with files.

    Raises:
        UserError: if the classes or images cannot be found.
    """
    file = _config_file(path) if path.is_dir() else path
    # Lists of images and `data.yaml` may be anywhere, so no path can stay relative.
    root = Path(os.path.abspath(path if path.is_dir() else path.parent))
    config = read_yolo_config(file, _KEYS) if file else {}
    names = _names(config.get("names"), file, root)
    found = FoundBoxes(
        f"YOLO data set {path}", class_names=names, relative=True, files=[]
    )
    point_shape = _point_shape(config, file)
    if point_shape:
        found.point_names = tuple(str(number) for number in range(point_shape[0]))
    images = _images_of_config(config, file, root, found)
    images = images or _images_of_folders(root, found.problems)
    if not images:
        raise UserError("has no images", root, "Put them into images/, or mend `path`")
    read, unlabelled = set(), 0
    for image, split in images.items():
        labels = _label_file(image, root)
        annotation = Annotation(printable(os.path.relpath(image, root)), split=split)
        if labels.is_file():
            read.add(labels)
            _read_labels(labels, names, point_shape, annotation, found.problems)
        else:
            unlabelled += 1
        found.annotations.append(annotation)
        found.files.append(str(image))
    if not read:
        first = _label_file(next(iter(images)), root)
        raise UserError(f"has no label files; {first} is the first missing", root)
    if unlabelled:
        found.description += f"; {unlabelled:,} images without a label file have no box"
    _tell_unused(read, root, found.problems)
    return found


def _config_file(root):
    """Returns the YAML file with the classes, or `None`."""
    files = [file for file in shown(root.iterdir()) if file.suffix in YAML_SUFFIXES]
    files.sort(key=lambda file: file.stem != "data")
    for file in files:
        if "names" in read_yolo_config(file, ("names",)):
            return file
    return None


def _names_file(root):
    for folder in (root, root / "labels"):
        for name in _NAME_FILES:
            if (folder / name).is_file():
                return folder / name
    return None


def _names(names, config_file, root):
    """Returns the class names, a tuple in the order of their numbers."""
    if isinstance(names, dict):
        numbers = [str(number) for number in range(len(names))]
        if set(names) != set(numbers):
            raise UserError("`names` must number the classes from 0", config_file)
        return tuple(names[number] for number in numbers)
    if isinstance(names, list):
        return tuple(names)
    file = _names_file(root)
    if file is None:
        raise UserError(
            "does not say what its classes are called",
            config_file or root,
            "Write `names` into data.yaml, or a classes.txt with one name a line",
        )
    try:
        lines = [line.strip() for line in file.read_text("utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read ({error})", file) from error
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)


def _point_shape(config, file):
    """Returns how many points a box has and how many numbers a point, or `None`."""
    shape = config.get("kpt_shape")
    if shape is None:
        return None
    try:
        count, size = (int(number) for number in shape)
    except ValueError:
        count, size = 0, 0
    if count < 1 or size not in (2, 3):
        raise UserError("`kpt_shape` must be [points, 2 or 3]", file)
    return count, size


def _images_of_config(config, file, root, found):
    """Returns a dict from image to split, of the folders and lists in `data.yaml`."""
    images, seen = {}, set()
    parts = [(key, split) for key, split in SPLIT_FOLDERS.items() if key in config]
    for key, split in parts:
        places = config[key]
        for place in [places] if isinstance(places, str) else places:
            where = _resolve(place, config.get("path", ""), root)
            if where is None or where in seen:
                reason = "there is no" if where is None else "is another part too:"
                found.problems.append((file.name, f"`{key}` {reason} {place}"))
                continue
            seen.add(where)
            listed = _walk(where) if where.is_dir() else _listed(where, root, found)
            # What is in two parts is not trained on.
            images |= dict.fromkeys(listed, split)
    return images


def _resolve(place, base, folder):
    """Finds a path of `data.yaml`, which may be relative to other folders."""
    place = place.replace("\\", "/")
    inner = place
    # Exports from the web say ../train/images and mean train/images.
    while inner.startswith("../"):
        inner = inner[3:]
    for tried in (folder / base / place, folder / place, folder / inner):
        if os.path.exists(tried):  # `Path.exists` would fail at what can be no path
            return Path(os.path.normpath(tried))
    return None


def _listed(file, folder, found):
    """Returns the images that a text file lists, a path a line."""
    images = []
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read ({error})", file) from error
    for line in filter(None, map(str.strip, lines)):
        image = _resolve(line, file.parent, folder)
        if image is None:
            found.problems.append(
                (printable(line), "there is no such image; it is left out")
            )
        else:
            images.append(image)
    return images


def _labelled_folders(root):
    """Returns `(folder of images, split)` for the layouts without `data.yaml`."""
    if (root / "images").is_dir() and (root / "labels").is_dir():
        subs = _subfolders(root / "images")
        if subs and all(sub.name.lower() in SPLIT_FOLDERS for sub in subs):
            return [(sub, SPLIT_FOLDERS[sub.name.lower()]) for sub in subs]
        return [(root / "images", None)]
    folders = []
    for sub in _subfolders(root):
        split = SPLIT_FOLDERS.get(sub.name.lower())
        if split and (sub / "images").is_dir() and (sub / "labels").is_dir():
            folders.append((sub / "images", split))
        elif sub.name.lower() in _BESIDE:
            folders.append((sub, _BESIDE[sub.name.lower()]))
    return folders


def _images_of_folders(root, problems):
    folders = _labelled_folders(root) or [(root, None)]
    images = {image: split for folder, split in folders for image in _walk(folder)}
    top = root / "images"
    if any(folder.parent == top for folder, _ in folders):
        problems += [
            (
                printable(os.path.relpath(image, root)),
                "is in none of the folders of the splits; it is left out",
            )
            for image in shown(top.iterdir())
            if image.suffix.lower() in IMAGE_SUFFIXES
        ]
    return images


def _subfolders(folder):
    return [path for path in shown(folder.iterdir()) if path.is_dir()]


def _walk(folder):
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in IMAGE_SUFFIXES
        and all(map(is_shown, path.relative_to(folder).parts))
    ]


def _label_file(image, root):
    """Returns where the boxes of an image are, or should be."""
    beside = image.with_suffix(".txt")
    folder = _partner(image.parent, "images", "labels", root)
    if folder is None or (beside.is_file() and not (folder / beside.name).is_file()):
        return beside
    return folder / beside.name


def _partner(folder, old, new, root):
    """Replaces the last folder called `old` in a path by `new`.

    What the folders are called that a person keeps the data set in, says nothing:
    in a path below `root`, only what follows counts. Returns `None` if there is no
    such folder.
    """
    parts = list(folder.parts)
    first = len(root.parts) if folder.is_relative_to(root) else 0
    for index in reversed(range(first, len(parts))):
        if parts[index] == old:
            return Path(*parts[:index], new, *parts[index + 1 :])
    return None


def _read_labels(file, names, point_shape, annotation, problems):
    """Fills in an annotation from the lines of a label file."""

    def tell(number, text):
        problems.append((annotation.name, f"line {number} {text}; it is left out"))

    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problems.append((annotation.name, f"its labels cannot be read ({error})"))
        return
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            first, *values = map(float, line.split())
        except ValueError:
            tell(number, "has something that is no number")
            continue
        if first not in range(len(names)):
            tell(number, f"has the class {first:g}, of {len(names)}")
            continue
        box = _box(values, point_shape)
        if box is None:
            tell(number, f"has {len(values) + 1} numbers")
            continue
        annotation.labels.append(names[int(first)])
        annotation.boxes.append(box)
        if point_shape:
            annotation.points.append(_points(values[4:], point_shape))


def _box(values, point_shape):
    """Returns the box of a line's numbers, or `None` if they are not as many."""
    points = point_shape[0] * point_shape[1] if point_shape else 0
    if len(values) == 4 + points:
        x, y, width, height = values[:4]
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    if not point_shape and len(values) >= 6 and len(values) % 2 == 0:
        x, y = values[::2], values[1::2]
        return min(x), min(y), max(x), max(y)
    return None


def _points(values, shape):
    points = np.reshape(values, shape)
    if shape[1] == 2:  # without visibility, a point at the corner is not labelled
        seen = (points > 0).any(axis=1)
        points = np.column_stack([points, 2.0 * seen])
    return points * (points[:, 2:] > 0)


def _tell_unused(read, root, problems):
    """Names the label files whose image is missing."""
    for folder in sorted({file.parent for file in read}):
        images = _partner(folder, "labels", "images", root)
        if images is None:  # beside images, there may be texts of any kind
            continue
        there = {path.stem for path in images.iterdir()} if images.is_dir() else set()
        problems += [
            (
                printable(os.path.relpath(file, root)),
                "labels an image that is not there",
            )
            for file in shown(folder.glob("*.txt"))
            if file.stem not in there and file.name not in _NAME_FILES
        ]
