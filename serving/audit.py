"""A look at an exported model: would TensorFlow Serving take it, and answer?"""

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .dataflow import Dataflow, Place
from .model_info import Signature
from .ops import PYTHON_OPS, all_nodes, served_ops, used_ops
from .signatures import read_meta_graph, read_signatures

_JSON_TYPES = frozenset(
    [
        "bool",
        "float32",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "string",
    ]
)
_FILE_READERS = frozenset(
    [
        "FixedLengthRecordDataset",
        "FixedLengthRecordDatasetV2",
        "InitializeTableFromTextFile",
        "InitializeTableFromTextFileV2",
        "MatchingFiles",
        "MatchingFilesDataset",
        "ReadFile",
        "TFRecordDataset",
        "TFRecordDatasetV2",
        "TextLineDataset",
    ]
)
# What comes out of these is text, or unknown, even where bytes go in.
_NO_LONGER_BYTES = re.compile(r"EncodeBase64|Parse\w+|Decode\w+|ReadFile")
_MAKES_BYTES = re.compile(r"Encode(?!Base64)\w+|Serialize\w+|DecodeBase64")


class Finding(NamedTuple):
    """One reason why a model server would fail or answer wrongly.

    Attributes:
        code: The kind, e.g. `"python-op"`.
        text: One line: what, where and the mend.
    """

    code: str
    text: str


@dataclass(frozen=True)
class Audit:
    """What was found in an exported model.

    Attributes:
        path: The version folder.
        signatures: A dict of `Signature` by name.
        ops: The names of the operations used, sorted.
        size: Of all files together, in bytes.
        findings: A list of `Finding`, empty for a model that can be served.
    """

    path: Path
    signatures: dict[str, Signature]
    ops: list[str]
    size: int
    findings: list[Finding]

    def facts(self):
        """The signature table and what the model is made of.

        Returns:
            A list of `str`.
        """
        lines = []
        for signature in self.signatures.values():
            lines.append(f"signature {signature.name}")
            for kind in ("inputs", "outputs"):
                for info in getattr(signature, kind).values():
                    lines.append(f"  {kind[:-1]:<6}  {info}")
        lines.append(f"{len(self.ops)} kinds of ops, {self.size / 1e6:.1f} MB")
        return lines


def audit(version_dir):
    """Reads an exported model and looks for what a model server cannot serve.

    Only files are read; the model is not loaded and nothing of it is run.

    Args:
        version_dir: The folder that holds `saved_model.pb`.

    Returns:
        An `Audit`.

    Raises:
        UserError: if there is no readable SavedModel.
    """
    path = Path(version_dir)
    meta_graph = read_meta_graph(path)
    signatures = read_signatures(meta_graph)
    flow = Dataflow(meta_graph.graph_def)
    findings = [
        *_signature_findings(signatures),
        *_bytes_findings(signatures, flow),
        *_op_findings(meta_graph),
        *_compile_findings(meta_graph),
        *_path_findings(meta_graph, flow),
        *_file_findings(meta_graph, path),
    ]
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return Audit(path, signatures, sorted(used_ops(meta_graph)), size, findings)


def _signature_findings(signatures):
    if not signatures:
        yield Finding(
            "no-signature",
            "the model has no signature. Export it with named functions",
        )
    for signature in signatures.values():
        for info in signature.inputs.values():
            yield from _tensor_findings(info, f"input `{info.name}` of", signature)
        for info in signature.outputs.values():
            yield from _tensor_findings(info, f"output `{info.name}` of", signature)


def _tensor_findings(info, where, signature):
    where = f"{where} `{signature.name}`"
    if info.is_composite:
        yield Finding(
            "composite",
            f"{where} is a {info.dtype}, which a server splits into unnamed parts. "
            "Make it a dense tensor and its lengths",
        )
    elif info.shape is None:
        yield Finding(
            "unknown-rank",
            f"{where} has no known rank. State its shape with `tf.ensure_shape`",
        )
    elif not info.shape:
        yield Finding(
            "scalar",
            f"{where} is a scalar, which cannot be batched. Give it the shape [None]",
        )
    elif info.shape[0] is not None:
        yield Finding(
            "fixed-batch",
            f"{where} has the fixed outer dimension {info.shape[0]}. Make it None, "
            "one entry per example",
        )
    if not info.is_composite and info.dtype not in _JSON_TYPES:
        yield Finding(
            "dtype",
            f"{where} is {info.dtype}, which has no JSON form. Cast it to float32",
        )


