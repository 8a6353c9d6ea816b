"""Folders in the layout of Pascal VOC: an XML file for each image."""

import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from ...errors import UserError
from ..images.folders import IMAGE_SUFFIXES, SPLIT_FOLDERS, printable
from .found import Annotation, FoundBoxes

_ANNOTATIONS = ("annotations",)
_IMAGES = ("jpegimages", "images")
# An image that is listed for the test is never trained on; `trainval` says that it
# is one of two, so any other list wins over it.
_LISTS = ("test", "val", "train", "trainval")


def has_voc(root):
    """Tells whether a folder, or the one folder in it, is laid out as Pascal VOC."""
    return bool(_voc_folders(root))


def read_voc(root):
    """Reads a Pascal VOC folder.

    `Annotations/NAME.xml` describes the image `JPEGImages/NAME.*` (`images/` will
    do). `ImageSets/Main/{train,val,test,trainval}.txt`, if there are any, list the
    images to use and their splits; what is in none of them is left out.

    Coordinates in the files are those of pixels, counted from 1, the last one
    included. A box whose first pixel is also its last, in either direction, is no
    box of one pixel but a slip of the mouse, and has no area.

    Args:
        root: The folder, or one that holds it alone, like `VOCdevkit`; a `Path`.

    Returns:
        A `FoundBoxes` with files.

    Raises:
        UserError: if the folder lacks images, or holds several such folders.

    Reference:
        Everingham et al., "The PASCAL VOC development kit", sections 3 and 9.
    """
    folders = _voc_folders(root)
    if len(folders) > 1:
        names = ", ".join(folder.name for folder in folders)
        raise UserError(f"holds several Pascal VOC sets: {names}", root, "Name one")
    (root,) = folders
    image_folder = _subfolder(root, _IMAGES)
    if image_folder is None:
        raise UserError("has Annotations but no JPEGImages", root)
    files = _by_stem(image_folder)
    found = FoundBoxes(f"Pascal VOC folder {root}", files=[])
    splits = _read_lists(root, found.problems)
    others = 0
    for path in sorted(_subfolder(root, _ANNOTATIONS).glob("*.xml")):
        name = printable(path.stem)
        if splits is not None and path.stem not in splits:
            others += 1
            continue
        annotation = Annotation(name)
        try:
            stated_name = _read_xml(path, annotation)
        except (ElementTree.ParseError, OSError) as error:
            found.problems.append(
                (name, f"{path.name} cannot be read ({error}); the image is left out")
            )
            continue
        # The names inside the files are often those before a renaming.
        file = files.get(path.stem) or files.get(Path(stated_name).stem)
        if file is None:
            found.problems.append((name, "there is no such image; it is left out"))
            continue
        annotation.name = printable(os.path.relpath(file, root))
        annotation.split = splits[path.stem] if splits is not None else None
        found.annotations.append(annotation)
        found.files.append(file)
    if others:
        found.description += f"; {others:,} images in no list of a split left out"
    _tell_unannotated(found, splits, root)
    return found


def _voc_folders(root):
    """Returns `root` if it is a VOC folder, else the folders in it that are."""
    if _has_xml(root):
        return [root]
    return [folder for folder in sorted(root.iterdir()) if _has_xml(folder)]


def _has_xml(folder):
    annotations = _subfolder(folder, _ANNOTATIONS)
    return annotations is not None and any(annotations.glob("*.xml"))


def _subfolder(folder, names):
    """Returns the subfolder of one of these names, upper or lower case."""
    if not folder.is_dir():
        return None
    there = {path.name.lower(): path for path in sorted(folder.iterdir())}
    for name in names:
        if name in there and there[name].is_dir():
            return there[name]
    return None


def _by_stem(folder):
    """Returns the image files of a folder by their names without suffix."""
    return {
        path.stem: str(path)
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    }


def _read_lists(root, problems):
    """Returns a dict from name to split, or `None` if there are no lists."""
    folder = root / "ImageSets" / "Main"
    lists = {}
    for path in sorted(folder.glob("*.txt")) if folder.is_dir() else ():
        name = path.stem.lower()
        name = name if name == "trainval" else SPLIT_FOLDERS.get(name)
        if name:
            lists[name] = [_listed(line) for line in _lines(path) if line.strip()]
    if not lists:
        return None
    splits = {}
    for name in _LISTS:
        for stem in lists.get(name, ()):
            before = splits.setdefault(stem, "train" if name == "trainval" else name)
            if before != name and name != "trainval":
                problems.append(
                    (
                        printable(stem),
                        f"is listed for {before} and {name}; {before} it is",
                    )
                )
    return splits


def _lines(path):
    try:
        return path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read ({error})", path) from error


def _listed(line):
    """Returns the image's name in a line of a list: without folder and suffix."""
    name = line.strip().replace("\\", "/").rsplit("/", 1)[-1]
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in IMAGE_SUFFIXES else name


def _read_xml(path, annotation):
    """Fills in an annotation; returns the file name that it states."""
    root = ElementTree.parse(path).getroot()
    size = [_number(root, f"size/{side}") for side in ("height", "width")]
    annotation.size = tuple(size) if all(0 < side < 1e9 for side in size) else None
    for item in root.findall("object"):
        annotation.labels.append((item.findtext("name") or "").strip())
        corners = [
            _number(item, f"bndbox/{corner}")
            for corner in ("xmin", "ymin", "xmax", "ymax")
        ]
        annotation.boxes.append(_from_pixels(*corners))
        annotation.difficult.append(_number(item, "difficult") == 1)
    return (root.findtext("filename") or "").strip()


def _from_pixels(first_x, first_y, last_x, last_y):
    """From the first and last pixel, counted from 1, to the edges."""
    return (
        first_x if first_x == last_x else first_x - 1,
        first_y if first_y == last_y else first_y - 1,
        last_x,
        last_y,
    )


def _number(element, path):
    try:
        return float(element.findtext(path) or "")
    except ValueError:
        return float("nan")


def _tell_unannotated(found, splits, root):
    """Names what is listed for a split and has no annotation."""
    if splits is None:
        return
    annotations = _subfolder(root, _ANNOTATIONS)
    there = {path.stem for path in annotations.glob("*.xml")}
    found.problems += [
        (printable(stem), "has no annotation; the image is left out")
        for stem in splits
        if stem not in there
    ]
