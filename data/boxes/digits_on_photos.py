"""The embedded sets: real handwritten digits pasted on real photographs."""

import dataclasses
import functools
import math

import numpy as np

from ..images.image_set import LazyImages, encode_png
from ..splits import content_key, split_by_content
from .found import Annotation, FoundBoxes
from .glyphs import VISIBLE, Glyph, corners, visible_box

EMBEDDED = ("digits-on-photos", "digit-on-photo")
POINT_NAMES = ("top left", "top right", "bottom right", "bottom left", "centre")
COUNTS = {"train": 2000, "val": 300, "test": 300}
# Each split has its own columns of the photographs (of 640), and its own digits.
_COLUMNS = {"train": (0, 352), "val": (352, 496), "test": (496, 640)}
_PHOTOS = ("china.jpg", "flower.jpg")
_SIDES = (96, 224)  # pixels of an image
_CONTRAST = 60  # of luma, between a digit and 90 % of the pixels behind it
_OVERLAP = 0.1  # largest share of a digit's box that may lie in another
_TRIES = 10  # to find a place for a digit
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclasses.dataclass(frozen=True)
class _Kind:
    """What the two sets differ in; sides in shares of the image's shorter side."""

    number: int
    empty: float  # share of images without digits
    most: int  # digits an image
    sides: tuple[float, float]
    angle: float  # degrees


_KINDS = {
    "digits-on-photos": _Kind(0, empty=0.06, most=8, sides=(0.2, 0.6), angle=15.0),
    "digit-on-photo": _Kind(1, empty=0.1, most=1, sides=(0.25, 0.65), angle=45.0),
}


@dataclasses.dataclass(frozen=True)
class _Digit:
    """A digit in its place: how it is stamped, and by how many pixels shifted."""

    glyph: int
    side: float
    angle: float
    offset: tuple[float, float]
    shift: tuple[int, int]
    box: tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True)
class _Scene:
    height: int
    width: int
    digits: tuple[_Digit, ...]


def read_digits_on_photos(name):
    """Lays out one of the embedded sets; its images are drawn when asked for.

    The digits are those of scikit-learn's `load_digits`, smoothly enlarged and
    slightly turned; the photographs its `china.jpg` and `flower.jpg`, cropped,
    enlarged and mirrored at random. A digit's box is tight around the pixels of
    which it covers at least a quarter, and its brightness differs from what is
    behind it. `digit-on-photo` has at most one digit an image, turned further,
    with the corners of its 8 x 8 cells and its centre as points; a corner outside
    the image is not labelled.

    Args:
        name: `"digits-on-photos"` or `"digit-on-photo"`.

    Returns:
        A `FoundBoxes` with lazily encoded images: 2,000 for training, 300 each
        for validation and test, which share neither digits nor parts of the
        photographs.
    """
    scenes = PastedDigits(name)
    has_points = name == "digit-on-photo"
    found = FoundBoxes(
        f"{name}: handwritten digits on photographs, both of scikit-learn",
        class_names=tuple("0123456789"),
        point_names=POINT_NAMES if has_points else (),
        keys=[],
        encoded=LazyImages(scenes.encoded, range(len(scenes))),
        sizes=np.array([scenes.size(row) for row in range(len(scenes))]),
    )
    for row in range(len(scenes)):
        boxes, labels, points = scenes.truth(row)
        split, number = scenes.place(row)
        found.annotations.append(
            Annotation(
                f"{name}/{split}/{number}",
                labels=[str(label) for label in labels],
                boxes=boxes,
                points=points if has_points else [],
                split=split,
            )
        )
        found.keys.append(content_key(f"{name}/1/{split}/{number}".encode()))
    return found


