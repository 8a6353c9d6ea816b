"""The YAML of YOLO's data sets, read like PyYAML reads it."""

import pytest

from amalthea.data.boxes.yolo_config import read_yolo_config
from amalthea.errors import UserError

KEYS = ("path", "train", "val", "test", "names", "nc", "kpt_shape")

ROBOFLOW = """
train: ../train/images
val: ../valid/images
test: ../test/images

nc: 3
names: ['red cell', "it''s", 'b#c', 'it''s']

roboflow:
  workspace: me
  url: https://universe.roboflow.com/x
"""

ULTRALYTICS = """\
# Ultralytics, a comment with names: [no]
---
path: ../datasets/coco8 # dataset root
train: images/train # 4 images
val: images/val
test: # optional

# Classes
names:
  0: person
  1: traffic light  # two words
  2: "hair: drier"
  3: 'no'
  4: C++

# Download script
download: |
  from pathlib import Path
  names: [wrong]
"""

BLOCK_LIST = """
names:
- person
- 'traffic light'
- a-b
nc: 3
train:
    - images/one
    - images/two
"""

FLOWS = """
names: [person, traffic light, 'comma, here',
        "quote \\" here", it's]  # the end
kpt_shape: [17, 3]
train: [a/b, c d/e]
val: {}
"""

FLOW_DICT = "names: {0: person, 1: 'traffic, light', 2: url:x}\r\npath: /a b/c\r\n"
NEXT_LINE = "names:\n  [a,\n   b]\n'path': x\n"


@pytest.mark.parametrize(
    "text", [ROBOFLOW, ULTRALYTICS, BLOCK_LIST, FLOWS, FLOW_DICT, NEXT_LINE]
)
def test_the_values_are_those_of_pyyaml(tmp_path, text):
    yaml = pytest.importorskip("yaml")
    path = tmp_path / "data.yaml"
    path.write_bytes(text.encode())

    def plain(value):
        if isinstance(value, dict):
            return {str(key): plain(entry) for key, entry in value.items()}
        return (
            [plain(entry) for entry in value] if isinstance(value, list) else str(value)
        )

    expected = yaml.safe_load(text)
    expected = {key: plain(expected[key]) for key in KEYS if expected.get(key)}
    values = read_yolo_config(path, KEYS)
    assert {key: value for key, value in values.items() if value} == expected


@pytest.mark.parametrize(
    "value",
    [
        "\n  a:\n    b: c",
        " [a, [b]]",
        " [a, b",
        " {a, b}",
        " |\n  text",
        " &anchor [a]",
        "\n  - a\n  b: c",
        " one\n  more",
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, value):
    path = tmp_path / "data.yaml"
    path.write_text(f"names:{value}\n")
    with pytest.raises(UserError, match="'names' that cannot be understood"):
        read_yolo_config(path, KEYS)
    # Other keys may hold anything.
    assert read_yolo_config(path, ("path",)) == {}


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_yolo_config(tmp_path / "no.yaml", KEYS)
    (tmp_path / "bad.yaml").write_bytes(b"names: [\xff]")
    with pytest.raises(UserError, match="cannot be read"):
        read_yolo_config(tmp_path / "bad.yaml", KEYS)
