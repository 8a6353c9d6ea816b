"""Boxes and their labels drawn on an image."""

import colorsys
import math
import unicodedata
import zlib

_SMALL = 320  # an image whose longer side is shorter is enlarged
_LINE = 1 / 400  # width of a line, as a share of the longer side
_DOT = 1 / 120  # radius of a landmark, as a share of the longer side
_VISIBLE = 0.5  # a landmark is drawn from this visibility on
_TEXT = 1 / 50  # height of a capital letter, as a share of the longer side
_LOWEST_TEXT = 8  # pixels
_GOLDEN = (math.sqrt(5) - 1) / 2


def draw_boxes(image, boxes, class_names=(), landmarks=()):
    """Draws boxes with their classes and scores, and landmarks as dots.

    Lines and letters grow with the image; a small image is enlarged by a whole
    factor, so that they can be read.

    Args:
        image: uint8 `[height, width, 3]`, RGB. It is left as it is.
        boxes: `DetectedBox`es in pixels of the image.
        class_names: The class names in the model's order, which gives each class
            a colour of its own. A class that is not among them gets a colour
            that follows from its name.
        landmarks: `Landmark`s in pixels of the image. Those that are rather not in
            it are left out.

    Returns:
        uint8 `[height, width, 3]` or, for a small image, a multiple of it.
    """
    import cv2

    factor = max(1, math.ceil(_SMALL / max(image.shape[:2])))
    canvas = image.repeat(factor, axis=0).repeat(factor, axis=1)
    height, width = canvas.shape[:2]
    line = max(1, round(max(height, width) * _LINE))
    # The best boxes last, so that they lie on top.
    rising = sorted(boxes, key=lambda box: box.score or 0.0)
    places = [_pixels(box, factor, height, width) for box in rising]
    colours = [class_colour(box.label, class_names) for box in rising]
    for (left, top, right, bottom), colour in zip(places, colours, strict=True):
        cv2.rectangle(canvas, (left, top), (right, bottom), colour, line)
    for box, place, colour in zip(rising, places, colours, strict=True):
        _draw_label(cv2, canvas, _text(cv2, box), place, line, colour)
    names = [landmark.name for landmark in landmarks]
    radius = max(2, round(max(height, width) * _DOT))
    for landmark in landmarks:
        if landmark.visibility >= _VISIBLE:
            centre = round(landmark.x * factor - 0.5), round(landmark.y * factor - 0.5)
            # A rim sets the dot off from what is of its colour.
            cv2.circle(canvas, centre, radius + 1, (255, 255, 255), cv2.FILLED)
            colour = class_colour(landmark.name, names)
            cv2.circle(canvas, centre, radius, colour, cv2.FILLED)
    return canvas


def class_colour(label, class_names=()):
    """Returns the colour of a class.

    Args:
        label: The class name.
        class_names: The class names in the model's order.

    Returns:
        `(red, green, blue)`, 0 to 255.
    """
    known = label in class_names
    index = class_names.index(label) if known else zlib.crc32(label.encode())
    # Steps of the golden ratio keep any number of hues apart; each third class is
    # darker, each third paler.
    saturation, value = ((1.0, 1.0), (1.0, 0.65), (0.55, 1.0))[index % 3]
    colour = colorsys.hsv_to_rgb(index * _GOLDEN % 1.0, saturation, value)
    return tuple(round(255 * part) for part in colour)


def _pixels(box, factor, height, width):
    """Returns the first and last pixel columns and rows that a box touches."""
    left, top = math.floor(box.x1 * factor), math.floor(box.y1 * factor)
    right, bottom = math.ceil(box.x2 * factor) - 1, math.ceil(box.y2 * factor) - 1
    left, right = (min(max(x, 0), width - 1) for x in (left, right))
    top, bottom = (min(max(y, 0), height - 1) for y in (top, bottom))
    return left, top, right, bottom


def _text(cv2, box):
    text = " ".join(box.label.split())
    if int(cv2.__version__.split(".")[0]) < 5:
        # Its letters are ASCII's; what has no likeness there becomes a `?`.
        plain = unicodedata.normalize("NFKD", text)
        plain = "".join(c for c in plain if not unicodedata.combining(c))
        text = plain.encode("ascii", "replace").decode()
    return text if box.score is None else f"{text} {box.score:.2f}"


def _draw_label(cv2, canvas, text, place, line, colour):
    """Writes above the box, or into it where there is no room above."""
    height, width = canvas.shape[:2]
    font = cv2.FONT_HERSHEY_SIMPLEX
    capital = max(_LOWEST_TEXT, max(height, width) * _TEXT)
    (_, unit), _ = cv2.getTextSize("H", font, 1.0, 1)
    scale, weight = capital / unit, max(1, round(capital / 12))
    padding = max(2, round(capital / 4))
    room = width - 2 * padding
    text = _shortened(cv2, text, font, scale, weight, room)
    (text_width, _), _ = cv2.getTextSize(text, font, scale, weight)
    # The same height for all labels, with room for accents and descenders.
    (_, ascent), descent = cv2.getTextSize("Ág", font, scale, weight)
    box_width = text_width + 2 * padding
    box_height = ascent + descent + 2 * padding
    left = min(max(place[0] - line // 2, 0), max(width - box_width, 0))
    top = place[1] - line // 2 - box_height
    if top < 0:
        top = min(place[1], max(height - box_height, 0))
    corner = (left + box_width - 1, top + box_height - 1)
    cv2.rectangle(canvas, (left, top), corner, colour, cv2.FILLED)
    red, green, blue = colour
    is_bright = 0.299 * red + 0.587 * green + 0.114 * blue > 140
    ink = (0, 0, 0) if is_bright else (255, 255, 255)
    origin = (left + padding, top + padding + ascent)
    cv2.putText(canvas, text, origin, font, scale, ink, weight, cv2.LINE_AA)


def _shortened(cv2, text, font, scale, weight, room):
    """Cuts a text that is wider than the image, and marks that."""

    def fits(text):
        return cv2.getTextSize(text, font, scale, weight)[0][0] <= room

    if fits(text):
        return text
    kept = next((n for n in range(len(text), 0, -1) if fits(text[:n] + "..")), 0)
    return text[:kept] + ".."
