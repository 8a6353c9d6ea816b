"""What the names of classes have to be."""

import collections

from ..errors import UserError


def check_class_names(there, names, spec):
    """Checks that the classes of a data set are known and well named.

    Args:
        there: Names that occur in the data.
        names: The classes, in their order.
        spec: The data's name, for messages.

    Raises:
        UserError: if one that occurs is unknown, or a name is there twice, is
            empty, begins or ends with a space, or has a line break.
    """
    unknown = sorted(set(there) - set(names))
    if unknown:
        raise UserError(
            f"has the class {unknown[0]!r}, which the model does not know",
            spec,
            f"It knows {', '.join(names[:20])}",
        )
    counts = collections.Counter(names)
    repeated = [name for name in names if counts[name] > 1]
    if repeated:
        raise UserError(
            f"has {counts[repeated[0]]} classes called {repeated[0]!r}",
            spec,
            "Rename them, or make one class of them",
        )
    for name in names:
        if name != name.strip() or len(name.splitlines()) != 1:
            raise UserError(
                f"has a class called {name!r}, which is empty, begins or ends with a "
                "space, or has a line break",
                spec,
                "Rename it",
            )
