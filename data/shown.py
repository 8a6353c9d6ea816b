"""Which of the files and folders of a data set are a person's."""


def shown(paths):
    """Returns, sorted, the paths that are not hidden.

    Editors and file managers leave copies and data of their own in hidden places,
    such as `.ipynb_checkpoints` and `__MACOSX`.

    Args:
        paths: `Path`s, of which the last part counts.
    """
    return sorted(path for path in paths if is_shown(path.name))


def is_shown(name):
    """Tells whether a file or folder of this name is not hidden."""
    return not name.startswith(".") and name != "__MACOSX"
