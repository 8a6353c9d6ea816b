"""What a model offers and how it stands, in words; free of TensorFlow."""

import dataclasses

DEFAULT_SIGNATURE = "serving_default"  # what a client means who names none


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

    @property
    def is_splittable(self):
        """Whether a server can run a request in parts: its outputs are of one width."""
        shapes = [info.shape for info in self.outputs.values()]
        return all(shape is not None and None not in shape[1:] for shape in shapes)


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


_DTYPES = {"float": "float32", "double": "float64", "half": "float16"}


def dtype_name(name):
    """The usual name of a `DataType`, e.g. `"DT_FLOAT"` -> `"float32"`."""
    name = name.removeprefix("DT_").lower()
    return _DTYPES.get(name, name)


def is_own(name):
    """Whether a signature is for users, and not TensorFlow's (the initialiser)."""
    return not name.startswith("__saved_model_")
