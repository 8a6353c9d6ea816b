"""Which cells and anchors of a YOLO head answer for which box."""

from typing import NamedTuple

from keras import ops

RULES = ("ratio", "best")


class LevelAssignment(NamedTuple):
    """The candidates of one level: for each box, anchors in some cells.

    All are `[batch, boxes, candidates]`. Where `positive` is false the others are
    still valid indices, but mean nothing.

    Attributes:
        positive: bool, whether this anchor in this cell answers for the box.
        column: int32, the cell's column.
        row: int32, the cell's row.
        anchor: int32, the anchor's number in its level.
    """

    positive: object
    column: object
    row: object
    anchor: object


class AnchorAssigner:
    """Assign boxes to anchors in cells, by one of two rules.

    - `"ratio"` (Scaled-YOLOv4): every anchor of every level whose width and height
      are each less than `ratio_limit` times the box's, and the box's less than
      `ratio_limit` times the anchor's. The cells are the one with the box's centre
      and the two nearest to the centre beside it, one across and one down, as far as
      there are any; none on the side where the centre is just in the middle. A box
      that suits no anchor is assigned to none.
    - `"best"` (YOLOv2): the one anchor of all levels with the best IoU when laid on
      the box centre by centre, the first of equal ones, in the cell with the centre.

    Rows that are padding, boxes without area and boxes whose centre lies outside the
    image are assigned to nothing. The number of candidates is fixed, so all compiles
    under XLA.

    Args:
        anchors: A list for each level of the `(width, height)` of its anchors in
            input pixels.
        strides: A cell's side in input pixels, for each level.
        rule: `"ratio"` or `"best"`.
        ratio_limit: The limit of the rule `"ratio"`, above 1.

    Raises:
        ValueError: If `rule` or `ratio_limit` is not as above.

    Reference:
        Wang et al., 2021, "Scaled-YOLOv4"; Redmon and Farhadi, 2017, "YOLO9000".
    """

    def __init__(self, anchors, strides, rule="ratio", ratio_limit=4.0):
        if rule not in RULES:
            raise ValueError(
                f"Invalid value for `rule`: expected one of {', '.join(RULES)}, "
                f"received rule={rule!r}"
            )
        if ratio_limit <= 1:
            raise ValueError(
                "Invalid value for `ratio_limit`: expected more than 1, "
                f"received ratio_limit={ratio_limit}"
            )
        self.anchors = anchors
        self.strides = strides
        self.rule = rule
        self.ratio_limit = ratio_limit

    def __call__(self, targets, grids):
        """Assigns the boxes of a batch.

        Args:
            targets: Float `[batch, boxes, 5]`: `x1, y1, x2, y2` in input pixels and
                the class, -1 for padding.
            grids: `(height, width)` in cells for each level, numbers or scalars.

        Returns:
            A `LevelAssignment` for each level. The rule `"ratio"` has 3 candidates
            for each anchor of the level, the rule `"best"` has 1.
        """
        start, end = targets[..., :2], targets[..., 2:4]
        sizes, centres = end - start, (start + end) / 2
        exists = (targets[..., 4] >= 0) & ops.all(sizes > 0, axis=-1)
        best = self._best_anchor(sizes) if self.rule == "best" else None
        assignments, first = [], 0
        for anchors, stride, grid in zip(
            self.anchors, self.strides, grids, strict=True
        ):
            places = centres / stride
            cells, inside = _cells(places, grid)
            if best is None:
                matched = self._within_ratio(sizes, anchors)
                assignment = _with_neighbours(matched, places, cells, grid)
            else:
                matched = (best >= first) & (best < first + len(anchors))
                anchor = ops.clip(best - first, 0, len(anchors) - 1)
                columns = (matched, cells[..., 0], cells[..., 1], anchor)
                assignment = LevelAssignment(*(x[..., None] for x in columns))
            positive = assignment.positive & (exists & inside)[..., None]
            assignments.append(assignment._replace(positive=positive))
            first += len(anchors)
        return assignments

    def _within_ratio(self, sizes, anchors):
        """bool `[batch, boxes, anchors]`."""
        anchors = ops.convert_to_tensor(anchors, sizes.dtype)
        sizes = sizes[..., None, :]
        # As products, which an empty box does not turn to infinity.
        fits = (sizes < self.ratio_limit * anchors) & (
            anchors < self.ratio_limit * sizes
        )
        return ops.all(fits, axis=-1)

    def _best_anchor(self, sizes):
        """int32 `[batch, boxes]`, counted through all levels."""
        anchors = [anchor for level in self.anchors for anchor in level]
        anchors = ops.convert_to_tensor(anchors, sizes.dtype)
        shared = ops.prod(ops.minimum(sizes[..., None, :], anchors), axis=-1)
        areas = ops.prod(sizes, axis=-1)[..., None] + ops.prod(anchors, axis=-1)
        return ops.cast(ops.argmax(shared / (areas - shared), axis=-1), "int32")


def _cells(places, grid):
    """Column and row with each place, int32 `[..., 2]`, and whether it is inside."""
    size = ops.stack([ops.cast(side, "int32") for side in (grid[1], grid[0])])
    limit = ops.cast(size, places.dtype)
    inside = ops.all((places >= 0) & (places <= limit), axis=-1)
    # The image's far edge belongs to the last cell.
    places = ops.clip(places, 0, limit - 1)
    return ops.cast(ops.floor(places), "int32"), inside


def _with_neighbours(matched, places, cells, grid):
    """Candidates of each anchor: the own cell, one across, one down."""
    halves = places - ops.cast(cells, places.dtype) - 0.5
    steps = ops.cast(ops.sign(halves), "int32")
    column, row = cells[..., 0], cells[..., 1]
    across, down = column + steps[..., 0], row + steps[..., 1]
    last_row, last_column = (ops.cast(side, "int32") - 1 for side in grid)
    usable = ops.stack(
        [
            ops.ones_like(column, "bool"),
            (steps[..., 0] != 0) & (across >= 0) & (across <= last_column),
            (steps[..., 1] != 0) & (down >= 0) & (down <= last_row),
        ],
        axis=-1,
    )
    across = ops.clip(across, 0, last_column)
    down = ops.clip(down, 0, last_row)
    columns = ops.stack([column, across, column], axis=-1)
    rows = ops.stack([row, row, down], axis=-1)

    positive = matched[..., :, None] & usable[..., None, :]
    shape = ops.shape(positive)
    anchors = ops.arange(shape[2], dtype="int32")[:, None]
    return LevelAssignment(
        *(
            ops.reshape(ops.broadcast_to(x, shape), (*shape[:2], shape[2] * 3))
            for x in (positive, columns[..., None, :], rows[..., None, :], anchors)
        )
    )
