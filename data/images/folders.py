"""Folders of images: one folder for each class."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...errors import UserError
from ..files import read_file
from ..shown import is_shown
from ..splits import content_key
from ..threads import READERS
from .found import Found

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp"))
SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def read_class_folders(root):
    """Finds the images of a folder of class folders.

    The class is the first folder below the root, or below `train`, `val` and
    `test` (or `training`, `valid`, `validation`, `testing`) where all folders of
    the root are called so; folders below a class only nest.

    Args:
        root: The folder, a `Path`.

    Returns:
        A `Found`.

    Raises:
        UserError: if there are no images, or some lie outside any class.
    """
    folders = _subfolders(root)
    if not folders:
        _refuse_without_classes(root)
    splits = {name: SPLIT_FOLDERS.get(name.lower()) for name in folders}
    has_splits = all(splits.values())
    if not has_splits:
        _refuse_mixed(root, splits)
    found = Found("", [], [], [], splits=[] if has_splits else None, files=[])
    bases = [root / folder for folder in folders] if has_splits else [root]
    others, loose = 0, sum(_count_loose(base) for base in {root, *bases})
    for base in bases:
        for name in _subfolders(base):
            images, skipped = _images(base / name)
            others += skipped
            found.files += images
            found.labels += [name] * len(images)
            if has_splits:
                found.splits += [splits[base.name]] * len(images)
    if not found.files:
        raise UserError(
            "has no images in class folders",
            root,
            f"Put {', '.join(sorted(IMAGE_SUFFIXES))} files into a folder a class",
        )
    found.names = [printable(os.path.relpath(file, root)) for file in found.files]
    found.keys = hash_files(found.files)
    kinds = "split and class folders" if has_splits else "class folders"
    found.description = f"{kinds} of images in {root}"
    if others:
        found.description += f"; {others:,} files that are no images left out"
    if loose:
        found.description += f"; {loose:,} images outside any class left out"
    return found


def printable(name):
    """Returns a file name as valid UTF-8, whatever its bytes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def hash_files(files):
    """Returns the content hashes of files, read side by side.

    A file that cannot be read is known by its name; training and the doctor tell
    of it, as of other unreadable images.
    """

    def hash_file(file):
        try:
            return content_key(read_file(file))
        except UserError:
            return content_key(os.fsencode(file))

    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(hash_file, files))


def _subfolders(folder):
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", folder) from error
    return [name for name in names if is_shown(name) and (folder / name).is_dir()]


def _refuse_mixed(root, splits):
    """Refuses `train` and `test` beside folders that are no splits.

    A class may be called `test`; but if such a folder holds folders itself, it is
    a split.
    """
    for name, split in splits.items():
        if split and any(
            _images(root / name / sub)[0] for sub in _subfolders(root / name)
        ):
            other = next(other for other, kind in splits.items() if not kind)
            raise UserError(
                f"has the split folder {name!r} beside {other!r}, which is none",
                root,
                f"Move {other!r} elsewhere, or into the splits as a class",
            )


def _count_loose(folder):
    """Counts the images that lie in a folder itself."""
    return sum(
        Path(name).suffix.lower() in IMAGE_SUFFIXES and is_shown(name)
        for name in os.listdir(folder)
        if (folder / name).is_file()
    )


def _images(folder):
    """Returns the images in and below a folder, and how many other files."""
    images, others, seen = [], 0, set()
    try:
        folder.name.encode()
    except UnicodeEncodeError as error:
        raise UserError("a folder's name is not UTF-8", ascii(str(folder))) from error
    for place, folders, files in os.walk(folder, followlinks=True):
        # Links are followed, but not round and round.
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else sorted(filter(is_shown, folders))
        files = [] if real in seen else files
        seen.add(real)
        for name in sorted(files):
            if not is_shown(name):
                continue
            if Path(name).suffix.lower() in IMAGE_SUFFIXES:
                images.append(os.path.join(place, name))
            else:
                others += 1
    return images, others


def _refuse_without_classes(root):
    images, others = _images(root)
    if images:
        raise UserError(
            f"has {len(images)} images but no class folders",
            root,
            "Put them into one folder for each class",
        )
    what = f"has {others} files but no images" if others else "is empty"
    raise UserError(what, root, "Put images into one folder for each class")
