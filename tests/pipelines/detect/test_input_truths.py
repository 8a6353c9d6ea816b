"""What images show, as training and evaluation are measured on it."""

import dataclasses

import numpy as np

from amalthea.data.boxes import load_boxes
from amalthea.layers.boxes import letterbox_boxes
from amalthea.pipelines.detect.metrics import input_truths, truth_of
from amalthea.pipelines.detect.setup import has_objects, table_lines


def some(rows=6):
    return load_boxes("digit-on-photo").take(np.arange(rows))


def test_truths_are_moved_to_the_input_with_all_that_is_known_of_them():
    table = some()
    flags = [np.arange(len(rows)) == 0 for rows in table.classes]
    areas = [np.full(len(rows), 7.0) for rows in table.classes]
    table = dataclasses.replace(table, difficult=flags, areas=areas)
    rows = [4, 1, 0]
    for row, truth in zip(rows, input_truths(table, rows, 64, 96), strict=True):
        size = table.sizes[row]
        boxes = letterbox_boxes(table.boxes[row], size, 64, 96)
        np.testing.assert_allclose(truth["boxes"], boxes)
        np.testing.assert_array_equal(truth["classes"], table.classes[row])
        np.testing.assert_array_equal(truth["difficult"], flags[row])
        assert "areas" not in truth and "areas" in truth_of(table, row)
        # The image fills the frame in one direction and is in the middle.
        factor = min(64 / size[0], 96 / size[1])
        middle = (table.points[row][..., :2] - size[::-1] / 2) * factor
        expected = middle + np.array([96, 64]) / 2
        np.testing.assert_allclose(truth["points"][..., :2], expected, atol=1.0)
        np.testing.assert_array_equal(
            truth["points"][..., 2], table.points[row][..., 2]
        )


def test_what_is_not_learnt_is_part_of_the_data():
    table = some()
    flags = [np.ones(len(rows), bool) for rows in table.classes]
    for name in ("crowd", "difficult"):
        other = dataclasses.replace(table, **{name: flags})
        assert list(table_lines(other)) != list(table_lines(table))
        assert has_objects(table) and not has_objects(other)
