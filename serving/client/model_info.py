"""What a server tells of its models."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """One input or output of a signature.

    Attributes:
        name: Its name.
        dtype: `"string"`, `"float32"`, ...
        shape: One entry per axis, `None` where it may vary; `None` instead of
            the tuple where not even the rank is known.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None

    @property
    def is_batched(self):
        """Whether the outer axis counts examples."""
        return bool(self.shape) and self.shape[0] is None

    def __str__(self):
        if self.shape is None:
            return f"{self.name}: {self.dtype} of unknown rank"
        axes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name}: {self.dtype}[{axes}]"


@dataclasses.dataclass(frozen=True)
class Signature:
    """One function that a model offers.

    Attributes:
        name: Its name, e.g. `"serving_default"`.
        inputs: A dict of `TensorInfo` by name, in alphabetical order.
        outputs: A dict of `TensorInfo` by name, in alphabetical order.
    """

    name: str
    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]

    @property
    def is_batched(self):
        """Whether examples can be sent apart and the answers put together."""
        infos = [*self.inputs.values(), *self.outputs.values()]
        return bool(self.inputs) and all(info.is_batched for info in infos)


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """How a version of a model stands.

    Attributes:
        version: The version.
        state: `"START"`, `"LOADING"`, `"AVAILABLE"`, `"UNLOADING"` or `"END"`.
        error_code: `"OK"`, or why it could not be loaded.
        error_message: The reason in words, empty where there is none.
    """

    version: int
    state: str
    error_code: str = "OK"
    error_message: str = ""


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


_DTYPES = {"float": "float32", "double": "float64", "half": "float16"}


def dtype_of(name):
    """The usual name of a `DataType`, e.g. `"DT_FLOAT"` -> `"float32"`."""
    name = name.removeprefix("DT_").lower()
    return _DTYPES.get(name, name)


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
        if not name.startswith("__saved_model_")
    }