class PastedDigits:
    """Draws digits on photographs, each image from its own number alone.

    Args:
        name: Name of the set.
        photos: uint8 `[2, 427, 640, 3]`; scikit-learn's photographs if not given.
    """

    def __init__(self, name, photos=None):
        self._kind = _KINDS[name]
        self._photos = photos
        self._rows = [
            (split, number)
            for split, count in COUNTS.items()
            for number in range(count)
        ]
        self._scenes = _lay_out_all(name, tuple(self._rows))

    def __len__(self):
        return len(self._rows)

    def place(self, row):
        """Returns the split of an image and its number in it."""
        return self._rows[row]

    def size(self, row):
        """Returns height and width of an image."""
        return self._scenes[row].height, self._scenes[row].width

    def truth(self, row):
        """Returns what is on an image.

        Returns:
            Lists `(boxes, labels, points)`, one entry a digit: x1, y1, x2, y2;
            the digit; `[5, 3]` of x, y, visibility.
        """
        scene = self._scenes[row]
        labels = [int(_glyphs().labels[digit.glyph]) for digit in scene.digits]
        points = [_points(digit, scene) for digit in scene.digits]
        return [digit.box for digit in scene.digits], labels, points

    def encoded(self, row):
        """Returns an image as the bytes of a PNG."""
        return encode_png(self.draw(row))

    def draw(self, row):
        """Returns an image, uint8 `[height, width, 3]`."""
        scene, (split, number) = self._scenes[row], self._rows[row]
        rng = _random(self._kind, split, number, 1)
        photos = _load_photos() if self._photos is None else self._photos
        low, high = _COLUMNS[split]
        image = _background(photos[rng.randint(len(photos))][:, low:high], scene, rng)
        for digit in scene.digits:
            _paste(image, digit, rng)
        return np.round(image).astype(np.uint8)


def _random(kind, split, number, purpose):
    # The streams of `RandomState` never change; those of `Generator` may, from one
    # release of NumPy to the next.
    part = list(COUNTS).index(split)
    return np.random.RandomState([kind.number, part, number, purpose])


@functools.cache  # a second or two for all images
def _lay_out_all(name, rows):
    return [_lay_out(_KINDS[name], split, number) for split, number in rows]


def _lay_out(kind, split, number):
    rng = _random(kind, split, number, 0)
    height, width = (int(side) for side in rng.randint(_SIDES[0], _SIDES[1] + 1, 2))
    wanted = 0 if rng.uniform() < kind.empty else rng.randint(1, kind.most + 1)
    digits = []
    for _ in range(wanted):
        digit = _place(kind, split, (height, width), digits, rng)
        if digit:
            digits.append(digit)
    return _Scene(height, width, tuple(digits))


def _place(kind, split, size, others, rng):
    """Draws a digit's looks and place; `None` where no place was found."""
    height, width = size
    numbers = _glyphs().numbers[split]
    glyph = int(numbers[rng.randint(len(numbers))])
    low, high = (math.log(share) for share in kind.sides)
    side = round(min(size) * math.exp(rng.uniform(low, high)), 3)
    angle = round(rng.uniform(-kind.angle, kind.angle), 3)
    offset = tuple(rng.uniform(size=2).tolist())
    coverage, left, top = _glyphs().drawn[glyph].stamp(side, angle, offset)
    x1, y1, x2, y2 = (int(edge) for edge in visible_box(coverage))
    room = width - (x2 - x1), height - (y2 - y1)
    if min(room) < 0:
        return None
    for _ in range(_TRIES):
        x, y = (int(rng.randint(length + 1)) for length in room)
        box = x, y, x + x2 - x1, y + y2 - y1
        if all(_overlap(box, other.box) <= _OVERLAP for other in others):
            shift = x - x1 - left, y - y1 - top
            return _Digit(glyph, side, angle, offset, shift, box)
    return None


