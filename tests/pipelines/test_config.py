"""Config dataclasses, flags and TOML say the same thing."""

import contextlib
import dataclasses
import io
import re

import pytest

from amalthea import UserError
from amalthea.pipelines import TASKS
from amalthea.pipelines.classify.config import ClassifyConfig
from amalthea.pipelines.config import make_config, read_toml, write_toml
from amalthea.pipelines.verbs import parse_train


def test_toml_round_trip_keeps_every_field(tmp_path):
    config = ClassifyConfig(
        epochs=7, image_size=(24, 32), strides=(2, 2, 2), flip=False, l2=1e-3
    )
    write_toml(tmp_path / "c.toml", config, {"task": "classify", "data": 'a "b"'})
    settings, run = read_toml(tmp_path / "c.toml")
    assert make_config(ClassifyConfig, settings) == config
    assert run == {"task": "classify", "data": 'a "b"'}


def test_flags_set_every_kind_of_field():
    words = (
        "--out r --data d --epochs 3 --image-size 24 32 --strides 2 2 2 --flip False"
    )
    words += " --learning-rate 1 --augment photo --deterministic --decay-epochs 2 3"
    arguments, config = parse_train(TASKS["classify"], words.split(), "prog")
    assert (str(arguments.out), arguments.data) == ("r", "d")
    assert config == ClassifyConfig(
        epochs=3,
        image_size=(24, 32),
        strides=(2, 2, 2),
        flip=False,
        learning_rate=1.0,
        augment="photo",
        deterministic=True,
        decay_epochs=(2, 3),
    )


def test_flags_win_over_the_file_and_the_file_over_the_defaults(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text("epochs = 5\nbatch_size = 16\n[run]\ntask = 'classify'\n")
    words = ["--out", "r", f"--config={file}", "--epochs", "9"]
    _, config = parse_train(TASKS["classify"], words, "prog")
    assert config == ClassifyConfig(epochs=9, batch_size=16)


def test_every_field_has_a_help_text():
    help_text = io.StringIO()
    with contextlib.redirect_stdout(help_text), pytest.raises(SystemExit):
        parse_train(TASKS["classify"], ["--help"], "prog")
    lines = [line.strip("│ ") for line in help_text.getvalue().splitlines()]
    # One piece of text a flag, from the flag to the next.
    pieces = re.split(r"\n(?=--)", "\n".join(lines))
    for field in dataclasses.fields(ClassifyConfig):
        flag = "--" + field.name.replace("_", "-")
        (piece,) = [piece for piece in pieces if re.match(rf"{flag}[ ,\n]", piece)]
        help_words = re.sub(r"--\S+|\{.*?\}|\(default.*", "", piece, flags=re.DOTALL)
        assert len(help_words.split()) > 3, f"{flag} has no help: {piece}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("epochs = 'x'", "`epochs`: expected a whole number, received epochs='x'"),
        ("epochs = true", "`epochs`: expected a whole number"),
        ("epochs = 0", "`epochs`: expected at least 1"),
        ("xla = 1", "`xla`: expected true or false"),
        ("image_size = [3]", "`image_size`: expected a list of 2"),
        ("augment = 'wild'", "`augment`: expected one of none, light"),
        ("depth = 9", "`depth`: expected one of"),
        ("depht = 8", "unknown setting `depht`"),
        ("ema = nan", "`ema`: expected"),
        ("learning_rate = nan", "`learning_rate`: expected a number above 0"),
        ("epochs =", "is not valid TOML"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(tmp_path, text, complaint):
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        parse_train(TASKS["classify"], ["--out", "r", "--config", str(file)], "prog")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--out r --epochs many", "--epochs"),
        ("--out r --augment wild", "Expected one of"),
        ("--out r --depth 9", "`depth`: expected one of"),
        ("--out r --nonsense 3", "--nonsense"),
        ("--data digits", "--out"),
        ("--out r --config /no/such.toml", "/no/such.toml: cannot be read"),
    ],
)
def test_a_wrong_flag_is_told_in_one_line(words, complaint):
    with pytest.raises(UserError) as caught:
        parse_train(TASKS["classify"], words.split(), "prog")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "│" not in str(caught.value)
