import io
import json
import types

import pytest
from helpers.fake_serving import FakeRest

from amalthea import UserError
from amalthea.serving.client import Signature, TensorInfo, words
from amalthea.serving.client.ask import ask
from amalthea.serving.client.words import choose_signature, find_rows, load_inputs

ROWS = (None,)


def _signature(**inputs):
    infos = {name: TensorInfo(name, *kind) for name, kind in sorted(inputs.items())}
    return Signature("serving_default", infos, {})


IMAGES = _signature(image_bytes=("string", ROWS))
TEXTS = _signature(text=("string", ROWS))
NUMBERS = _signature(x=("float32", (None, 2)))
SEVERAL = _signature(
    image_bytes=("string", ROWS), question=("string", ROWS), top=("int32", ROWS)
)


def _load(signature, *given):
    rows = find_rows(signature, list(given))
    return [source for source, _ in rows], load_inputs(signature, rows)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """The folder one works in, with `photos/` in it."""
    for name in ("b.jpg", "a.jpg", "deeper/c.png", ".hidden/d.jpg"):
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(f"{file.name}\n".encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def test_files_folders_and_patterns(photos):
    sources, inputs = _load(IMAGES, "photos/b.jpg", "photos", "photos/*.jpg")
    assert sources == [
        "photos/b.jpg",
        *("photos/a.jpg", "photos/b.jpg", "photos/deeper/c.png"),
        *("photos/a.jpg", "photos/b.jpg"),
    ]
    assert inputs["image_bytes"][:2] == [b"b.jpg\n", b"a.jpg\n"]


def test_what_is_no_file_is_a_text_where_texts_are_wanted(photos):
    long = "Is it a cat? " * 1000
    sources, inputs = _load(TEXTS, "What is it?", "photos/a.jpg", long, "zero\0byte")
    assert inputs["text"] == ["What is it?", b"a.jpg", long, "zero\0byte"]
    assert sources[1] == "photos/a.jpg"


@pytest.mark.parametrize("word", ["c.jpg", "*.gif", "x" * 5000])
def test_what_is_no_file_is_a_mistake_where_bytes_are_wanted(photos, word):
    with pytest.raises(UserError, match="no such file"):
        _load(IMAGES, word)


def test_an_empty_folder_is_a_mistake(tmp_path):
    with pytest.raises(UserError, match="no files"):
        _load(IMAGES, str(tmp_path))


def test_standard_input(monkeypatch):
    def pipe(content):
        standard = types.SimpleNamespace(buffer=io.BytesIO(content))
        monkeypatch.setattr(words.sys, "stdin", standard)

    pipe(b"\xff\n")
    assert _load(IMAGES, "-") == (["-"], {"image_bytes": [b"\xff\n"]})
    pipe(b"hello\r\n")
    assert _load(TEXTS, "-") == (["-"], {"text": [b"hello"]})


def test_numbers_are_json_or_a_file_of_it(tmp_path):
    file = tmp_path / "x.json"
    file.write_text("[3, 4]\n")
    sources, inputs = _load(NUMBERS, "[1, 2.5]", str(file))
    assert sources == ["[1, 2.5]", str(file)]
    assert inputs == {"x": [[1, 2.5], [3, 4]]}
    with pytest.raises(UserError, match="not JSON"):
        _load(NUMBERS, "one")


def test_an_example_of_another_shape_says_how_to_write_it():
    scalars = _signature(x=("float32", ROWS))
    with pytest.raises(UserError, match=r"single value, received .*\[2\].*such as 1 2"):
        _load(scalars, "[1,2]")
    expected = r"shape \[2\], received a single value\. Give each example as a word"
    with pytest.raises(UserError, match=expected):
        _load(NUMBERS, "1", "2")
    with pytest.raises(UserError, match=r"received an array of the shape \[0\]"):
        _load(NUMBERS, "[]")
    anything = _signature(x=("float32", None), y=("float32", (None, None)))
    assert _load(anything, "x=[[1]]", "y=[1, 2]")[1] == {"x": [[[1]]], "y": [[1, 2]]}


def test_several_inputs_are_named(photos):
    sources, inputs = _load(
        SEVERAL, "top=3", "image_bytes=photos/*.jpg", "question=a=b?"
    )
    assert sources == ["photos/a.jpg", "photos/b.jpg"]
    assert inputs == {
        "image_bytes": [b"a.jpg\n", b"b.jpg\n"],
        "question": ["a=b?", "a=b?"],
        "top": [3, 3],
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["photos/a.jpg"], "not a value for one of the inputs"),
        (["size=3"], "not a value for one of the inputs"),
        (["image_bytes=photos/a.jpg", "top=3"], "no value for input `question`"),
        (
            ["image_bytes=photos", "question=a", "question=b", "top=3"],
            "2 values for input `question`, 3 for another",
        ),
    ],
)
def test_mistakes_with_several_inputs(photos, given, message):
    with pytest.raises(UserError, match=message):
        _load(SEVERAL, *given)


