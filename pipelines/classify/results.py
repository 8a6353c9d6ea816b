"""The typed answer for one image; free of TensorFlow."""

import dataclasses

OUTPUTS = (  # of the signature `serving_default`
    "label",
    "probability",
    "top_labels",
    "top_probabilities",
    "valid",
    "error",
)


@dataclasses.dataclass(frozen=True)
class ClassifiedImage:
    """The answer for one image.

    Attributes:
        source: The file, or its number where bytes were given.
        label: The most probable class; empty if the image is not valid.
        probability: Its probability.
        top: Pairs of label and probability, falling.
        valid: Whether the image could be read.
        error: Why not, in a few words.
    """

    source: str
    label: str
    probability: float
    top: tuple[tuple[str, float], ...]
    valid: bool
    error: str


def classified_images(names, answers):
    """Makes typed results of what the signature `serving_default` returned.

    Args:
        names: What each row is called.
        answers: Dict from output name to numpy array, one row for each name.

    Returns:
        A list of `ClassifiedImage`.
    """
    return [
        ClassifiedImage(
            source=name,
            label=answers["label"][row].decode(),
            probability=float(answers["probability"][row]),
            top=tuple(
                (label.decode(), float(probability))
                for label, probability in zip(
                    answers["top_labels"][row],
                    answers["top_probabilities"][row],
                    strict=True,
                )
                if label
            ),
            valid=bool(answers["valid"][row]),
            error=answers["error"][row].decode(),
        )
        for row, name in enumerate(names)
    ]
