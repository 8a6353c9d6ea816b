import re
import subprocess
import sys

import pytest

from amalthea.errors import UserError
from amalthea.serving.bundle import config_notes, models_config
from amalthea.serving.bundle.labels import read_labels, set_labels
from amalthea.serving.bundle.models_config import ModelsConfig
from amalthea.serving.bundle.models_dir import refresh_models_dir
from amalthea.serving.bundle.versions import version_numbers


class Clock:
    """A clock that only moves while somebody sleeps."""

    def __init__(self):
        self.now = 1000.0
        self.waits = []

    def time(self):
        return self.now

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(config_notes, "time", clock)
    return clock


@pytest.fixture
def model(tmp_path, monkeypatch, clock):
    monkeypatch.setattr(models_config, "version_age", lambda *_: 100.0)
    for number in (1, 2, 3):
        add(tmp_path / "pets", number)
    return tmp_path / "pets"


def add(model, number, keep=None):
    (model / str(number)).mkdir(parents=True)
    refresh_models_dir(model.parent, "2.21.0", model.name, number, keep)


def stop(_):
    raise KeyboardInterrupt


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


def test_a_new_export_keeps_labelled_versions_loaded(model, clock):
    set_labels(model, {"stable": 1})
    clock.sleep(60)
    add(model, 4, keep=1)
    assert policy(model) == [1, 4]
    assert version_numbers(model) == [1, 4]


def test_a_label_can_be_moved_and_moved_back_at_once(model, clock):
    set_labels(model, {"stable": 2})
    clock.sleep(60)
    set_labels(model, {"stable": 3}, stop)
    assert policy(model) == [2, 3]
    set_labels(model, {"stable": 2}, stop)
    assert read_labels(model) == {"stable": 2}
    set_labels(model, {"other": 3}, stop)
    assert policy(model) == [2, 3]


def test_a_version_is_listed_before_a_label_moves_to_it(model, clock):
    # TensorFlow Serving refuses a file that moves a label to an unknown version.
    set_labels(model, {"stable": 3})
    seen = []

    def sleep(seconds):
        seen.append((seconds, read_labels(model), policy(model)))
        clock.sleep(seconds)

    set_labels(model, {"stable": 1, "canary": 2}, sleep)
    assert seen == [(20, {"stable": 3}, [1, 3])]
    assert read_labels(model) == {"stable": 1, "canary": 2}
    assert policy(model) == [1, 2, 3]


def test_listing_one_version_unloads_none(model, clock):
    set_labels(model, {"stable": 2, "canary": 3})
    clock.sleep(60)
    set_labels(model, {"stable": 3}, stop)
    with pytest.raises(KeyboardInterrupt):
        set_labels(model, {"canary": 1}, stop)
    assert policy(model) == [1, 2, 3]


def test_a_version_that_has_just_appeared_is_waited_for(model, clock, monkeypatch):
    # A server may not have looked since it is there.
    born = clock.now - 14.5
    monkeypatch.setattr(models_config, "version_age", lambda *_: clock.now - born)
    set_labels(model, {"stable": 2}, stop)  # a new label may point anywhere
    set_labels(model, {"stable": 3}, clock.sleep)
    assert clock.waits == [6]
    assert read_labels(model) == {"stable": 3}


def test_a_stopped_command_waits_for_what_is_left(model, clock):
    # The folder of version 1 is old; it has been listed for 5 seconds.
    set_labels(model, {"stable": 3})

    def stopped(_):
        clock.now += 5
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        set_labels(model, {"stable": 1}, stopped)
    assert read_labels(model) == {"stable": 3}
    set_labels(model, {"stable": 1}, clock.sleep)
    assert clock.waits == [15]
    assert read_labels(model) == {"stable": 1}


