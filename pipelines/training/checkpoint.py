"""The state of a training in one file, replaced whole after every epoch."""

import json

import numpy as np

from ...errors import UserError
from ...files import atomic_file


def save_state(path, variables, facts):
    """Writes variables and facts into one `.npz` file, whole or not at all.

    Args:
        path: The file.
        variables: Dict from group name to a list of Keras variables.
        facts: What else resuming needs; JSON values.
    """
    arrays = {
        f"{group}/{index:05d}": np.asarray(variable)
        for group, members in variables.items()
        for index, variable in enumerate(members)
    }
    text = json.dumps(facts).encode()
    with atomic_file(path, "wb") as file:
        np.savez(file, facts=np.frombuffer(text, np.uint8), **arrays)


def load_state(path, variables):
    """Assigns what `save_state` wrote to the same variables.

    Args:
        path: The file.
        variables: Dict from group name to a list of Keras variables; groups
            that are not named here are left in the file.

    Returns:
        The facts.

    Raises:
        UserError: if the file is missing or damaged, or holds other variables.
    """
    arrays, facts = _read(path)
    for group, members in variables.items():
        stored = sum(key.startswith(f"{group}/") for key in arrays)
        if stored != len(members):
            raise UserError(
                f"holds {stored} {group} arrays where {len(members)} are needed",
                path,
                "It was written by a run with other settings",
            )
    for group, members in variables.items():
        for index, variable in enumerate(members):
            array = arrays.get(f"{group}/{index:05d}")
            if array is None or array.shape != tuple(variable.shape):
                raise UserError(
                    f"does not hold {variable.path} of shape {tuple(variable.shape)}",
                    path,
                    "It was written by a run with other settings",
                )
            variable.assign(array)
    return facts


def read_facts(path):
    """Returns the facts of a state file without touching any variable."""
    return _read(path, only_facts=True)[1]


def _read(path, only_facts=False):
    try:
        with np.load(path, allow_pickle=False) as file:
            facts = json.loads(file["facts"].tobytes())
            if only_facts:
                return {}, facts
            return {key: file[key] for key in file.files if key != "facts"}, facts
    except FileNotFoundError as error:
        raise UserError("no such checkpoint", path) from error
    except Exception as error:  # zip, header and JSON faults have no common base
        raise UserError(f"is damaged ({error})", path) from error
