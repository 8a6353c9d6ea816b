"""What a server answers when there is no result."""

from ..quiet import error_line

HTTP_STATUS = {  # in the order of the codes' numbers
    "OK": 200,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}
_CODES = tuple(HTTP_STATUS)  # by their number


class StatusError(Exception):
    """A request's failure: a canonical status code and a text.

    Args:
        code: The code's name, e.g. `"NOT_FOUND"`.
        message: What a client is told.
    """

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def from_tensorflow(error):
    """Turns an error of a TensorFlow session into a `StatusError`.

    Args:
        error: A `tf.errors.OpError`.

    Returns:
        The `StatusError` with the same code and the reason in one line.
    """
    number = error.error_code
    known = isinstance(number, int) and 0 < number < len(_CODES)
    return StatusError(_CODES[number] if known else "UNKNOWN", error_line(error))