def test_an_export_leaves_a_version_that_is_waited_for(model, clock):
    set_labels(model, {"stable": 3})
    clock.sleep(60)

    def sleep(seconds):
        add(model, 4, keep=1)
        assert policy(model) == [1, 3, 4]
        clock.sleep(seconds)

    set_labels(model, {"stable": 1}, sleep)
    assert clock.waits == [60, 20]
    assert read_labels(model) == {"stable": 1}
    clock.sleep(60)
    add(model, 5, keep=1)
    assert policy(model) == [1, 5]
    assert version_numbers(model) == [1, 5]


def test_an_exported_version_is_listed_for_a_while_first(model, clock):
    set_labels(model, {"stable": 3})
    add(model, 4)
    clock.sleep(7.5)
    set_labels(model, {"stable": 4}, clock.sleep)
    assert clock.waits == [7.5, 13]


def test_a_version_that_somebody_took_off_the_list_is_listed_again(model, clock):
    set_labels(model, {"stable": 3})
    path = model.parent / "models.config"
    before = path.read_text()

    def sleep(seconds):
        if not clock.waits:
            path.write_text(before)
        clock.sleep(seconds)

    set_labels(model, {"stable": 1}, sleep)
    assert clock.waits == [20, 20]
    assert read_labels(model) == {"stable": 1}


def test_a_label_that_was_just_removed_counts_as_moved(model, clock):
    # A server may not have seen that it was gone.
    set_labels(model, {"stable": 3})
    set_labels(model, {"stable": None})
    clock.sleep(5)
    set_labels(model, {"stable": 1, "canary": 2}, clock.sleep)
    assert clock.waits == [5, 15]
    assert read_labels(model) == {"stable": 1, "canary": 2}
    set_labels(model, {"canary": None})
    clock.sleep(20)
    set_labels(model, {"canary": 3}, stop)


def test_a_clock_that_was_ahead_is_not_waited_for(model, clock):
    set_labels(model, {"stable": 3})
    clock.now += 1e6
    with pytest.raises(KeyboardInterrupt):
        set_labels(model, {"stable": 1}, stop)
    clock.now -= 1e6
    set_labels(model, {"stable": 1}, clock.sleep)
    assert clock.waits == [20]


@pytest.mark.parametrize(
    "notes", ["", "{", "[]", '{"listed": 7}', '{"listed": [["pets", "x", 1]]}']
)
def test_notes_that_somebody_spoilt_are_forgotten(model, clock, notes):
    set_labels(model, {"stable": 3})
    with pytest.raises(KeyboardInterrupt):
        set_labels(model, {"stable": 1}, stop)
    path = model.parent / "models.config"
    text, count = re.subn(
        "^(# Notes .*?: ).*$",
        lambda found: found[1] + notes,
        path.read_text(),
        flags=re.M,
    )
    assert count == 1
    path.write_text(text)
    set_labels(model, {"stable": None})
    assert read_labels(model) == {}


OWN = [
    ("latest { num_versions: 2 }", [1, 2, 3], [1, 3, 4]),
    ("specific { versions: 2 }", [1, 2], [1, 2]),
    ("latest {}", [1, 3], [1, 4]),
]


@pytest.mark.parametrize("own, labelled, exported", OWN)
def test_a_policy_of_a_user_adds_to_the_labels_and_comes_back(
    model, clock, own, labelled, exported
):
    path = model.parent / "models.config"
    text = path.read_text().replace(
        '"tensorflow"', f'"tensorflow" model_version_policy {{ {own} }}'
    )
    path.write_text(text)
    entry = ModelsConfig(model.parent).entry("pets")
    set_labels(model, {"stable": 1}, stop)
    assert policy(model) == labelled
    clock.sleep(60)
    add(model, 4)
    assert policy(model) == exported
    set_labels(model, {"stable": None})
    assert ModelsConfig(model.parent).entry("pets") == entry


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


def test_a_file_that_cannot_be_read_is_told_once(model):
    path = model.parent / "models.config"
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError) as error:
        set_labels(model, {"stable": 1})
    assert str(error.value) == f"{path}: cannot be read (Is a directory)"


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
