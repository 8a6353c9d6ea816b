"""What a model server answers when there is no result, as typed exceptions."""

from ...errors import UserError

_LONGEST_TEXT = 500  # a server may quote the whole request in its message
# In what TensorFlow says of a run that it began and had no memory for.
_OUT_OF_MEMORY = ("oom when allocating", "out of memory")


class ServerError(UserError):
    """A request that failed; the base of all errors of the client.

    Args:
        code: The canonical name of the status code, e.g. `"NOT_FOUND"`.
        message: What the server says.
        where: The server's URL, or `None`.
        mend: How to put it right, as an imperative, or `None`.
        transient: Whether the request may be sent again: it was not sent, or
            the server refused it before any work, as far as its answer tells.

    Attributes:
        code: As given.
        message: As given, in full; the exception's own text is shortened to
            one readable line.
        transient: As given.
    """

    def __init__(self, code, message, where=None, mend=None, transient=False):
        self.code, self.message, self.transient = code, message, transient
        super().__init__(f"{readable(message)} ({code})", where, mend)

    def __reduce__(self):
        # The default would call the class with the one-line text alone.
        given = (self.code, self.message, self.where, self.mend, self.transient)
        return type(self), given


class InvalidArgument(ServerError):
    """The request does not fit the model: names, types, shapes or values.

    REST has one HTTP status for this and for what gRPC tells apart as
    `FailedPrecondition` and `OutOfRange`; catching this class catches all
    three over both.
    """


class FailedPrecondition(InvalidArgument):
    """The server or the model is not in a state to answer this request."""


class OutOfRange(InvalidArgument):
    """A value is outside of what the model takes."""


class NotFound(ServerError):
    """There is no such model, version or label."""


class ResourceExhausted(ServerError):
    """The server has too much to do, or the request is larger than it takes."""


class Unavailable(ServerError):
    """The server cannot answer now."""


class ConnectionFailed(Unavailable):
    """The server cannot be reached, or the connection broke."""


class DeadlineExceeded(ServerError):
    """There was no answer in time."""


class Internal(ServerError):
    """Something is wrong in the server or the model."""


class Unimplemented(ServerError):
    """The server does not offer this."""


class PermissionDenied(ServerError):
    """The server refuses this request."""


class Unauthenticated(ServerError):
    """The server wants to know who asks."""


_CLASSES = {
    "INVALID_ARGUMENT": InvalidArgument,
    "FAILED_PRECONDITION": FailedPrecondition,
    "OUT_OF_RANGE": OutOfRange,
    "NOT_FOUND": NotFound,
    "RESOURCE_EXHAUSTED": ResourceExhausted,
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "UNKNOWN": Internal,
    "INTERNAL": Internal,
    "DATA_LOSS": Internal,
    "UNIMPLEMENTED": Unimplemented,
    "PERMISSION_DENIED": PermissionDenied,
    "UNAUTHENTICATED": Unauthenticated,
}


def readable(message, longest=_LONGEST_TEXT):
    """Makes one line of a message that may be long, or not even text.

    Args:
        message: What a server sent.
        longest: The most characters.

    Returns:
        A `str` that is safe to print on a terminal.
    """
    words = " ".join(message.split())
    text = "".join(c for c in words if c.isprintable() and c != "\ufffd")
    return text if len(text) <= longest else f"{text[:longest]}..."


def is_out_of_memory(message):
    """Whether a run ended for want of memory.

    TensorFlow has the same code for that as for a server with too much to do,
    but the request was begun, and would fail again.

    Args:
        message: What the server says.
    """
    return any(text in message.lower() for text in _OUT_OF_MEMORY)


def server_error(code, message, where=None, **options):
    """Makes the exception of a status code.

    Args:
        code: The code's canonical name.
        message: What the server says.
        where: The server's URL, or `None`.
        **options: `mend` and `transient` of `ServerError`.

    Returns:
        An instance of the subclass of `ServerError` for this code.
    """
    return _CLASSES.get(code, ServerError)(code, message, where, **options)
