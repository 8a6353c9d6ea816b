"""What happens to results that are being saved when the work ends early."""

from ..errors import UserError


def keeps_results(kind):
    """Returns whether what was saved until a `with` block ended is kept.

    It is kept where the block ended as planned or by Ctrl-C, where the caller wants
    no more, and where a `UserError` tells what could not be done after it. Any other
    error is a fault of the program; what it saved is not to be trusted.

    Args:
        kind: The class of the exception that ended the block, or `None`.
    """
    if kind is None or issubclass(kind, UserError):
        return True
    return not issubclass(kind, Exception)
