"""What a healthy server does, and a model that takes as long as it is asked to."""

import contextlib
import os
import shutil
import threading

import tensorflow as tf
from helpers.half_plus_two import save_half_plus_two
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

MANY_STEPS = 10**9  # hours: nobody waits for them


def assert_answers(address, model="half_plus_two"):
    """Asks for 1 / 2 + 2 by REST and by gRPC."""
    reply = address.predict(model, {"instances": [1.0]})
    assert (reply.status, reply.json()) == (200, {"predictions": [2.5]})
    with address.channel() as channel:
        response = stub(channel).Predict(grpc_request([1.0], model), timeout=30)
    assert list(response.outputs["y"].float_val) == [2.5]


def stub(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def grpc_request(x, model="half_plus_two", **inputs):
    """A `PredictRequest` with the input `x` of floats, and other inputs."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(x, tf.float32))
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def save_patient(version_dir, batching=None):
    """Saves a model that counts as many steps as its input `steps` says.

    Args:
        version_dir: Where to.
        batching: The text of its `batching_params.pbtxt`, or `None`.
    """

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.float32, name="x"),
            tf.TensorSpec([None], tf.int32, name="steps"),
        ]
    )
    def serve(x, steps):
        most = tf.reduce_max(steps)
        _, y = tf.while_loop(
            lambda step, _: step < most,
            lambda step, y: (step + 1, y + 0.0 * tf.cast(step, tf.float32)),
            (0, x / 2 + 2),
            parallel_iterations=1,
        )
        return {"y": y}

    tf.saved_model.save(
        tf.Module(), str(version_dir), signatures={"serving_default": serve}
    )
    if batching:
        (version_dir / "batching_params.pbtxt").write_text(batching)


def save_halves(model_dir, version, staging, offset=2.0, batching=None):
    """Publishes a version of half_plus_two whole, by rename."""
    partial = staging / f"{model_dir.name}-{version}"
    save_half_plus_two(partial, offset)
    if batching:
        (partial / "batching_params.pbtxt").write_text(batching)
    model_dir.mkdir(parents=True, exist_ok=True)
    os.rename(partial, model_dir / str(version))


def copy_slowly(source, target, after_each):
    """Copies a folder file by file, `saved_model.pb` first, as `cp` might."""
    files = [path for path in source.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name != "saved_model.pb"):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
        after_each()


def states(address, model="half_plus_two"):
    """Returns a dict from version to its status, as REST tells it."""
    reply = address.ask("GET", f"/v1/models/{model}")
    if reply.status != 200:
        return {}
    return {
        int(status["version"]): status
        for status in reply.json()["model_version_status"]
    }


def is_available(address, version, model="half_plus_two"):
    status = states(address, model).get(version)
    return status is not None and status["state"] == "AVAILABLE"


@contextlib.contextmanager
def in_threads(count, function):
    """Runs `function(index)` in threads; raises what the first of them raised.

    The block runs beside them; at its end they are waited for.
    """
    errors = []

    def run(index):
        try:
            function(index)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]
