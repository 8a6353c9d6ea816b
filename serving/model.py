"""An exported model in this process, loaded the way TensorFlow Serving loads it."""

import copy
import threading

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from ..errors import UserError
from .model_info import DEFAULT_SIGNATURE
from .ops import TEXT_OPS, used_ops
from .quiet import error_line, quiet_tensorflow
from .signatures import SERVE_TAG, read_meta_graph, read_signatures

# Clients choose the outputs, so that there is no end to what could be kept.
_MAX_CALLABLES = 100
_KINDS = {"b": "b", "i": "iu", "u": "iu", "f": "iuf"}
# Causes in the machine, which another export would not mend.
_MACHINE_ERRORS = (
    tf.errors.PermissionDeniedError,
    tf.errors.ResourceExhaustedError,
    tf.errors.UnavailableError,
)


class ServedModel:
    """An exported model, run through the C++ session as a model server does.

    Nothing of the Python code that made the model is used, only the folder.
    Use it as a context manager, or call `close` when done. Any number of
    threads may run it at the same time.

    Args:
        version_dir: The folder that holds `saved_model.pb`.

    Attributes:
        signatures: A dict of `Signature` by name.
        signature_defs: A dict of `SignatureDef` protos by name, with
            TensorFlow's own (the initialiser), as the file has them.

    Raises:
        UserError: if there is no SavedModel, or it cannot be loaded.

    Example:

    ```python
    with ServedModel("models/pets/1") as model:
        model.predict(image_bytes=[open("cat.jpg", "rb").read()])["label"]
    ```
    """

    def __init__(self, version_dir):
        meta_graph = read_meta_graph(version_dir)
        self.signatures = read_signatures(meta_graph)
        # Copies: a part of a message keeps the whole of it, the graph too.
        self.signature_defs = copy.deepcopy(dict(meta_graph.signature_def))
        if used_ops(meta_graph) & TEXT_OPS:
            _register_text_ops(version_dir)
        self._callables = {}
        self._callables_lock = threading.Lock()  # held to change the dict
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        try:
            _load(self._session, version_dir)
        except BaseException:
            self.close()
            raise

    def predict(self, signature=DEFAULT_SIGNATURE, **inputs):
        """Runs one signature.

        Args:
            signature: Its name.
            **inputs: One value per input of the signature: an array of the
                input's dtype, or nested lists. Text may be `str` or `bytes`.

        Returns:
            A dict of numpy arrays by output name; strings are `bytes` in an
            array of dtype `object`.

        Raises:
            UserError: if the signature or the inputs are not the model's, or
                the model rejects the values.
        """
        if signature not in self.signatures:
            raise UserError(
                "Invalid value for `signature`: expected one of "
                f"{', '.join(self.signatures)}, received signature={signature!r}"
            )
        spec = self.signatures[signature]
        if inputs.keys() != spec.inputs.keys():
            raise UserError(
                f"Invalid inputs for signature `{signature}`: expected "
                f"{', '.join(spec.inputs)}, received {', '.join(inputs) or 'none'}"
            )
        arrays = {
            name: _as_array(inputs[name], info) for name, info in spec.inputs.items()
        }
        try:
            return self.run(signature, arrays, spec.outputs)
        except tf.errors.OpError as error:
            raise UserError(
                f"the model rejects the inputs ({error_line(error)})",
                f"signature `{signature}`",
            ) from error

    def run(self, signature, inputs, outputs):
        """Runs one signature on arrays as they are, for callers that check them.

        Args:
            signature: Its name.
            inputs: A dict from input name to numpy array of the input's dtype;
                text as `bytes` in an array of dtype `object`. An input left out
                fails unless no output needs it.
            outputs: The names of the outputs to compute.

        Returns:
            A dict of numpy arrays by output name, in the order of `outputs`.

        Raises:
            KeyError: if the signature has no such input or output, or there is
                no such signature.
            tf.errors.OpError: if the session or the model rejects the values.
        """
        key = (signature, *inputs, None, *outputs)
        run = self._callables.get(key) or self._add_callable(key, inputs, outputs)
        return {
            name: _whole(value)
            for name, value in zip(outputs, run(*inputs.values()), strict=True)
        }

    def close(self):
        """Frees the model; it cannot be used any more."""
        self._callables.clear()
        if self._session is not None:
            self._session.close()
            # The graph and its operations refer to each other: undone here, they
            # go at once with the session, without a garbage collection.
            self._session.graph.Dismantle()
            self._session = None

    def _add_callable(self, key, inputs, outputs):
        spec = self.signatures[key[0]]
        options = config_pb2.CallableOptions(
            feed=[spec.inputs[name].graph_name for name in inputs],
            fetch=[spec.outputs[name].graph_name for name in outputs],
        )
        with self._callables_lock:
            if len(self._callables) >= _MAX_CALLABLES:
                self._callables.clear()  # who runs one holds it
            # The public `run` and `make_callable` look all names up at each call,
            # which takes 80 microseconds.
            run = self._session._make_callable_from_options(options)
            self._callables[key] = run
        return run

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def _load(session, version_dir):
    try:
        with session.graph.as_default(), quiet_tensorflow():
            tf.compat.v1.saved_model.loader.load(session, [SERVE_TAG], str(version_dir))
            empty = _variables_without_value(session)
    except (tf.errors.OpError, OSError, ValueError) as error:
        mend = "Export it again and look at it with `amalthea check`"
        raise UserError(
            f"cannot be loaded ({error_line(error)})",
            version_dir,
            None if isinstance(error, _MACHINE_ERRORS) else mend,
        ) from error
    if empty:
        raise UserError(
            f"a session restores no value for the variable {empty[0]!r}",
            version_dir,
            "Track the models' `tf.Variable`s, as `ServingModule` does",
        )


