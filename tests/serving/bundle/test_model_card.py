import re

import pytest

from amalthea.serving.audit import Audit
from amalthea.serving.bundle.about import About
from amalthea.serving.bundle.card import Bundle, model_card
from amalthea.serving.bundle.measure import Timing, choose
from amalthea.serving.bundle.warm_up import WarmUp
from amalthea.serving.model_info import Signature
from amalthea.serving.signatures import GraphTensor

SIGNATURE = Signature(
    "serving_default",
    {"image_bytes": GraphTensor("image_bytes", "string", (None,), "a:0")},
    {"top": GraphTensor("top", "float32", (None, 5), "b:0")},
)
FILES = {
    "saved_model.pb": 2_500_000,
    "variables/variables.index": 100,
    "variables/variables.data-00000-of-00001": 900,
    "LICENSE": 10,
}
TIMINGS = [Timing("serving_default", 1, 0.01), Timing("serving_default", 2, 0.01)]
ABOUT = About(
    title="Pets",
    summary="Says which pet a photo shows.",
    data="`photos/`, 120 images",
    metrics={"accuracy": 0.987654, "images": 120, "note": "a|b"},
    notes=("One pet\nper photo.",),
)


def card(about=None, files=FILES, ops=("Conv2D", "MatMul"), **found):
    report = Audit(None, {"serving_default": SIGNATURE}, list(ops), 0, [])
    return model_card(Bundle("pets", 3, report, **found), files, about)


def full_card(**changes):
    found = {
        "timings": TIMINGS,
        "parameters": choose(TIMINGS, 2),
        "measured_on": "2 CPU cores",
        "warm_up": WarmUp([None], {"serving_default": [1]}, {}),
        "has_request": True,
        **changes,
    }
    return card(ABOUT, **found)


def rows(text, heading):
    """The cells of the first table after a heading."""
    lines = text.partition(f"\n{heading}\n")[2].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return [table[0], *table[2:]]


def test_what_is_known_of_the_model_is_told():
    text = full_card()
    assert text.startswith("# pets\n\nPets\n\nSays which pet a photo shows.\n\n|")
    assert card(About(title="pets")).startswith("# pets\n\n|")
    assert rows(text, "## Metrics") == [
        ["metric", "value"],
        ["accuracy", "0.9877"],
        ["images", "120"],
        ["note", "a\\|b"],
    ]
    assert "\n## Data\n\n`photos/`, 120 images\n" in text
    assert "\n- One pet per photo.\n" in text
    assert "`pets`, version 3" in text
    assert "tensorflow 2." in text


def test_signatures_and_files_are_listed():
    text = full_card()
    assert rows(text, "### `serving_default`") == [
        ["", "name", "dtype", "shape"],
        ["input", "`image_bytes`", "string", "[?]"],
        ["output", "`top`", "float32", "[?, 5]"],
    ]
    assert rows(text, "## Files") == [
        ["file", "size", "what it is"],
        ["`LICENSE`", "10 bytes", ""],
        ["`MODEL_CARD.md`", "", "this card"],
        ["`saved_model.pb`", "2.5 MB", "the graph with its signatures"],
        ["`variables/`", "1.0 kB", "the weights"],
    ]


def test_the_measured_batching_is_shown():
    text = full_card()
    assert "Measured at export on 2 CPU cores:" in text
    assert "serving_default     2         10.00       200.0\n" in text
    settings = rows(text, "## Batching and warm-up")
    assert ["most rows that run together", "2"] in settings
    assert ["sizes that a batch is padded to", "1, 2"] in settings
    assert ["wait for others", "5 ms"] in settings
    assert settings[-1][0] == "threads"
    assert settings[-1][1].startswith("2 with `amalthea serve`; TensorFlow Serving")
    assert "`batching_params.pbtxt` holds the current ones" in text
    assert "amalthea serve . --no-batching\namalthea bench http" in text
    assert "run 1 requests" in text and "`serving_default` with 1 rows" in text
    assert "0.0001 + 0.001 of their size" in text
    assert "Left out" not in text


def test_records_left_out_are_told():
    some = WarmUp([None], {"serving_default": [1]}, {"serving_default": [2, 4]})
    text = full_card(warm_up=some)
    assert "Left out because they are too large: `serving_default` with 2, 4" in text
    none = WarmUp([], {"serving_default": []}, {"serving_default": [1, 2]})
    assert "There is no warm-up" in full_card(warm_up=none)


def test_ops_of_tensorflow_text_stand_apart():
    text = card(ops=["MatMul", "SentencepieceOp"])
    assert "2 kinds" in text
    assert "Of tensorflow-text:\n\n`SentencepieceOp`\n" in text
    assert "Of TensorFlow:\n\n`MatMul`\n" in text
    assert re.search(r"tensorflow-text 2\.", text)
    assert "tensorflow-text" not in card()


def test_without_examples_the_card_is_short():
    text = card()
    assert text.startswith("# pets\n\n|")
    for absent in ("Metrics", "## Data", "## Notes", "example.json", "Measured"):
        assert absent not in text
    assert "nothing was measured" in text
    assert "curl -s http://localhost:8501/v1/models/pets/metadata" in text


@pytest.mark.parametrize("text", [full_card(), card()], ids=["full", "short"])
def test_the_source_is_tidy(text):
    assert "\n\n\n" not in text
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert not any(line != line.rstrip() for line in text.splitlines())
    assert text.count("```") % 2 == 0
    # A heading and a table stand between empty lines.
    lines = ["", *text.splitlines(), ""]
    fenced = False
    for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
        fenced ^= line.startswith("```")
        if line.startswith("#") and not fenced:
            assert (before, after) == ("", "")
        if line.startswith("|"):
            assert all(not near or near.startswith("|") for near in (before, after))
