"""The methods of `ModelService`."""

from tensorflow.core.protobuf import error_codes_pb2
from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2

from .grpc_predict import model_spec


def get_model_status(manager, request):
    """Tells the states of a model's versions.

    Args:
        manager: The `ModelManager`.
        request: A `GetModelStatusRequest`.

    Returns:
        A `GetModelStatusResponse`.

    Raises:
        StatusError: if there is no such model or version.
    """
    spec = model_spec(request)
    # The server looks at a version here, never at a label.
    version = spec.version.value if spec.HasField("version") else None
    response = get_model_status_pb2.GetModelStatusResponse()
    states = get_model_status_pb2.ModelVersionStatus.State
    for status in manager.status(spec.name, version):
        response.model_version_status.add(
            version=status.version,
            state=states.Value(status.state),
            status={
                "error_code": error_codes_pb2.Code.Value(status.error_code),
                "error_message": status.error_message,
            },
        )
    return response


def handle_reload_config(manager, request):
    """Replaces the list of models.

    Args:
        manager: The `ModelManager`.
        request: A `ReloadConfigRequest`.

    Returns:
        A `ReloadConfigResponse`.

    Raises:
        StatusError: if the new list is refused.
    """
    manager.reload(request.config)
    response = model_management_pb2.ReloadConfigResponse()
    response.status.SetInParent()
    return response
