"""Anchors that fit the boxes of a data set."""

import numpy as np

_STARTS = 4  # k-means finds a local optimum; the best of so many is taken
_ROUNDS = 50  # of k-means
_SAMPLE = 20_000  # boxes; more tell nothing new
_CHUNK = 100_000  # boxes compared at a time


def scaled_sizes(table, height, width):
    """Returns the sizes of boxes after letterboxing to the model's input.

    Crowd and difficult boxes are left out: they are never targets of training.

    Args:
        table: A `BoxTable`.
        height: Height of the input in pixels.
        width: Width of the input in pixels.

    Returns:
        float32 `[n, 2]`, width and height in pixels of the input, in the order of
        the table.
    """
    sizes = table.sizes.astype(np.float64)
    scale = (np.array([height, width]) / sizes).min(axis=1, keepdims=True)
    # The image is resized to whole pixels, so the two factors differ a little.
    factors = np.maximum(np.round(sizes * scale), 1) / sizes
    factors = np.repeat(factors[:, ::-1], [len(row) for row in table.boxes], axis=0)
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *table.boxes])
    wanted = np.concatenate([np.zeros(0, bool), *target_flags(table)])
    return ((boxes[:, 2:] - boxes[:, :2]) * factors)[wanted].astype(np.float32)


def target_flags(table):
    """Returns for each image bool `[n]`: the boxes that are targets of training."""
    return [
        ~(crowd | difficult)
        for crowd, difficult in zip(table.crowd, table.difficult, strict=True)
    ]


def kmeans_anchors(sizes, count, seed=0, generations=1000):
    """Finds anchors by k-means with the distance 1 - IoU of centred boxes.

    The centres start by k-means++ and move to the medians of their boxes; the best
    of a few starts is then refined by small random changes that raise the mean IoU
    of a box with its best anchor.

    Args:
        sizes: `[n, 2]` widths and heights in pixels of the model's input.
        count: Number of anchors.
        seed: Seed of the starts and changes.
        generations: Number of changes tried; 0 for plain k-means.

    Returns:
        float32 `[count, 2]`, widths and heights by ascending area.

    Raises:
        ValueError: if there are no sizes, one is not positive, or `count` is less
            than 1.

    Reference:
        Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", section 2.
    """
    sizes = _check_sizes("sizes", sizes)
    if not len(sizes):
        raise ValueError("Invalid value for `sizes`: expected boxes, received none")
    if count < 1:
        raise ValueError(
            f"Invalid value for `count`: expected at least 1, received count={count}"
        )
    rng = np.random.default_rng(seed)
    if len(sizes) > _SAMPLE:
        sizes = sizes[rng.choice(len(sizes), _SAMPLE, replace=False)]
    tried = [_kmeans(sizes, _seed_centres(sizes, count, rng)) for _ in range(_STARTS)]
    anchors = max(tried, key=lambda centres: mean_best_iou(sizes, centres))
    anchors = _refine(sizes, anchors, generations, rng)
    return anchors[np.argsort(anchors.prod(axis=1))].astype(np.float32)


def mean_best_iou(sizes, anchors):
    """Returns the mean over boxes of the IoU with their best anchor, both centred.

    Args:
        sizes: `[n, 2]` widths and heights; `n` may be 0, which gives 0.
        anchors: `[k, 2]` widths and heights.
    """
    best = _best_iou(_check_sizes("sizes", sizes), _check_sizes("anchors", anchors))
    return float(best.mean()) if len(best) else 0.0


def anchor_recall(sizes, anchors, iou=0.5):
    """Returns the share of boxes that some anchor covers, both centred.

    Args:
        sizes: `[n, 2]` widths and heights; `n` may be 0, which gives 0.
        anchors: `[k, 2]` widths and heights.
        iou: Least IoU that counts as covered.
    """
    best = _best_iou(_check_sizes("sizes", sizes), _check_sizes("anchors", anchors))
    return float((best >= iou).mean()) if len(best) else 0.0


def _check_sizes(name, sizes):
    sizes = np.asarray(sizes, np.float64)
    if sizes.ndim != 2 or sizes.shape[1] != 2:
        raise ValueError(
            f"Invalid value for `{name}`: expected the shape [n, 2], "
            f"received {name} of shape {list(sizes.shape)}"
        )
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        raise ValueError(f"Invalid value for `{name}`: expected positive numbers")
    return sizes


def _ious(sizes, anchors):
    """IoU of centred boxes, `[n, k]`."""
    inner = np.minimum(sizes[:, None, 0], anchors[None, :, 0])
    inner = inner * np.minimum(sizes[:, None, 1], anchors[None, :, 1])
    union = sizes.prod(axis=1)[:, None] + anchors.prod(axis=1)[None, :] - inner
    return inner / union


def _best_iou(sizes, anchors):
    chunks = range(0, len(sizes), _CHUNK)
    best = [_ious(sizes[at : at + _CHUNK], anchors).max(axis=1) for at in chunks]
    return np.concatenate([np.zeros(0), *best])


def _seed_centres(sizes, count, rng):
    """k-means++: a far box is the more likely to become the next centre."""
    centres = sizes[rng.integers(len(sizes))][None]
    while len(centres) < count:
        weights = (1 - _best_iou(sizes, centres)) ** 2
        total = weights.sum()
        # With fewer different boxes than anchors, some anchors are the same.
        chances = weights / total if total > 1e-12 else None
        centres = np.vstack([centres, sizes[rng.choice(len(sizes), p=chances)]])
    return centres


def _kmeans(sizes, centres):
    """Returns the best centres seen: a move of the medians may also do harm."""
    best, best_iou, owners = centres, -1.0, None
    for _ in range(_ROUNDS):
        ious = _ious(sizes, centres)
        mean = ious.max(axis=1).mean()
        if mean > best_iou:
            best, best_iou = centres, mean
        before, owners = owners, ious.argmax(axis=1)
        if before is not None and (before == owners).all():
            break
        centres = centres.copy()
        for index in range(len(centres)):
            mine = sizes[owners == index]
            if len(mine):
                centres[index] = np.median(mine, axis=0)
    return best


def _refine(sizes, anchors, generations, rng):
    """Keeps each random change of an anchor that raises the mean best IoU."""
    ious = _ious(sizes, anchors)
    best = ious.max(axis=1).mean()
    for _ in range(generations):
        index = rng.integers(len(anchors))
        changed = anchors[index] * np.exp(rng.normal(0, 0.05, 2))
        column = _ious(sizes, changed[None])[:, 0]
        others = np.delete(ious, index, axis=1).max(axis=1, initial=0)
        mean = np.maximum(others, column).mean()
        if mean > best:
            best, ious[:, index] = mean, column
            anchors = np.vstack([anchors[:index], changed, anchors[index + 1 :]])
    return anchors