def _whole(value):
    """Makes the scalars that a session returns arrays again."""
    if isinstance(value, np.ndarray):
        return value
    # Through `object`: numpy's own string arrays drop trailing zero bytes.
    return np.array(value, object if isinstance(value, bytes) else None)


def _variables_without_value(session):
    nodes = session.graph.get_operations()
    handles = [node for node in nodes if node.type == "VarHandleOp"]
    checks = [
        tf.raw_ops.VarIsInitializedOp(resource=node.outputs[0]) for node in handles
    ]
    filled = session.run(checks)
    return [
        node.get_attr("shared_name").decode()
        for node, has_value in zip(handles, filled, strict=True)
        if not has_value
    ]


def _register_text_ops(version_dir):
    # A model server is built with these ops; Python gets them by this import.
    try:
        import tensorflow_text  # noqa: F401
    except ImportError as error:
        raise UserError(
            "this model uses ops of tensorflow-text, which is not installed",
            version_dir,
            "Run `pip install tensorflow-text`",
        ) from error


def _as_array(value, info):
    """Turns what a caller gave into an array of the input's dtype, or says why not."""
    try:
        # numpy's own string arrays drop trailing zero bytes, hence object.
        array = np.asarray(value, object if info.dtype == "string" else None)
    except ValueError as error:
        raise _mismatch(info, f"rows of unequal size ({error_line(error)})") from error
    if not tf.TensorShape(info.shape).is_compatible_with(array.shape):
        raise _mismatch(info, f"shape {list(array.shape)}")
    if info.dtype == "string":
        if not all(isinstance(item, (bytes, str)) for item in array.flat):
            raise _mismatch(info, "items that are not text or bytes")
        return array
    wanted = np.dtype(tf.as_dtype(info.dtype).as_numpy_dtype)
    if array.dtype == wanted or array.size == 0:
        return array.astype(wanted)
    # Plain Python numbers have no dtype of their own: take any that lose nothing.
    if isinstance(value, np.ndarray) or array.dtype.kind not in _KINDS.get(
        wanted.kind, ""
    ):
        raise _mismatch(info, f"dtype {array.dtype}")
    converted = array.astype(wanted)
    if wanted.kind in "iu" and not np.array_equal(converted, array):
        raise _mismatch(info, f"values out of the range of {wanted}")
    return converted


def _mismatch(info, received):
    return UserError(
        f"Invalid value for input `{info.name}`: expected {info}, received {received}"
    )
