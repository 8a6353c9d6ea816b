"""What a request is for, and what a server tells of it."""

import dataclasses

from ..model_info import Signature, is_own


@dataclasses.dataclass(frozen=True)
class Target:
    """The model that a request is for.

    Attributes:
        model: The model's name.
        version: The version, or `None` for the one the server chooses.
        label: A label of a version, such as `"stable"`, or `None`.
    """

    model: str
    version: int | None = None
    label: str | None = None


def signatures_of(signature_defs, tensor_info):
    """Lists what a server's metadata describes.

    Args:
        signature_defs: Dict from name to a pair of dicts, inputs and outputs,
            of descriptions in the form of the API.
        tensor_info: Function of a name and a description: the `TensorInfo`.

    Returns:
        A dict of `Signature` by name, in alphabetical order, without
        TensorFlow's own (the initialiser).
    """
    return {
        name: Signature(
            name,
            *(
                {key: tensor_info(key, infos[key]) for key in sorted(infos)}
                for infos in signature_defs[name]
            ),
        )
        for name in sorted(signature_defs)
        if is_own(name)
    }
