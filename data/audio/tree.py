"""Files of a folder, or of an archive, by their names relative to it."""

import functools
import os
import posixpath
import tarfile
import zipfile
from pathlib import Path

from ...errors import UserError
from ..files import read_file
from ..memory import free_memory
from ..shown import is_shown
from ..tfds import MEMORY_LIMIT
from .clips import StoredClip

ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
# What libsndfile reads.
AUDIO_SUFFIXES = frozenset(
    (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff")
    + (".aifc", ".au", ".snd", ".caf", ".w64", ".rf64", ".sph", ".nist", ".voc")
)
MANIFEST_SUFFIXES = frozenset((".csv", ".tsv", ".json", ".jsonl"))


class FolderTree:
    """The recordings and manifests in and below a folder.

    Args:
        folder: The folder.

    Attributes:
        place: The folder, a `Path`, for messages.
    """

    def __init__(self, folder):
        self.place = Path(folder)

    @functools.cached_property
    def names(self):
        """Names relative to the folder, with `/` between, sorted.

        Raises:
            UserError: if the folder cannot be read.
        """
        try:
            os.listdir(self.place)
        except OSError as error:
            raise UserError(f"cannot be read ({error.strerror})", self.place) from error
        names, seen = [], set()
        for place, folders, files in os.walk(self.place, followlinks=True):
            # Links are followed, but not round and round.
            real = os.path.realpath(place)
            if real in seen:
                folders[:] = []
                continue
            seen.add(real)
            folders[:] = sorted(filter(is_shown, folders))
            inside = Path(os.path.relpath(place, self.place))
            names += [(inside / name).as_posix() for name in files if is_wanted(name)]
        return sorted(name for name in names if name in self)

    def __contains__(self, name):
        return (self.place / name).is_file()

    def read(self, name):
        """Returns the bytes of a file.

        Raises:
            UserError: if it cannot be read.
        """
        return read_file(self.place / name)

    def clip(self, name, offset=0.0, duration=None):
        """Returns a `StoredClip`."""
        return StoredClip(str(self.place / name), offset, duration)


class ArchiveTree:
    """The recordings and manifests in a tar or zip archive, read into memory.

    Args:
        path: The archive.

    Attributes:
        place: The archive, a `Path`, for messages.
        names: As of `FolderTree`.

    Raises:
        UserError: if it cannot be read, or does not fit into memory.
    """

    def __init__(self, path):
        self.place = Path(path)
        try:
            self._contents = _unpack(self.place)
        except UserError:
            raise
        except Exception as error:  # each decompressor raises its own
            raise UserError(
                f"is no archive that can be read ({error})", self.place
            ) from error
        self.names = sorted(self._contents)

    def __contains__(self, name):
        return posixpath.normpath(name) in self._contents

    def read(self, name):
        """Returns the bytes of a file."""
        return self._contents[posixpath.normpath(name)]

    def clip(self, name, offset=0.0, duration=None):
        """Returns a `StoredClip`."""
        return StoredClip(self.read(name), offset, duration)


def open_tree(path):
    """Returns the tree of a folder or archive.

    A folder that has no recordings of its own but a single archive stands for it.

    Args:
        path: A `Path`.

    Raises:
        UserError: if it cannot be read, or has no recordings and no manifests.
    """
    tree = FolderTree(path) if path.is_dir() else ArchiveTree(path)
    if not tree.names and path.is_dir():
        archives = [each for each in path.iterdir() if is_archive(each)]
        if len(archives) == 1:
            tree = ArchiveTree(archives[0])
    if not tree.names:
        raise UserError("has no recordings", path)
    return tree


def is_archive(path):
    """Tells whether a file's name is that of an archive."""
    return path.is_file() and path.name.lower().endswith(ARCHIVES)


def is_audio(name):
    """Tells whether a name is that of a recording."""
    return Path(name).suffix.lower() in AUDIO_SUFFIXES


def is_manifest(name):
    """Tells whether a name is that of a list of recordings."""
    return Path(name).suffix.lower() in MANIFEST_SUFFIXES


def is_wanted(name):
    """Tells whether a name is that of a recording or a list, and not hidden."""
    return is_shown(name) and (is_audio(name) or is_manifest(name))


def _unpack(path):
    """Returns a dict from the names of an archive's recordings to their bytes."""
    members = _zip_members if path.suffix.lower() == ".zip" else _tar_members
    contents, total = {}, 0
    limit = min(MEMORY_LIMIT, free_memory() // 3)
    for name, size, read in members(path):
        parts = posixpath.normpath(name).split("/")
        if not all(map(is_shown, parts)) or not is_wanted(parts[-1]):
            continue
        total += size
        if total > limit:
            raise UserError(
                f"has more than {limit / 2**30:.1f} GiB of recordings",
                path,
                "Unpack it and name the folder",
            )
        contents["/".join(parts)] = read()
    return contents


def _tar_members(path):
    """Yields name, size and a function that reads it, of each file."""
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile():
                read = archive.extractfile(member).read
                yield member.name, member.size, read


def _zip_members(path):
    """Yields name, size and a function that reads it, of each file."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                read = functools.partial(archive.read, member)
                yield member.filename, member.file_size, read
