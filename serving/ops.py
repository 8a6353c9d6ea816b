"""Which graph operations TensorFlow Serving can run, and which a model uses."""

import tensorflow as tf

# Registered by `import tensorflow_text` (2.21); a model server is built with them.
TEXT_OPS = frozenset(
    [
        "CaseFoldUTF8",
        "ConstrainedSequence",
        "FastBertNormalize",
        "FastWordpieceTokenizeWithOffsets",
        "FindSourceOffsets",
        "MaxSpanningTree",
        "NormalizeUTF8",
        "NormalizeUTF8WithOffsetsMap",
        "PhraseTokenize",
        "RegexSplitWithOffsets",
        "RougeL",
        "SentenceFragments",
        "SentenceFragmentsV2",
        "SentencepieceDetokenizeOp",
        "SentencepieceIdToStringOp",
        "SentencepieceOp",
        "SentencepieceStringToIdOp",
        "SentencepieceTokenizeOp",
        "SentencepieceTokenizeWithOffsetsOp",
        "SentencepieceVocabSizeOp",
        "SplitMergeTokenizeWithOffsets",
        "TFText>BoiseTagsToOffsets",
        "TFText>ByteSplitByOffsets",
        "TFText>ByteSplitWithOffsets",
        "TFText>FastSentencepieceDetokenize",
        "TFText>FastSentencepieceTokenize",
        "TFText>FastWordpieceDetokenize",
        "TFText>NgramsStringJoin",
        "TFText>OffsetsToBoiseTags",
        "TFText>PhraseDetokenize",
        "TFText>RoundRobinGenerateMasks",
        "TFText>RoundRobinTrim",
        "TFText>Utf8Binarize",
        "TFText>WhitespaceTokenizeWithOffsetsV2",
        "TokenizerFromLogits",
        "UnicodeScriptTokenizeWithOffsets",
        "WhitespaceTokenizeWithOffsets",
        "WordpieceTokenizeWithOffsets",
    ]
)

# These call back into the Python process that made the graph.
PYTHON_OPS = frozenset(["EagerPyFunc", "GeneratorDataset", "PyFunc", "PyFuncStateless"])


def served_ops():
    """The operations that a model server has.

    Returns:
        A frozenset of names: TensorFlow's public operations and those of
        tensorflow-text, without the ones that call Python.
    """
    # Not the registry: it also holds TensorFlow's test operations and those of
    # every library that this process happens to have loaded.
    core = {name for name in dir(tf.raw_ops) if not name.startswith("_")}
    return (core | TEXT_OPS) - PYTHON_OPS


def all_nodes(meta_graph):
    """Walks through all nodes of a graph and of its functions.

    Args:
        meta_graph: A `MetaGraphDef`.

    Yields:
        Pairs of the function's name, empty for the graph itself, and a
        `NodeDef`.
    """
    for node in meta_graph.graph_def.node:
        yield "", node
    for function in meta_graph.graph_def.library.function:
        for node in function.node_def:
            yield function.signature.name, node


def used_ops(meta_graph):
    """The operations in a graph.

    Args:
        meta_graph: A `MetaGraphDef`.

    Returns:
        A set of names, without the calls of the graph's own functions.
    """
    functions = {f.signature.name for f in meta_graph.graph_def.library.function}
    return {node.op for _, node in all_nodes(meta_graph)} - functions
