"""Assignments worked by hand, on levels of 4 x 4 and 2 x 2 cells of 32 x 32 pixels."""

import keras
import numpy as np
import pytest
from keras import ops

from amalthea.layers.detection.anchor_assigner import AnchorAssigner

FINE, COARSE = [(10, 10), (18, 22)], [(60, 60)]
STRIDES, GRIDS = (8, 16), ((4, 4), (2, 2))


def around(x, y, width=10, height=10, label=0):
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2, label]


def assign(boxes, rule="ratio", anchors=(FINE, COARSE), **options):
    """For each box the set of (level, anchor, column, row)."""
    assigner = AnchorAssigner(anchors, STRIDES, rule, **options)
    levels = assigner(ops.convert_to_tensor([boxes], "float32"), GRIDS)
    found = [[] for _ in boxes]
    for number, level in enumerate(levels):
        positive, column, row, anchor = (ops.convert_to_numpy(x)[0] for x in level)
        for box, candidate in np.argwhere(positive):
            place = box, candidate
            found[box].append(
                (number, int(anchor[place]), int(column[place]), int(row[place]))
            )
    assert all(len(set(places)) == len(places) for places in found)
    return [set(places) for places in found]


def cells(box, **options):
    """(column, row) of the cells for the first anchor alone."""
    (found,) = assign([box], anchors=([(10, 10)], [(1000, 1000)]), **options)
    assert all((level, anchor) == (0, 0) for level, anchor, *_ in found)
    return {place[2:] for place in found}


@pytest.mark.parametrize(
    "x, y, expected",
    [
        # In the middle of column 1, row 2.
        (12, 20, {(1, 2)}),
        # Left and right of it, above and below it.
        (10, 20, {(1, 2), (0, 2)}),
        (14, 20, {(1, 2), (2, 2)}),
        (12, 18, {(1, 2), (1, 1)}),
        (12, 22, {(1, 2), (1, 3)}),
        # Near a corner of the cell: across and down, but not diagonally.
        (15, 23, {(1, 2), (2, 2), (1, 3)}),
        (9, 17, {(1, 2), (0, 2), (1, 1)}),
        # On the border of two cells the later has the centre.
        (16, 20, {(2, 2), (1, 2)}),
        # Near the image's corners there is nothing beyond.
        (2, 2, {(0, 0)}),
        (30, 30, {(3, 3)}),
        (30, 1, {(3, 0)}),
        (6, 30, {(0, 3), (1, 3)}),
        # On the image's edges.
        (0, 20, {(0, 2)}),
        (32, 20, {(3, 2)}),
        (32, 32, {(3, 3)}),
        # Centres outside.
        (-0.1, 20, set()),
        (12, 32.1, set()),
    ],
)
def test_cells_of_the_ratio_rule(x, y, expected):
    assert cells(around(x, y)) == expected


@pytest.mark.parametrize(
    "width, height, matches",
    [
        (10, 10, True),
        (39.9, 10, True),
        (40, 10, False),
        (10, 40, False),
        (2.51, 10, True),
        (2.5, 10, False),
        (10, 2.5, False),
        (39.9, 2.51, True),
        (41, 2, False),
        (0, 10, False),
        (0, 0, False),
        (-5, -5, False),
    ],
)
def test_limit_of_the_ratio_rule(width, height, matches):
    assert cells(around(12, 20, width, height)) == ({(1, 2)} if matches else set())


def test_other_limits():
    assert cells(around(12, 20, 15, 10), ratio_limit=1.5) == set()
    assert cells(around(12, 20, 14.9, 10), ratio_limit=1.5) == {(1, 2)}


def test_every_anchor_within_the_ratio_on_every_level():
    small, middle, large = assign(
        [around(12, 20, 4, 4), around(12, 20, 16, 16), around(20, 12, 62, 62)]
    )
    assert small == {(0, 0, 1, 2)}
    # All three; on the coarse level the centre is in column 0, row 1: x / 16 = .75,
    # y / 16 = 1.25, so the neighbours are column 1 and row 0.
    coarse = {(1, 0, 0, 1), (1, 0, 1, 1), (1, 0, 0, 0)}
    assert middle == {(0, 0, 1, 2), (0, 1, 1, 2)} | coarse
    # 62 / 18 < 4, 62 / 10 > 4.
    assert large == {(0, 1, 2, 1), (1, 0, 1, 0), (1, 0, 0, 0), (1, 0, 1, 1)}


@pytest.mark.parametrize("rule", ["ratio", "best"])
def test_padding_and_boxes_in_one_cell(rule):
    padding = [0, 0, 0, 0, -1]
    # Padding counts by its class alone, even with a box.
    ghost = around(12, 20, label=-1)
    found = assign([around(12, 20), padding, around(12, 20, label=1), ghost], rule)
    assert found[0] == found[2] != set()
    assert found[1] == found[3] == set()


@pytest.mark.parametrize(
    "box, expected",
    [
        (around(12, 20, 11, 9), (0, 0, 1, 2)),
        # Next to a border: still the own cell alone.
        (around(9, 23, 18, 22), (0, 1, 1, 2)),
        # IoU with (10, 10), (18, 22), (60, 60): .11, .44, .25.
        (around(12, 20, 30, 30), (0, 1, 1, 2)),
        # .069, .275, .4.
        (around(20, 12, 38, 38), (1, 0, 1, 0)),
        # Far larger or smaller than all, beyond any ratio.
        (around(20, 12, 1000, 1000), (1, 0, 1, 0)),
        (around(20, 12, 1, 1), (0, 0, 2, 1)),
        (around(32, 32, 10, 10), (0, 0, 3, 3)),
    ],
)
def test_best_rule(box, expected):
    assert assign([box], "best") == [{expected}]


def test_best_rule_takes_the_first_of_equals_and_no_empty_box():
    anchors = ([(10, 20), (20, 10)], [(10, 20)])
    # A square of 10 has IoU 1/2 with all three.
    assert assign([around(12, 20)], "best", anchors) == [{(0, 0, 1, 2)}]
    assert assign([around(12, 20, 10, 0)], "best", anchors) == [set()]
    assert assign([around(33, 20)], "best", anchors) == [set()]


@pytest.mark.parametrize("rule, each", [("ratio", 3), ("best", None)])
def test_candidates_are_valid_indices_and_fixed_in_number(rule, each):
    rng = np.random.default_rng(0)
    targets = rng.uniform(-20, 50, (3, 40, 5)).astype("float32")
    levels = AnchorAssigner((FINE, COARSE), STRIDES, rule)(
        ops.convert_to_tensor(targets), GRIDS
    )
    for level, anchors, (height, width) in zip(
        levels, (FINE, COARSE), GRIDS, strict=True
    ):
        for x, limit in zip(level[1:], (width, height, len(anchors)), strict=True):
            x = ops.convert_to_numpy(x)
            assert x.shape == (3, 40, each * len(anchors) if each else 1)
            assert x.dtype == "int32"
            assert x.min() >= 0 and x.max() < limit
        assert keras.backend.standardize_dtype(level.positive.dtype) == "bool"


def test_wrong_arguments():
    with pytest.raises(ValueError, match="Invalid value for `rule`: expected one of"):
        AnchorAssigner([FINE], [8], "nearest")
    with pytest.raises(ValueError, match="Invalid value for `ratio_limit`: expected"):
        AnchorAssigner([FINE], [8], ratio_limit=1)
