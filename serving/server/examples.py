"""Classify, Regress and MultiInference: checked, and refused.

These calls send `tf.train.Example`s to signatures made for them, which the exports
of this package do not have. The checks, codes and texts are TensorFlow Serving's; a
signature that passes them all is refused too, as not supported.
"""

from google.protobuf import text_format

from ..model_info import DEFAULT_SIGNATURE
from .errors import StatusError

_CLASSIFY = "tensorflow/serving/classify"
_REGRESS = "tensorflow/serving/regress"


def refuse_classify(version, signature_name):
    """Raises what a server answers to `Classify`.

    Args:
        version: The `LoadedVersion`.
        signature_name: The signature's name; empty for `serving_default`.

    Raises:
        StatusError: always.
    """
    _check_classification(_signature(version, signature_name))
    raise _unsupported("Classify")


def refuse_regress(version, signature_name):
    """Raises what a server answers to `Regress`.

    Args:
        version: The `LoadedVersion`.
        signature_name: The signature's name; empty for `serving_default`.

    Raises:
        StatusError: always.
    """
    _check_regression(_signature(version, signature_name))
    raise _unsupported("Regress")


def refuse_multi_inference(version, tasks):
    """Raises what a server answers to `MultiInference`.

    Args:
        version: The `LoadedVersion` that the first task names.
        tasks: The `InferenceTask`s.

    Raises:
        StatusError: always.
    """
    seen = set()
    input_name = None
    for task in tasks:
        spec = task.model_spec
        if not spec.name:
            raise _invalid("Found ModelSpec with an empty model name.")
        if spec.name != tasks[0].model_spec.name:
            raise _invalid(
                "All ModelSpecs in a MultiInferenceRequest must access the same "
                "model name."
            )
        name = spec.signature_name or DEFAULT_SIGNATURE
        if name in seen:
            raise _invalid(f"Duplicate evaluation of signature: {name}")
        seen.add(name)
        signature = version.model.signature_defs.get(name)
        if signature is None:
            raise _invalid(f"Requested signature not found in model graph: {name}")
        if task.method_name == _CLASSIFY:
            _check_classification(signature)
        elif task.method_name == _REGRESS:
            _check_regression(signature)
        else:
            raise StatusError(
                "UNIMPLEMENTED",
                f"Unsupported signature method_name: {task.method_name}",
            )
        if input_name not in (None, signature.inputs["inputs"].name):
            raise _invalid("Input tensor must be the same for all Signatures.")
        input_name = signature.inputs["inputs"].name
    raise _unsupported("MultiInference")


def _signature(version, name):
    name = name or DEFAULT_SIGNATURE
    if name not in version.model.signature_defs:
        raise _invalid(f"No signature was found with the name: {name}")
    return version.model.signature_defs[name]


def _check_classification(signature):
    if len(signature.inputs) != 1:
        raise _invalid("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise _invalid(
            f"Expected one or two output Tensors, found {len(signature.outputs)}"
        )
    if "inputs" not in signature.inputs:
        raise _invalid(
            f"No classification inputs found in SignatureDef: {_text(signature)}"
        )
    if not {"classes", "scores"} & set(signature.outputs):
        raise _invalid(
            "Expected classification signature outputs to contain at least one of "
            f'"classes" or "scores". Signature was: {_text(signature)}'
        )


def _check_regression(signature):
    if len(signature.inputs) != 1:
        raise _invalid("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise _invalid("Expected one output Tensor.")
    if "inputs" not in signature.inputs:
        raise _invalid(
            f"No regression inputs found in SignatureDef: {_text(signature)}"
        )
    if "outputs" not in signature.outputs:
        raise _invalid(
            f"No regression outputs found in SignatureDef: {_text(signature)}"
        )


def _text(signature):
    return text_format.MessageToString(signature)


def _unsupported(call):
    return StatusError("UNIMPLEMENTED", f"{call} is not supported by this server")


def _invalid(message):
    return StatusError("INVALID_ARGUMENT", message)
