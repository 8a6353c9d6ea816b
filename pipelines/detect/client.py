"""`Client.detect`: images to a model server, typed results back."""

from itertools import islice

from ..inputs import gather_images
from .results import LANDMARK_OUTPUTS, OUTPUTS, detected_images

_PART = 32  # images read and sent at a time by a client without a limit


def detect(
    client,
    images,
    model,
    *,
    confidence=None,
    iou=None,
    max_detections=None,
    version=None,
    label=None,
    timeout=None,
):
    """Finds objects in images by a served model.

    The images are read and sent in parts of the client's `batch_size`. A threshold
    that is not given is the model's own.

    Args:
        client: An `amalthea.serving.Client`.
        images: Files, folders, glob patterns or encoded images as `bytes`; one
            or a list of them.
        model: The model's name on the server.
        confidence: The least score of a box, 0 to 1.
        iou: Of two boxes of a class with a larger IoU, the better one is kept.
        max_detections: The most boxes of an image, up to the model's own number.
        version: Its version; what the server chooses if not given.
        label: The label of a version, e.g. `"stable"`.
        timeout: How long one part may take, in seconds; `None` is the client's.

    Returns:
        A list of `DetectedImage`, as `ObjectDetection.predict` gives.

    Raises:
        UserError: if a file is missing.
        InvalidArgument: if the model is no detector: the text names the inputs
            or outputs that it lacks.
        ServerError: if the request failed otherwise.
    """
    thresholds = _completed(
        confidence=confidence, iou=iou, max_detections=max_detections
    )
    names, contents = gather_images(images)
    signature = "thresholds" if thresholds else "serving_default"
    known = client.metadata(model, version=version, label=label, timeout=timeout)
    there = known[signature].outputs if signature in known else ()
    outputs = [*OUTPUTS, *(name for name in LANDMARK_OUTPUTS if name in there)]
    size = client.batch_size or _PART
    results = []
    while part := list(islice(contents, size)):
        answers = client.predict(
            model,
            {
                "image_bytes": part,
                **{name: [value] * len(part) for name, value in thresholds.items()},
            },
            signature=signature,
            version=version,
            label=label,
            outputs=outputs,
            timeout=timeout,
        )
        part_names = names[len(results) : len(results) + len(part)]
        results += detected_images(part_names, answers)
    return results


def _completed(**thresholds):
    """Returns what to send: all of them if one is given, -1 for the model's own."""
    if all(value is None for value in thresholds.values()):
        return {}
    return {name: -1 if value is None else value for name, value in thresholds.items()}
