"""What a user may name as the input of `predict`."""

import glob
from pathlib import Path

from ...data.images import IMAGE_SUFFIXES, printable
from ...errors import UserError


def gather_images(inputs):
    """Finds the images behind files, folders and glob patterns.

    Args:
        inputs: Paths, glob patterns (`**` goes into folders) or encoded images
            as `bytes`; one or a list of them. A folder stands for the images in
            it and below it.

    Returns:
        `(names, contents)`: a list of texts and an iterator of `bytes`, which
        reads a file only when it is asked for.

    Raises:
        UserError: if a file is missing, or a folder or pattern has no image.
    """
    if isinstance(inputs, str | bytes | Path):
        inputs = [inputs]
    sources = []
    for number, item in enumerate(inputs):
        if isinstance(item, bytes):
            sources.append((f"input {number}", item))
        else:
            sources += [(printable(path), path) for path in _expand(item)]
    if not sources:
        raise UserError("no inputs", mend="Name image files, folders or patterns")
    return [name for name, _ in sources], (_read(source) for _, source in sources)


def _expand(item):
    path = Path(item)
    if path.is_dir():
        found = sorted(
            file
            for file in path.rglob("*")
            if file.suffix.lower() in IMAGE_SUFFIXES
            and file.is_file()
            and not file.name.startswith(".")
        )
        if not found:
            raise UserError("has no images", path)
        return found
    if path.exists():
        return [path]
    found = sorted(Path(name) for name in glob.glob(str(item), recursive=True))
    found = [file for file in found if file.is_file()]
    if not found:
        kind = "matches no file" if glob.has_magic(str(item)) else "no such file"
        raise UserError(kind, item)
    return found


def _read(source):
    if isinstance(source, bytes):
        return source
    try:
        return source.read_bytes()
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", source) from error
