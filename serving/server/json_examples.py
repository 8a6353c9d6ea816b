"""The body of a classify or regress request: checked only.

The server refuses these calls, but says first what is wrong with a body, as
TensorFlow Serving does.
"""

from .json_document import invalid, is_base64
from .json_text import describe
from .json_values import (
    FLOAT,
    check_lossless,
    check_size,
    decode_base64,
    is_whole,
    type_name,
)


def check_examples(document):
    """Looks at the examples of a request.

    Args:
        document: What `json_document.parse_document` gave.

    Raises:
        StatusError: `INVALID_ARGUMENT` if they are missing or wrong.
    """
    if "context" in document:
        _check_example(document["context"])
    examples = document.get("examples")
    if "examples" not in document:
        problem = (
            "When method is classify, key 'examples' is expected and was not found"
        )
    elif not isinstance(examples, list):
        problem = "Expecting 'examples' value to be an list/array"
    elif not examples:
        problem = "'examples' value is an empty array"
    else:
        for example in examples:
            _check_example(example)
        return
    raise invalid(f"JSON Value: {describe(document)} {problem}")


def _check_example(example):
    if not isinstance(example, dict):
        raise invalid(f"Example must be JSON object but got JSON {type_name(example)}")
    for name, content in example.items():
        kind = None
        for value in content if isinstance(content, list) else [content]:
            received = _kind(value, name)
            if kind not in (None, received):
                raise invalid(
                    f"Unexpected element type in feature: {name} expecting type: {kind}"
                )
            kind = received
            _check_value(value, name)


def _kind(value, name):
    """The kind of feature that holds a value."""
    if isinstance(value, str) or is_base64(value):
        return "bytes"
    if value is None or isinstance(value, (dict, list)):
        raise invalid(
            f"Feature: {name} has element with unexpected JSON type: {type_name(value)}"
        )
    if isinstance(value, bool) or is_whole(value):
        return "int64"
    return "float"


def _check_value(value, name):
    if isinstance(value, dict):
        decode_base64(value["b64"])
    elif is_whole(value) and value >= 1 << 63:
        raise invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
    elif not isinstance(value, (str, bool)) and not is_whole(value):
        check_size(value)
        check_lossless(value, FLOAT)
