"""What a user may name as the input of `predict`."""

import glob
from pathlib import Path

from ..data.images import IMAGE_SUFFIXES, printable
from ..errors import UserError


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
    sources = gather_sources(inputs)
    return [name for name, _ in sources], (read_input(source) for _, source in sources)


def gather_sources(inputs, suffixes=IMAGE_SUFFIXES, kind="images"):
    """Finds files as `gather_images` does, and leaves the reading to the caller.

    Args:
        inputs: As for `gather_images`.
        suffixes: The suffixes of the files that a folder stands for.
        kind: What such files are called in an error, in the plural.

    Returns:
        A list of `(name, source)`: a text, and a `Path` or the `bytes` given.

    Raises:
        UserError: as `gather_images`.
    """
    sources = []
    for number, item in enumerate(as_list(inputs)):
        if isinstance(item, bytes):
            sources.append((f"input {number}", item))
        else:
            files = find_files(item, suffixes, kind)
            sources += [(printable(path), path) for path in files]
    return sources


def as_list(inputs):
    """Returns one input or several as a list.

    Raises:
        UserError: if there are none.
    """
    inputs = [inputs] if isinstance(inputs, str | bytes | int | Path) else list(inputs)
    if not inputs:
        raise UserError("no inputs", mend="Name files, folders or patterns")
    return inputs


def find_files(item, suffixes, kind):
    """Finds the files behind a file's, a folder's or a pattern's name.

    Args:
        item: A file, a glob pattern (`**` goes into folders), or a folder, which
            stands for the files of a known suffix in it and below it.
        suffixes: The suffixes to look for in a folder, lower case with the dot.
        kind: What such files are called in an error, in the plural.

    Returns:
        A list of `Path`s, sorted.

    Raises:
        UserError: if a file is missing, or a folder or pattern has none.
    """
    path = Path(item)
    if path.is_dir():
        found = sorted(
            file
            for file in path.rglob("*")
            if file.suffix.lower() in suffixes
            and file.is_file()
            and not file.name.startswith(".")
        )
        if not found:
            raise UserError(f"has no {kind}", path)
        return found
    if path.exists():
        return [path]
    found = sorted(Path(name) for name in glob.glob(str(item), recursive=True))
    found = [file for file in found if file.is_file()]
    if not found:
        message = "matches no file" if glob.has_magic(str(item)) else "no such file"
        raise UserError(message, item)
    return found


def read_input(source):
    """Returns the content of a `Path`; `bytes` are the content already.

    Raises:
        UserError: if the file cannot be read.
    """
    if isinstance(source, bytes):
        return source
    try:
        return source.read_bytes()
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror})", source) from error


def try_reading(source):
    """Reads a source that may be unreadable without harm to the others.

    Args:
        source: As for `read_input`.

    Returns:
        `(content, error)`: the `bytes` and an empty text; or no bytes, and in a few
        words why there are none.
    """
    try:
        return read_input(source), ""
    except UserError as error:
        return b"", error.what
