"""The methods of `PredictionService`."""

from collections.abc import Mapping

from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2, predict_pb2

from ..model_info import DEFAULT_SIGNATURE
from .errors import StatusError
from .examples import refuse_classify, refuse_multi_inference, refuse_regress
from .predict import run_predict
from .tensor_proto import (
    TensorProtoError,
    array_bytes,
    array_from_proto,
    array_to_proto,
)


def predict(manager, request, deadline, max_bytes):
    """Runs a signature of a model.

    Args:
        manager: The `ModelManager`.
        request: A `PredictRequest`.
        deadline: A value of `time.monotonic()`, or `None`.
        max_bytes: The most that the inputs may take as arrays, in bytes.

    Returns:
        A `PredictResponse`.

    Raises:
        StatusError: if there is no answer.
    """
    spec = model_spec(request)
    with acquire(manager, spec) as version:
        signature = spec.signature_name or DEFAULT_SIGNATURE
        outputs = run_predict(
            version,
            signature,
            _Inputs(request.inputs, max_bytes),
            tuple(request.output_filter),
            deadline,
        )
        response = predict_pb2.PredictResponse()
        response.model_spec.name = spec.name
        response.model_spec.version.value = version.version
        response.model_spec.signature_name = signature
    for name, array in outputs.items():
        array_to_proto(array, response.outputs[name])
    return response


def get_model_metadata(manager, request):
    """Tells the signatures of a model.

    Args:
        manager: The `ModelManager`.
        request: A `GetModelMetadataRequest`.

    Returns:
        A `GetModelMetadataResponse`.

    Raises:
        StatusError: if the request asks for something else, or there is no such
            model.
    """
    spec = model_spec(request)
    if not request.metadata_field:
        raise StatusError(
            "INVALID_ARGUMENT",
            "GetModelMetadataRequest must specify at least one metadata_field",
        )
    for field in request.metadata_field:
        if field != "signature_def":
            # The server's own text, where the name misses its place.
            raise StatusError(
                "INVALID_ARGUMENT", f"Metadata field %s is not supported{field}"
            )
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    signatures = get_model_metadata_pb2.SignatureDefMap()
    with acquire(manager, spec) as version:
        for name, signature in version.model.signature_defs.items():
            signatures.signature_def[name].CopyFrom(signature)
        response.model_spec.name = version.name
        response.model_spec.version.value = version.version
    response.metadata["signature_def"].Pack(signatures)
    return response


def classify(manager, request):
    """Refuses a `ClassificationRequest` with the server's `StatusError`."""
    spec = model_spec(request)
    with acquire(manager, spec) as version:
        refuse_classify(version, spec.signature_name)


def regress(manager, request):
    """Refuses a `RegressionRequest` with the server's `StatusError`."""
    spec = model_spec(request)
    with acquire(manager, spec) as version:
        refuse_regress(version, spec.signature_name)


def multi_inference(manager, request):
    """Refuses a `MultiInferenceRequest` with the server's `StatusError`."""
    first = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
    with acquire(manager, first) as version:
        refuse_multi_inference(version, request.tasks)


def model_spec(request):
    """Returns the `ModelSpec` of a request, which must be set."""
    if not request.HasField("model_spec"):
        raise StatusError("INVALID_ARGUMENT", "Missing ModelSpec")
    return request.model_spec


def acquire(manager, spec):
    """Returns the context of the version that a `ModelSpec` names."""
    if not spec.name:
        raise StatusError("INVALID_ARGUMENT", "ModelSpec has no name specified.")
    choice = spec.WhichOneof("version_choice")
    version = spec.version.value if choice == "version" else None
    label = spec.version_label if choice == "version_label" else None
    return manager.acquire(spec.name, version, label)


class _Inputs(Mapping):
    """A request's inputs; each is read when it is asked for.

    So what is wrong with the request as a whole is found before what is wrong
    with one tensor, and no tensor is read that the signature does not take.
    """

    def __init__(self, protos, max_bytes):
        self._protos = protos
        self._left = max_bytes

    def __contains__(self, name):
        return name in self._protos

    def __getitem__(self, name):
        try:
            array = array_from_proto(self._protos[name], self._left)
        except TensorProtoError as error:
            raise StatusError(
                "INVALID_ARGUMENT", f"tensor parsing error: {name}"
            ) from error
        self._left -= array_bytes(array)
        return array

    def __iter__(self):
        return iter(self._protos)

    def __len__(self):
        return len(self._protos)
