"""What every table of images can do."""

import numpy as np
import pytest

from amalthea.data.images.image_set import ImageSet, LazyImages
from amalthea.errors import UserError


def make_set(**images):
    return ImageSet(
        source="here",
        description="a set",
        splits=np.array(["train", "val", "train"]),
        keys=np.array(["a", "b", "c"]),
        names=["one", "two", "three"],
        **images,
    )


def test_lazy_images_are_made_when_asked_for():
    made = []

    def make(number):
        made.append(number)
        return b"%d" % number

    table = make_set(encoded=LazyImages(make, [10, 20, 30]))
    taken = table.take([2, 0])
    assert len(taken.encoded) == 2
    assert taken.names == ["three", "one"]
    assert len(table.select("train").encoded) == 2
    assert len(table.take([])) == 0
    assert made == []
    assert list(taken.contents()) == [b"30", b"10"]
    assert list(table.contents([1])) == [b"20"]
    assert table.encoded[-1] == b"30"
    assert list(table.encoded[1:]) == [b"20", b"30"]
    assert list(table.encoded) == [b"10", b"20", b"30"]
    with pytest.raises(IndexError):
        table.encoded[3]


def test_files_that_are_missing(tmp_path):
    (tmp_path / "1").write_bytes(b"x")
    table = make_set(files=[str(tmp_path / name) for name in "123"])
    assert list(table.contents(missing=b"")) == [b"x", b"", b""]
    with pytest.raises(UserError, match="cannot be read"):
        list(table.contents())


def test_splits_are_counted_in_their_order():
    assert make_set(encoded=[b""] * 3).split_sizes() == "2 train, 1 val"
