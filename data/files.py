"""Files, read whole."""

from ..errors import UserError


def read_file(path, missing=None):
    """Returns a file's bytes, or `missing` if it cannot be read.

    Raises:
        UserError: if it cannot be read and `missing` is `None`.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        if missing is not None:
            return missing
        raise UserError(f"cannot be read ({error.strerror})", path) from error
