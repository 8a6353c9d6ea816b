"""One Predict request: checked as TensorFlow Serving checks it, then run."""

import functools

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from ..model_info import DEFAULT_SIGNATURE
from .errors import StatusError


def run_predict(version, signature_name, inputs, output_filter=(), deadline=None):
    """Checks a request against a signature and runs it.

    The checks, their order, codes and texts are those of TensorFlow Serving. It
    looks at a signature's method name only under a flag that is off by default,
    so that is not looked at. Shapes are left to the model, as there.

    Args:
        version: A `LoadedVersion`: its `model.signature_defs` and `runner` are
            used.
        signature_name: The signature's name; empty for `serving_default`.
        inputs: Dict from input name to numpy array; strings are `bytes` in an
            array of dtype `object`.
        output_filter: The names of the outputs wanted; none for all.
        deadline: When the answer is no longer wanted, in the seconds of
            `time.monotonic`, or `None`.

    Returns:
        A dict from output name to numpy array, in the order of `output_filter`
        or else of the names.

    Raises:
        StatusError: if the request does not fit the signature, or the run fails.
    """
    name = signature_name or DEFAULT_SIGNATURE
    signature = version.model.signature_defs.get(name)
    if signature is None:
        raise StatusError(
            "FAILED_PRECONDITION", f'Serving signature key "{name}" not found.'
        )
    _check_size(signature, inputs)
    arrays = _arrays(signature, inputs)
    aliases = _outputs(signature, output_filter)
    _check_dtypes(signature, arrays)
    # In one order, whatever the filter's: each order would be a batch of its own.
    results = version.runner.run(name, arrays, sorted(aliases), deadline)
    return {alias: results[alias] for alias in aliases}


def _check_size(signature, inputs):
    wanted = signature.inputs
    if len(inputs) == len(wanted):
        return
    if len(inputs) < len(wanted) and signature.defaults:
        return
    sent, known = set(inputs), set(wanted)
    raise _invalid(
        f"input size does not match signature: {len(inputs)}!={len(wanted)} "
        f"len({_braced(sent)}) != len({_braced(known)}). "
        f"Sent extra: {_braced(sent - known)}. "
        f"Missing but required: {_braced(known - sent)}."
    )


def _arrays(signature, inputs):
    """Returns the array of each input of the signature, in the order of names."""
    arrays = {}
    for alias in sorted(signature.inputs):
        if alias in inputs:
            arrays[alias] = _readable(alias, inputs[alias])
        elif alias in signature.defaults:
            arrays[alias] = np.asarray(tf.make_ndarray(signature.defaults[alias]))
        else:
            raise _invalid(
                f"Signature input alias: {alias}(feed name: "
                f"{signature.inputs[alias].name}) not found in request and no "
                "default value provided. Inputs expected to be in the request "
                f"{_braced(inputs)}, or default input alias set: "
                f"{_joined(signature.defaults)}"
            )
    if not inputs.keys() <= arrays.keys():
        raise _invalid(
            "Inputs contains invalid name. Used request inputs: "
            f"{_joined(inputs.keys() & arrays.keys())}, "
            f"request input: {_joined(inputs)}"
        )
    return arrays


def _readable(alias, array):
    """Makes sure that the session can read an array of strings."""
    if array.dtype.kind in "SU":
        return array.astype(object)
    if array.dtype.kind == "O" and not all(
        isinstance(item, (bytes, str)) for item in array.flat
    ):
        raise _invalid(f"tensor parsing error: {alias}")
    return array


def _outputs(signature, output_filter):
    """Returns the names of the outputs to compute, in the order of the answer."""
    aliases = list(output_filter) or sorted(signature.outputs)
    seen = set()
    for alias in aliases:
        if alias not in signature.outputs:
            raise _invalid(
                f"output tensor alias not found in signature: {alias} "
                f"Outputs expected to be in the set {_braced(signature.outputs)}."
            )
        if alias in seen:
            raise _invalid(f"duplicate output tensor alias: {alias}")
        seen.add(alias)
    for alias in aliases:
        tensor = signature.outputs[alias].name
        if ":" not in tensor:  # an operation: the model's own initialiser
            raise _invalid(
                f"Tried to fetch data for '{tensor}', which produces no output.  To "
                f"run to a node but not fetch any data, pass '{tensor}' as an "
                "argument to the 'target_node_names' argument of the Session::Run "
                "API."
            )
    return aliases


def _check_dtypes(signature, arrays):
    """Says what the C++ session says, which numbers the inputs by tensor name."""
    infos = signature.inputs
    order = sorted(arrays, key=lambda alias: infos[alias].name)
    for index, alias in enumerate(order):
        wanted, received = infos[alias].dtype, _data_type(arrays[alias].dtype)
        if wanted != received:
            raise _invalid(
                f"Expects arg[{index}] to be {_type_name(wanted)} but "
                f"{_type_name(received)} is provided"
            )


@functools.cache  # of numpy's dtypes, which are few
def _data_type(dtype):
    try:
        return tf.as_dtype(dtype).as_datatype_enum
    except TypeError:  # one that TensorFlow does not have
        return types_pb2.DT_INVALID


def _type_name(data_type):
    return types_pb2.DataType.Name(data_type).removeprefix("DT_").lower()


def _joined(names):
    return ",".join(sorted(names))


def _braced(names):
    return f"{{{_joined(names)}}}"


def _invalid(message):
    return StatusError("INVALID_ARGUMENT", message)
