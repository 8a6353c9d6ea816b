"""What a model card says of a model beyond what the export itself shows."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class About:
    """Plain text and numbers about a model.

    Args:
        title: A line below the card's heading, which is the model's name.
        summary: What the model does and how it was made, Markdown.
        data: What it was trained and measured on, Markdown.
        metrics: Dict from a figure's name to a number or a short text.
        notes: Lines that a user of the model should know, such as its limits.
    """

    title: str = ""
    summary: str = ""
    data: str = ""
    metrics: dict[str, object] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
