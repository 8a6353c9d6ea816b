"""A CSV file that lists images, their labels and perhaps their splits."""

import csv

from ...errors import UserError
from .folders import SPLIT_FOLDERS, hash_files
from .found import Found


def read_manifest(path):
    """Reads a CSV manifest.

    Args:
        path: A UTF-8 CSV file with a header row and the columns `path` (absolute,
            or relative to the file's folder), `label` and, if the splits are
            given, `split` (train, val or test).

    Returns:
        A `Found`.

    Raises:
        UserError: with the line's number, if a value is missing or wrong.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = reader.fieldnames or []
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot be read ({error})", path) from error
    for column in ("path", "label"):
        if column not in header:
            raise UserError(
                f"has no column {column!r}",
                path,
                "The first line must be path,label or path,label,split",
            )
    if not rows:
        raise UserError("lists no images", path)
    found = Found(
        f"CSV manifest {path}",
        [],
        [],
        [],
        splits=[] if "split" in header else None,
        files=[],
    )
    for line, row in rows:
        where = f"{path}, line {line}"
        name, label = (row["path"] or "").strip(), (row["label"] or "").strip()
        if not name or not label:
            raise UserError("needs a path and a label", where)
        file = path.parent / name
        if not file.is_file():
            raise UserError(f"no such image: {file}", where)
        found.files.append(str(file))
        found.names.append(name)
        found.labels.append(label)
        if found.splits is not None:
            split = (row["split"] or "").strip()
            if split.lower() not in SPLIT_FOLDERS:
                raise UserError(
                    f"unknown split {split!r}", where, "Use train, val or test"
                )
            found.splits.append(SPLIT_FOLDERS[split.lower()])
    found.keys = hash_files(found.files)
    return found