def _overlap(one, other):
    """Returns the shared area as a share of the smaller box."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return max(width, 0) * max(height, 0) / min(areas)


def _points(digit, scene):
    centre = np.add(digit.offset, digit.shift)
    places = np.concatenate([corners(digit.side, digit.angle) + centre, [centre]])
    inside = ((places >= 0) & (places <= (scene.width, scene.height))).all(axis=1)
    return np.column_stack([places, np.full(len(places), 2)]) * inside[:, None]


def _background(photo, scene, rng):
    """Cuts a random part of a photograph, enlarged and mirrored; float32."""
    rows, columns = photo.shape[:2]
    least = max(scene.height / rows, scene.width / columns, 1.0)
    zoom = rng.uniform(least, max(2.0, least))
    y, x = (
        rng.uniform(0, limit - length / zoom) + (np.arange(length) + 0.5) / zoom - 0.5
        for length, limit in ((scene.height, rows), (scene.width, columns))
    )
    image = _interpolate(photo, y).swapaxes(0, 1)
    image = _interpolate(image, x).swapaxes(0, 1)
    if rng.uniform() < 0.5:
        image = image[:, ::-1]
    gain, shift = rng.uniform(0.7, 1.1), rng.uniform(-20, 20)
    return np.clip(image * np.float32(gain) + np.float32(shift), 0, 255)


def _interpolate(image, places):
    """Linear interpolation along the first axis, at ascending places."""
    places = np.clip(places, 0, len(image) - 1)
    low = np.minimum(places.astype(int), len(image) - 2)
    share = (places - low).astype(np.float32)[:, None, None]
    image = image[low[0] : low[-1] + 2].astype(np.float32)
    low -= low[0]
    return image[low] + (image[low + 1] - image[low]) * share


def _paste(image, digit, rng):
    """Blends a digit into an image, in a colour that can be seen there."""
    glyph = _glyphs().drawn[digit.glyph]
    coverage, left, top = glyph.stamp(digit.side, digit.angle, digit.offset)
    left, top = left + digit.shift[0], top + digit.shift[1]
    # The faint rim of a digit at the edge of the image is cut off.
    rows = slice(max(top, 0), min(top + coverage.shape[0], image.shape[0]))
    columns = slice(max(left, 0), min(left + coverage.shape[1], image.shape[1]))
    coverage = coverage[rows.start - top : rows.stop - top]
    coverage = coverage[:, columns.start - left : columns.stop - left, None]
    behind = image[rows, columns]
    luma = (behind @ _LUMA)[coverage[..., 0] >= VISIBLE]
    colour = _colour(np.percentile(luma, 5), np.percentile(luma, 95), rng)
    image[rows, columns] += (colour.astype(np.float32) - behind) * coverage


def _colour(darkest, brightest, rng):
    """Draws a colour that can be seen before lumas from `darkest` to `brightest`."""
    darker, brighter = darkest - _CONTRAST, 255 - _CONTRAST - brightest
    if max(darker, brighter) <= 0:
        wanted = 0 if darker > brighter else 255
    else:
        darker, brighter = max(darker, 0), max(brighter, 0)
        drawn = rng.uniform(0, darker + brighter)
        wanted = drawn if drawn < darker else drawn - darker + 255 - brighter
    colour = rng.uniform(0, 255, 3)
    luma = float(colour @ _LUMA)
    if wanted < luma:
        colour = colour * (wanted / luma)
    else:
        colour = 255 - (255 - colour) * ((255 - wanted) / (255 - luma))
    return np.round(colour)


@dataclasses.dataclass(frozen=True)
class _Glyphs:
    drawn: list[Glyph]
    labels: np.ndarray
    numbers: dict[str, np.ndarray]  # the glyphs of each split


@functools.cache
def _glyphs():
    from sklearn.datasets import load_digits

    digits = load_digits()
    splits = split_by_content(
        [content_key(image) for image in digits.images], digits.target
    )
    return _Glyphs(
        [Glyph(image / 16) for image in digits.images],
        digits.target,
        {split: np.flatnonzero(splits == split) for split in COUNTS},
    )


@functools.cache
def _load_photos():
    from sklearn.datasets import load_sample_image

    return np.stack([load_sample_image(name) for name in _PHOTOS])
