"""`Client.classify`: images to a model server, typed results back."""

from itertools import islice

from ..inputs import gather_images
from .results import OUTPUTS, classified_images

_PART = 32  # images read and sent at a time by a client without a limit


def classify(client, images, model, *, version=None, label=None, timeout=None):
    """Classifies images by a served model.

    The images are read and sent in parts of the client's `batch_size`.

    Args:
        client: An `amalthea.serving.Client`.
        images: Files, folders, glob patterns or encoded images as `bytes`; one
            or a list of them.
        model: The model's name on the server.
        version: Its version; what the server chooses if not given.
        label: The label of a version, e.g. `"stable"`.
        timeout: How long one part may take, in seconds; `None` is the client's.

    Returns:
        A list of `ClassifiedImage`, as `ImageClassification.predict` gives.

    Raises:
        UserError: if a file is missing.
        InvalidArgument: if the model is no image classifier: the text names the
            inputs or outputs that it lacks.
        ServerError: if the request failed otherwise.
    """
    names, contents = gather_images(images)
    size = client.batch_size or _PART
    results = []
    while part := list(islice(contents, size)):
        answers = client.predict(
            model,
            {"image_bytes": part},
            version=version,
            label=label,
            outputs=OUTPUTS,
            timeout=timeout,
        )
        part_names = names[len(results) : len(results) + len(part)]
        results += classified_images(part_names, answers)
    return results
