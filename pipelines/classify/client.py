"""`Client.classify`: images to a model server, typed results back."""

from .inputs import gather_images
from .results import classified_images


def classify(client, images, model, *, version=None, label=None, timeout=None):
    """Classifies images by a served model.

    Args:
        client: An `amalthea.serving.Client`.
        images: Files, folders, glob patterns or encoded images as `bytes`; one
            or a list of them.
        model: The model's name on the server.
        version: Its version; what the server chooses if not given.
        label: The label of a version, e.g. `"stable"`.
        timeout: How long the whole call may take, in seconds.

    Returns:
        A list of `ClassifiedImage`, as `ImageClassification.predict` gives.

    Raises:
        UserError: if a file is missing, or the server refuses the request.
    """
    names, contents = gather_images(images)
    answers = client.predict(
        model,
        {"image_bytes": list(contents)},
        version=version,
        label=label,
        timeout=timeout,
    )
    return classified_images(names, answers)