def _bytes_findings(signatures, flow):
    for signature in signatures.values():
        bytes_inputs = {
            info.graph_name.partition(":")[0]
            for info in signature.inputs.values()
            if info.name.endswith("_bytes")
        }
        for info in signature.outputs.values():
            if info.dtype != "string" or info.name.endswith("_bytes"):
                continue
            origin = _origin_of_bytes(flow, info, bytes_inputs)
            if origin:
                yield Finding(
                    "bytes-name",
                    f"output `{info.name}` of `{signature.name}` carries bytes "
                    f"({origin}), which JSON cannot hold as text. "
                    f"Name it `{info.name}_bytes`",
                )


def _origin_of_bytes(flow, info, bytes_inputs):
    """The node that makes bytes of an output, in words, or `None` for text."""
    for scope, node in flow.sources(
        Place("", info.graph_name), lambda node: _NO_LONGER_BYTES.fullmatch(node.op)
    ):
        if _MAKES_BYTES.fullmatch(node.op):
            return f"from {node.op} in {_place(scope, node)}"
        if not scope and node.name in bytes_inputs:
            return "from an input that is named `*_bytes`"
    return None


def _op_findings(meta_graph):
    refused = used_ops(meta_graph) - served_ops()
    places = defaultdict(list)
    for scope, node in all_nodes(meta_graph):
        if node.op in refused:
            places[node.op].append(_place(scope, node))
    for op in sorted(places):
        where = _first(places[op])
        if op in PYTHON_OPS:
            yield Finding(
                "python-op",
                f"{op} in {where} calls Python, which a server does not have. "
                "Write it with TensorFlow ops",
            )
        else:
            yield Finding(
                "unknown-op",
                f"{op} in {where} is not part of TensorFlow Serving. Use ops of "
                "TensorFlow or tensorflow-text",
            )


def _compile_findings(meta_graph):
    places = [
        f"function `{function.signature.name}`"
        for function in meta_graph.graph_def.library.function
        if "_XlaMustCompile" in function.attr and function.attr["_XlaMustCompile"].b
    ]
    places = places or [
        _place(scope, node)
        for scope, node in all_nodes(meta_graph)
        if "_XlaMustCompile" in node.attr and node.attr["_XlaMustCompile"].b
    ]
    if places:
        yield Finding(
            "must-compile",
            f"{_first(places)} must be compiled by XLA, which is off in a server. "
            "Export it without `jit_compile=True`",
        )


def _path_findings(meta_graph, flow):
    for scope, node in all_nodes(meta_graph):
        if node.op not in _FILE_READERS:
            continue
        for path in _absolute_paths(flow, scope, node):
            yield Finding(
                "absolute-path",
                f"{node.op} in {_place(scope, node)} reads {path}, which a server "
                "may not have. Make it a `tf.saved_model.Asset` of the module",
            )


def _absolute_paths(flow, scope, node):
    for place in flow.inputs(scope, node):
        for _, source in flow.sources(place):
            if source.op == "Const":
                for path in source.attr["value"].tensor.string_val:
                    if os.path.isabs(path):
                        yield path.decode(errors="replace")


def _file_findings(meta_graph, path):
    for asset in meta_graph.asset_file_def:
        if not (path / "assets" / asset.filename).is_file():
            yield Finding(
                "missing-file",
                f"assets/{asset.filename} is missing. Export the model again",
            )
    if "VarHandleOp" not in used_ops(meta_graph):
        return
    variables = path / "variables"
    shards = sorted(variables.glob("variables.data-?????-of-?????"))
    count = int(shards[0].name[-5:]) if shards else 1
    if not (variables / "variables.index").is_file() or len(shards) != count:
        yield Finding(
            "missing-file",
            "the values of the variables are not all in variables/. "
            "Export the model again",
        )


def _place(scope, node):
    return f"function `{scope}`, node `{node.name}`" if scope else f"node `{node.name}`"


def _first(places):
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"{places[0]}{more}"
