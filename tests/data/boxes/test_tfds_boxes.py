"""Sets of TensorFlow Datasets with objects."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from helpers.box_folders import check_table
from helpers.images import encode, noise

from amalthea.data.boxes import load_boxes
from amalthea.errors import UserError

# Rows of ymin, xmin, ymax, xmax, class, difficult; images are 20 x 40 pixels.
OBJECTS = [
    [(0.0, 0.25, 0.5, 1.0, 1, False), (0.1, 0.1, 0.9, 0.2, 0, True)],
    [],
    [(0.5, 0.5, 0.5, 0.75, 0, False), (0.25, 0.0, 1.0, 0.5, 0, False)],
]


class TinyObjects(tfds.core.GeneratorBasedBuilder):
    """A set like `voc`."""

    VERSION = tfds.core.Version("1.0.0")
    folder = None

    def _info(self):
        thing = {
            "bbox": tfds.features.BBoxFeature(),
            "label": tfds.features.ClassLabel(names=["owl", "elk"]),
            "is_difficult": np.bool_,
        }
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(None, None, 3)),
                "objects": tfds.features.Sequence(thing),
            }
        )
        return self.dataset_info_from_configs(features=features)

    def _split_generators(self, manager):
        return {
            "train": self._examples([0, 1, 2]),
            "validation": self._examples([0]),
            "test": self._examples([1, 1]),
        }

    def _examples(self, rows):
        for place, row in enumerate(rows):
            path = self.folder / f"{row}.png"
            path.write_bytes(encode(noise(20, 40, seed=row)))
            objects = [
                {
                    "bbox": tfds.features.BBox(*box),
                    "label": label,
                    "is_difficult": difficult,
                }
                for *box, label, difficult in OBJECTS[row]
            ]
            yield place, {"image": path, "objects": objects}

    def _generate_examples(self):
        raise NotImplementedError


class TinyNumbers(TinyObjects):
    """A set without boxes."""

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({"number": np.int64})
        )

    def _split_generators(self, manager):
        return {"train": iter([(0, {"number": 1})])}


def test_objects_with_boxes(tmp_path):
    TinyObjects.folder = tmp_path
    TinyObjects(data_dir=tmp_path / "tfds").download_and_prepare()
    table = load_boxes("tfds:tiny_objects", data_dir=tmp_path / "tfds")
    check_table(table)
    assert table.class_names == ("owl", "elk")
    assert sorted(table.splits) == ["train"] * 3 + ["val"]
    # A part without any box is not annotated.
    assert "2 test images without boxes left out" in table.description
    assert table.sizes.tolist() == [[20, 40]] * 4
    (row,) = np.flatnonzero(table.splits == "val")
    np.testing.assert_allclose(
        table.boxes[row], [[10, 0, 40, 10], [4, 2, 8, 18]], atol=1e-5
    )
    assert table.classes[row].tolist() == [1, 0]
    assert table.difficult[row].tolist() == [False, True]
    assert sorted(len(boxes) for boxes in table.boxes) == [0, 1, 2, 2]
    ((name, text),) = table.problems
    assert name.startswith("tiny_objects/train/") and "box 1 (owl) has no area" in text


def test_pixels_that_are_counted_from_one(tmp_path, monkeypatch):
    monkeypatch.setattr("amalthea.data.boxes.tfds._FROM_ONE", ("tiny_objects",))
    TinyObjects.folder = tmp_path
    TinyObjects(data_dir=tmp_path / "tfds").download_and_prepare()
    table = load_boxes("tfds:tiny_objects", data_dir=tmp_path / "tfds")
    check_table(table)
    (row,) = np.flatnonzero(table.splits == "val")
    np.testing.assert_allclose(
        table.boxes[row], [[9, 0, 40, 10], [3, 1, 8, 18]], atol=1e-5
    )
    # One pixel is a slip of the mouse, as in the files of Pascal VOC.
    ((_, text),) = table.problems
    assert "box 1 (owl) has no area" in text


def test_a_set_without_boxes(tmp_path):
    TinyNumbers(data_dir=tmp_path).download_and_prepare()
    with pytest.raises(UserError, match="has no `image` with `objects`"):
        load_boxes("tfds:tiny_numbers", data_dir=tmp_path)


@pytest.mark.parametrize("name", ["voc/2007", "coco/2017"])
def test_the_features_of_official_sets(tmp_path, name):
    from amalthea.data.boxes.tfds import _object_fields

    features = tfds.builder(name, data_dir=tmp_path).info.features
    assert len(_object_fields(features, name)["label"].names) in (20, 80)
