"""The one exception that a user's mistake ends in."""


class UserError(ValueError):
    """A mistake the user can mend, told in one line.

    The command line prints it without a traceback and exits with status 2.

    Args:
        what: What is wrong, e.g. `"not an image"`.
        where: The file, folder, flag or value it is about, or `None`.
        mend: How to put it right, as an imperative, or `None`.
    """

    def __init__(self, what, where=None, mend=None):
        self.what, self.where, self.mend = what, where, mend
        text = f"{where}: {what}" if where is not None else str(what)
        if mend:
            text = f"{text}. {mend}"
        super().__init__(" ".join(text.split()))