def test_choice_of_the_signature():
    one, other = _signature(), Signature("other", {}, {})
    assert choose_signature({"other": other}, None, "m") is other
    both = {"other": other, "serving_default": one}
    assert choose_signature(both, None, "m") is one
    with pytest.raises(UserError, match="wrong: no such.*other, serving_default"):
        choose_signature(both, "wrong", "m")
    with pytest.raises(UserError, match="m: several signatures"):
        choose_signature({"a": other, "b": other}, None, "m")


def _info(dtype, *shape):
    dims = [{"size": str(size)} for size in shape]
    return {"dtype": dtype, "tensor_shape": {"dim": dims, "unknown_rank": False}}


def _server(outputs, *answers):
    signature = {"inputs": {"text": _info("DT_STRING", -1)}, "outputs": outputs}
    metadata = {"signature_def": {"signature_def": {"serving_default": signature}}}
    return FakeRest(
        {
            "GET /v1/models/m/metadata": [(200, {"metadata": metadata})],
            "POST /v1/models/m:predict": [
                (200, {"outputs": answer}) for answer in answers
            ],
        }
    )


OUTPUTS = {
    "label": _info("DT_STRING", -1),
    "probability": _info("DT_FLOAT", -1, -1),
    "thumb_bytes": _info("DT_STRING", -1),
    "map": _info("DT_FLOAT", -1, 3, 4),
    "valid": _info("DT_BOOL", -1),
}
ANSWER = {
    "label": ["cat\n", "Käse"],
    "probability": [[0.9, 0.1], [0.25, 0.75]],
    "thumb_bytes": [{"b64": "/9g="}, {"b64": "YQ=="}],
    "map": [[[0.5] * 4] * 3] * 2,
    "valid": [True, False],
}


def test_a_line_per_example():
    with _server(OUTPUTS, ANSWER) as server:
        assert list(ask(server.url, "m", ["one", "two  words"])) == [
            "one  label=cat  map=float32[3, 4]  probability=[0.9, 0.1]  "
            "thumb_bytes=<2 bytes>  valid=true",
            "two words  label=Käse  map=float32[3, 4]  probability=[0.25, 0.75]  "
            "thumb_bytes=a  valid=false",
        ]


def test_long_arrays_are_shortened():
    outputs = {"y": _info("DT_INT32", -1, -1)}
    with _server(outputs, [list(range(1000))]) as server:
        (line,) = ask(server.url, "m", ["one"])
    assert line == "one  y=[0, 1, 2, 3, 4, 5, 6, 7, ... 1000 in all]"


def test_empty_texts_are_left_out_for_people_only():
    outputs = {
        "error": _info("DT_STRING", -1),
        "n": _info("DT_INT32", -1),
        "top": _info("DT_STRING", -1, -1),
    }
    answer = {"error": ["", "bad"], "n": [0, 1], "top": [["", ""], ["a", ""]]}
    with _server(outputs, answer, answer) as server:
        assert list(ask(server.url, "m", ["one", "two"])) == [
            "one  n=0",
            "two  error=bad  n=1  top=[a, ]",
        ]
        first, _ = ask(server.url, "m", ["one", "two"], as_json=True)
    assert json.loads(first)["outputs"] == {"error": "", "n": 0, "top": ["", ""]}


def test_a_line_is_never_without_outputs():
    with _server({"text": _info("DT_STRING", -1)}, [""]) as server:
        assert list(ask(server.url, "m", ["one"])) == ["one  text="]


def test_json_holds_everything():
    with _server(OUTPUTS, ANSWER) as server:
        lines = list(ask(server.url, "m", ["one", "two"], as_json=True))
    first, second = map(json.loads, lines)
    assert (first["input"], second["input"]) == ("one", "two")
    assert first["outputs"] == {name: value[0] for name, value in ANSWER.items()}
    assert second["outputs"]["thumb_bytes"] == {"b64": "YQ=="}


def test_outputs_that_are_not_by_example_are_shown_together():
    outputs = {"classes": _info("DT_STRING", -1), "y": _info("DT_FLOAT", -1)}
    answer = {"classes": ["a", "b", "c"], "y": [1.0, 2.0]}
    with _server(outputs, answer) as server:
        assert list(ask(server.url, "m", ["one", "two"])) == [
            "one two  classes=[a, b, c]  y=[1, 2]"
        ]


def test_many_examples_are_asked_for_bit_by_bit():
    outputs = {"y": _info("DT_INT32", -1)}
    with _server(outputs, list(range(32)), [32]) as server:
        lines = list(ask(server.url, "m", [f"word{n}" for n in range(33)]))
    assert lines[-1] == "word32  y=32" and len(lines) == 33
    assert [verb for verb, *_ in server.requests].count("POST") == 2
