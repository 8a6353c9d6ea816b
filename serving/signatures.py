"""What a SavedModel says of itself: read from `saved_model.pb`, nothing loaded."""

from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from ..errors import UserError
from .model_info import Signature, TensorInfo, dtype_name, is_own

SERVE_TAG = "serve"


@dataclass(frozen=True)
class GraphTensor(TensorInfo):
    """One input or output of a signature, and where it is in the graph.

    Attributes:
        dtype: As of a `TensorInfo`; for a composite tensor the class of its
            type, such as `"RaggedTensorSpec"`.
        graph_name: The tensor's name in the graph, `"NODE:INDEX"`; empty for
            a composite tensor.
    """

    graph_name: str

    @property
    def is_composite(self):
        """Whether it is ragged or sparse: several tensors under one name."""
        return not self.graph_name

    def __str__(self):
        return f"{self.name}: {self.dtype}" if self.is_composite else super().__str__()


def read_meta_graph(version_dir):
    """Reads the graph that a model server would load.

    Args:
        version_dir: The folder that holds `saved_model.pb`.

    Returns:
        The `MetaGraphDef` with the tag `serve`.

    Raises:
        UserError: if there is no readable SavedModel, or none for serving.
    """
    path = Path(version_dir) / "saved_model.pb"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"no SavedModel here ({error.strerror})",
            path,
            "Name the version folder of an export, such as MODELS/NAME/1",
        ) from error
    saved_model = saved_model_pb2.SavedModel()
    try:
        saved_model.ParseFromString(content)
    except DecodeError as error:
        raise UserError("damaged SavedModel", path, "Export it again") from error
    for meta_graph in saved_model.meta_graphs:
        if SERVE_TAG in meta_graph.meta_info_def.tags:
            return meta_graph
    raise UserError(
        f"no graph with the tag `{SERVE_TAG}` in this SavedModel",
        path,
        "Export it again with `publish` or `tf.saved_model.save`",
    )


def read_signatures(meta_graph):
    """Lists the signatures of a graph.

    Args:
        meta_graph: A `MetaGraphDef`.

    Returns:
        A dict of `Signature` of `GraphTensor`s by name, in alphabetical order, without
        TensorFlow's own (the initialiser).
    """
    return {
        name: Signature(
            name,
            _tensors(meta_graph.signature_def[name].inputs),
            _tensors(meta_graph.signature_def[name].outputs),
        )
        for name in sorted(meta_graph.signature_def)
        if is_own(name)
    }


def dtype_and_shape(info):
    """The dtype and the shape of a `TensorInfo` message, as of our `TensorInfo`."""
    shape = None
    if not info.tensor_shape.unknown_rank:
        shape = tuple(
            None if axis.size < 0 else axis.size for axis in info.tensor_shape.dim
        )
    # Not through tf.as_dtype: reading must not fail on a type it doesn't know.
    return dtype_name(types_pb2.DataType.Name(info.dtype)), shape


def _tensors(infos):
    return {name: _tensor(name, infos[name]) for name in sorted(infos)}


def _tensor(name, info):
    encoding = info.WhichOneof("encoding")
    if encoding != "name":
        spec = info.composite_tensor.type_spec.type_spec_class_name
        return GraphTensor(name, spec or "SparseTensorSpec", None, "")
    return GraphTensor(name, *dtype_and_shape(info), info.name)
