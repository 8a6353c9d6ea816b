"""Folders in the layout of Pascal VOC: an XML file for each image."""

import collections
import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from ...errors import UserError
from ..images.folders import IMAGE_SUFFIXES, SPLIT_FOLDERS, printable
from ..shown import shown
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

    An XML file without an image of its name belongs to the one that its
    `<filename>` names, if no other XML file does.

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
    paths = {path.stem: path for path in _xml_files(_subfolder(root, _ANNOTATIONS))}
    listed = {
        stem: path for stem, path in paths.items() if splits is None or stem in splits
    }
    read = _read_all(listed, found.problems)
    images = _match({stem: stated for stem, (_, stated) in read.items()}, files, paths)
    for stem, (annotation, _) in read.items():
        if stem not in images:
            found.problems.append(
                (annotation.name, "there is no such image; it is left out")
            )
            continue
        file = files[images[stem]]
        annotation.name = printable(os.path.relpath(file, root))
        annotation.split = None if splits is None else splits[stem]
        found.annotations.append(annotation)
        found.files.append(file)
    if splits is None:
        bare = files.keys() - paths.keys() - set(images.values())
        _leave_out(found, len(bare), "images without annotation")
        return found
    _leave_out(found, len(paths) - len(listed), "images in no list of a split")
    found.problems += [
        (printable(stem), "has no annotation; the image is left out")
        for stem in splits
        if stem not in paths
    ]
    return found


def _read_all(paths, problems):
    """Reads XML files.

    Args:
        paths: Dict from name to path.
        problems: List to which those that cannot be read are added.

    Returns:
        Dict from name to `(annotation, file name that it states)`.
    """
    read = {}
    for stem, path in paths.items():
        annotation = Annotation(printable(stem))
        try:
            read[stem] = annotation, _read_xml(path, annotation)
        # The last two are about encodings.
        except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
            text = f"{path.name} cannot be read ({error}); the image is left out"
            problems.append((annotation.name, text))
    return read


def _match(stated, files, paths):
    """Finds the images of annotations.

    Args:
        stated: Dict from an annotation's name to the file name that it states.
        files: Dict of the images, by name.
        paths: Dict of all annotations, by name.

    Returns:
        Dict from an annotation's name to that of its image.
    """
    images = {stem: stem for stem in stated if stem in files}
    # File names that are stated are often those before a renaming or a copy: they
    # say something only where nothing speaks against them.
    others = {stem: Path(stated[stem]).stem for stem in stated if stem not in files}
    claims = collections.Counter(others.values())
    for stem, image in others.items():
        if image in files and image not in paths and claims[image] == 1:
            images[stem] = image
    return images


def _leave_out(found, count, what):
    if count:
        found.description += f"; {count:,} {what} left out"


def _voc_folders(root):
    """Returns `root` if it is a VOC folder, else the folders in it that are."""
    if _has_xml(root):
        return [root]
    return [folder for folder in shown(root.iterdir()) if _has_xml(folder)]


def _has_xml(folder):
    annotations = _subfolder(folder, _ANNOTATIONS)
    return annotations is not None and bool(_xml_files(annotations))


def _xml_files(folder):
    return shown(folder.glob("*.xml"))


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
        for path in shown(folder.iterdir())
        if path.suffix.lower() in IMAGE_SUFFIXES
    }


def _read_lists(root, problems):
    """Returns a dict from name to split, or `None` if there are no lists."""
    folder = root / "ImageSets" / "Main"
    lists = {}
    for path in shown(folder.glob("*.txt")) if folder.is_dir() else ():
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
    annotation.size = tuple(size) if all(1 <= side < 1e9 for side in size) else None
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
