"""What a client notices of a model that was replaced meanwhile."""


class AnswerMismatch(Exception):
    """An answer does not fit the signature that the client knows."""
