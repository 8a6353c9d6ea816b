import subprocess
import sys

import pytest

from amalthea.errors import UserError
from amalthea.serving.bundle import labels as module
from amalthea.serving.bundle.labels import read_labels, set_labels
from amalthea.serving.bundle.models_config import ModelsConfig
from amalthea.serving.bundle.models_dir import refresh_models_dir


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "version_age", lambda *_: 100.0)
    for number in (1, 2, 3):
        add(tmp_path / "pets", number)
    return tmp_path / "pets"


def add(model, number, keep=None):
    (model / str(number)).mkdir(parents=True)
    refresh_models_dir(model.parent, "2.21.0", model.name, number, keep)


def policy(model):
    entry = ModelsConfig(model.parent).entry(model.name)
    choice = entry.model_version_policy.WhichOneof("policy_choice")
    if choice != "specific":
        return choice
    return list(entry.model_version_policy.specific.versions)


def test_labels_are_set_moved_and_removed(model):
    assert read_labels(model) == {}
    set_labels(model, {"stable": 2, "canary": 3})
    assert read_labels(model) == {"stable": 2, "canary": 3}
    assert policy(model) == [2, 3]
    set_labels(model, {"canary": None, "absent": None})
    assert read_labels(model) == {"stable": 2}
    assert policy(model) == [2, 3]
    set_labels(model, {"stable": None})
    assert read_labels(model) == {}
    assert policy(model) is None


def test_a_new_export_keeps_labelled_versions_loaded(model):
    set_labels(model, {"stable": 1})
    add(model, 4, keep=1)
    assert policy(model) == [1, 4]
    assert sorted(path.name for path in model.iterdir() if path.name.isdecimal()) == [
        "1",
        "4",
    ]


def test_a_label_can_be_moved_and_moved_back_at_once(model):
    set_labels(model, {"stable": 2})
    set_labels(model, {"stable": 3})
    assert policy(model) == [2, 3]
    set_labels(model, {"stable": 2})
    assert read_labels(model) == {"stable": 2}
    set_labels(model, {"other": 3})
    assert policy(model) == [2, 3]


def test_a_version_is_listed_before_a_label_moves_to_it(model):
    # TensorFlow Serving refuses a file that moves a label to an unknown version.
    set_labels(model, {"stable": 3})
    seen = []

    def sleep(seconds):
        seen.append((seconds, read_labels(model), policy(model)))

    set_labels(model, {"stable": 1, "canary": 2}, sleep)
    assert seen == [(20.0, {"stable": 3}, [1, 3])]
    assert read_labels(model) == {"stable": 1, "canary": 2}
    assert policy(model) == [1, 2, 3]


def test_listing_one_version_unloads_none(model):
    set_labels(model, {"stable": 2, "canary": 3})
    set_labels(model, {"stable": 3})
    seen = []
    set_labels(model, {"canary": 1}, lambda _: seen.append(policy(model)))
    assert seen == [[1, 2, 3]]


def test_a_version_that_has_just_appeared_is_waited_for(model, monkeypatch):
    # A server may not have looked since the export listed it.
    monkeypatch.setattr(module, "version_age", lambda *_: 15.0)
    waited = []
    set_labels(model, {"stable": 2}, waited.append)
    assert waited == []  # a new label may point anywhere
    add(model, 4)
    set_labels(model, {"stable": 4}, waited.append)
    assert waited == [5.0]
    assert read_labels(model) == {"stable": 4}


def test_a_version_that_goes_while_waiting_is_told(model):
    set_labels(model, {"stable": 3})
    with pytest.raises(UserError, match="no version 1"):
        set_labels(model, {"stable": 1}, lambda _: (model / "1").rename(model / "x"))
    assert read_labels(model) == {"stable": 3}


def test_where_all_versions_are_loaded_that_stays(model):
    path = model.parent / "models.config"
    path.write_text(
        "model_config_list { config { name: 'pets' base_path: '/models/pets' "
        "model_platform: 'tensorflow' model_version_policy { all {} } "
        "version_labels { key: 'stable' value: 3 } } }"
    )
    set_labels(model, {"stable": 1})
    assert read_labels(model) == {"stable": 1}
    assert policy(model) == "all"


@pytest.mark.parametrize(
    "labels, text",
    [
        ({"stable": 4}, "no version 4 for label `stable`.* Choose one of 1, 2, 3"),
        ({"stable": 0}, "no version 0"),
        ({"stable": True}, "a version number or None, received True"),
        ({"stable": "3"}, "a version number or None, received '3'"),
        ({"a/b": 3}, "Invalid value for a label"),
        ({"": 3}, "Invalid value for a label"),
        ({"7": 3}, "Invalid value for a label"),
    ],
)
def test_bad_labels_are_told_and_change_nothing(model, labels, text):
    before = (model.parent / "models.config").read_bytes()
    with pytest.raises(UserError, match=text) as error:
        set_labels(model, labels)
    assert "\n" not in str(error.value)
    assert (model.parent / "models.config").read_bytes() == before


@pytest.mark.parametrize("name", ["absent", "pets/1", "."])
def test_another_folder_is_told(model, name):
    with pytest.raises(UserError, match="no versions of a model here"):
        set_labels(model.parent / name, {"stable": 1})
    with pytest.raises(UserError, match="no versions of a model here"):
        read_labels(model.parent / name)


def test_a_model_without_an_entry_gets_one(tmp_path):
    (tmp_path / "own" / "5").mkdir(parents=True)
    set_labels(tmp_path / "own", {"stable": 5})
    assert read_labels(tmp_path / "own") == {"stable": 5}


def test_the_command_need_not_load_tensorflow():
    program = (
        "import sys, amalthea.serving.bundle.labels; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
