"""The part of a detector that depends on what it finds."""

import abc

from ....data.boxes.augment import BoxAugmentation
from ....errors import UserError


class Head(abc.ABC):
    """The end of the network, its loss, its decoding and its figures.

    Args:
        config: A `DetectConfig`.
        classes: Number of classes.

    Attributes:
        parts: Names of the parts of the loss.
        points: Names of an object's landmarks; empty if it has none.
    """

    parts: tuple[str, ...]
    points: tuple[str, ...] = ()

    def __init__(self, config, classes):
        self.config = config
        self.classes = classes

    @abc.abstractmethod
    def filled_in(self, table):
        """Returns the config with what the training images decide.

        Args:
            table: Their `BoxTable`. The config's `image_size` is set by now.

        Raises:
            UserError: if the images lack something.
        """

    @abc.abstractmethod
    def describe(self):
        """Returns a few words for the line that tells of the model."""

    @property
    @abc.abstractmethod
    def most(self):
        """The most boxes of an image."""

    @abc.abstractmethod
    def outputs(self, maps):
        """Returns the outputs of the network.

        Args:
            maps: The feature maps, Keras tensors, one for each stride.
        """

    def unpacked(self, outputs):
        """Returns what the Keras model gave as the loss and the decoding want it."""
        return outputs

    @abc.abstractmethod
    def loss(self):
        """Returns the loss, a Keras loss with `parts(targets, outputs)`."""

    @abc.abstractmethod
    def detector(self, score_threshold):
        """Returns the function from outputs to what is found.

        Args:
            score_threshold: The least score of a box.

        Returns:
            A function of the unpacked outputs and of `score_threshold`,
            `iou_threshold` and `max_detections`, each `[N]` or `None`. It returns a
            dict of `boxes` `[N, D, 4]` in pixels of the input, `scores` `[N, D]`,
            `classes` int32 `[N, D]` and `count` int32 `[N]`; with landmarks also of
            `landmarks` `[N, K, 2]` in such pixels and `visibility` `[N, K]`.
        """

    def augmentation(self, plain=False):
        """Returns the `BoxAugmentation`; `plain` is that of the last epochs."""
        config = self.config
        return BoxAugmentation(
            mosaic=0.0 if plain else config.mosaic,
            mixup=0.0 if plain else config.mixup,
            iou_crop=0.0 if plain else config.iou_crop,
            scale=config.scale,
            translate=config.translate,
            rotation=config.rotation,
            flip=config.flip,
            flip_vertical=config.flip_vertical,
            hsv=config.hsv,
        )

    def check(self, table):
        """Raises `UserError` if objects of a `BoxTable` lack points of the head."""
        there, wanted = len(table.point_names), len(self.points)
        if wanted and there != wanted:
            raise UserError(
                f"has {there} points an object; {wanted} are wanted: "
                f"{', '.join(self.points)}",
                table.source,
            )

    def tally(self):
        """Returns a new `Tally` of figures beside those of all detectors."""
        return Tally()

    def score(self, figures):
        """Returns how good an epoch was, from its figures; larger is better."""
        return 0.9 * figures["val_map"] + 0.1 * figures["val_map50"]


class Tally:
    """Further figures of a data set, image by image; here none."""

    def add(self, truth, found):
        """Adds an image.

        Args:
            truth: A dict of `boxes` `[M, 4]` and `classes` `[M]`; optionally `crowd`
                and `difficult`, booleans `[M]`, and `points` `[M, K, 3]` of x, y and
                visibility.
            found: A dict of `boxes` `[D, 4]`, `scores` `[D]` and `classes` `[D]`, the
                best first; with landmarks also `landmarks` `[K, 2]`. In the same
                pixels.
        """

    def summary(self):
        """Returns the figures, a dict; -1 where there was nothing to measure."""
        return {}
