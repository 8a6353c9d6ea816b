"""What becomes of boxes, and of the points that belong to them, as images change.

Boxes `[n, 4]` may have more columns: x, y and visibility of each of their points. A
point of visibility 0 is not known and has zeros; one that leaves the image becomes
such a point.
"""

import tensorflow as tf


def transform_boxes(boxes, matrix):
    """Returns the boxes around the transformed boxes, and the transformed points.

    Args:
        boxes: float32 `[n, 4]`, or `[n, 4 + 3 * points]`.
        matrix: float32 `[3, 3]`, affine, from old to new `(x, y, 1)`.

    Returns:
        float32 of the same shape. They are not clipped.
    """
    linear, shift = matrix[:2, :2], matrix[:2, 2]
    centres = (boxes[:, :2] + boxes[:, 2:4]) / 2.0
    halves = (boxes[:, 2:4] - boxes[:, :2]) / 2.0
    centres = tf.matmul(centres, linear, transpose_b=True) + shift
    halves = tf.matmul(halves, tf.abs(linear), transpose_b=True)
    return with_points(
        tf.concat([centres - halves, centres + halves], axis=1),
        boxes,
        lambda places: tf.einsum("nki,ji->nkj", places, linear) + shift,
    )


def shift_boxes(boxes, offset):
    """Returns boxes and points moved by an offset.

    Args:
        boxes: float32 `[n, 4]`, or `[n, 4 + 3 * points]`.
        offset: float32 `[2]`, x and y.
    """
    corners = boxes[:, :4] + tf.tile(offset, [2])
    return with_points(corners, boxes, lambda places: places + offset)


def with_points(corners, boxes, move):
    """Appends to new corners the points that the boxes had, moved.

    Args:
        corners: float32 `[n, 4]`.
        boxes: float32 `[n, 4]`, or `[n, 4 + 3 * points]`.
        move: Function of the points' places, float32 `[n, points, 2]`.

    Returns:
        float32 of the shape of `boxes`.
    """
    if boxes.shape[1] == 4:
        return corners
    points = _points(boxes)
    visibility = points[..., 2:]
    moved = tf.concat([move(points[..., :2]), visibility], axis=-1)
    return _joined(corners, tf.where(visibility > 0, moved, 0.0))


def _points(boxes):
    return tf.reshape(boxes[:, 4:], [-1, (boxes.shape[1] - 4) // 3, 3])


def _joined(corners, points):
    points = tf.reshape(points, [-1, 3 * points.shape[1]])
    return tf.concat([corners, points], axis=1)


def keep_visible(boxes, classes, region, min_side=2.0, min_area=0.1):
    """Clips boxes to a region and drops those of which too little is left.

    Points outside it are not known any more.

    Args:
        boxes: float32 `[n, 4]`, or `[n, 4 + 3 * points]`.
        classes: Integers `[n]`; rows of class -1 are dropped.
        region: float32 `[4]`, or `[n, 4]` if each box has its own, as
            `[x1, y1, x2, y2]`.
        min_side: Least width and height that must be left, in pixels.
        min_area: Least share of the area that must be left.

    Returns:
        A tuple `(boxes, classes)` of those that are kept, in order.
    """
    corners = boxes[:, :4]
    region = tf.broadcast_to(region, tf.shape(corners))
    low, high = region[:, :2], region[:, 2:]
    first = tf.clip_by_value(corners[:, :2], low, high)
    last = tf.clip_by_value(corners[:, 2:], low, high)
    sides = last - first
    whole = tf.reduce_prod(corners[:, 2:] - corners[:, :2], axis=1)
    kept = tf.reduce_all(sides >= min_side, axis=1)
    kept &= tf.reduce_prod(sides, axis=1) >= min_area * whole
    kept &= classes >= 0
    rows = tf.where(kept)[:, 0]
    clipped = tf.concat([first, last], axis=1)
    if boxes.shape[1] > 4:
        points = _points(boxes)
        places = points[..., :2]
        inside = (places >= low[:, None]) & (places <= high[:, None])
        inside = tf.reduce_all(inside, axis=-1, keepdims=True)
        clipped = _joined(clipped, tf.where(inside, points, 0.0))
    return tf.gather(clipped, rows), tf.gather(classes, rows)


def pack_targets(boxes, classes, max_boxes):
    """Brings boxes and classes of one example into one tensor of a static shape.

    Args:
        boxes: float32 `[n, 4]`, or `[n, 4 + 3 * points]`.
        classes: Integers `[n]`.
        max_boxes: Number of rows of the result. If there are more boxes, the
            smallest are left out.

    Returns:
        float32 `[max_boxes, 5]` of `x1, y1, x2, y2, class`, or `[max_boxes, 5 + 3 *
        points]` with the points after it. Rows that are left over have class -1,
        and zeros else.
    """
    columns = boxes[:, :4], tf.cast(classes, tf.float32)[:, None], boxes[:, 4:]
    rows = tf.concat(columns, axis=1)
    areas = tf.reduce_prod(boxes[:, 2:4] - boxes[:, :2], axis=1)
    count = tf.minimum(tf.shape(boxes)[0], max_boxes)
    largest = tf.sort(tf.math.top_k(areas, count).indices)
    width = 1 + boxes.shape[1]
    empty = tf.tile([[0.0] * 4 + [-1.0] + [0.0] * (width - 5)], [max_boxes - count, 1])
    targets = tf.concat([tf.gather(rows, largest), empty], axis=0)
    return tf.ensure_shape(targets, [max_boxes, width])
