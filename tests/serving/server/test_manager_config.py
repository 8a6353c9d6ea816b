"""Which models the manager has: by `models.config`, by folders, by a reload."""

import shutil
import threading

import pytest
from helpers.managing import (
    CONFIG,
    MODEL,
    ask,
    corrupt,
    error_of,
    managing,
    parse,
    put,
    states,
    wait_for_states,
)

from amalthea.errors import UserError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CONFIG % "", "Unable to find a numerical version path for servable m at: "),
        (CONFIG.replace("'m' ", "'none' ") % "", "Could not find base path "),
        ("model_config_list { config {} }", "without a name"),
    ],
)
def test_a_start_with_a_wrong_config_ends_in_one_line(tmp_path, text, message):
    (tmp_path / "m").mkdir()
    (tmp_path / "models.config").write_text(text)
    with pytest.raises(UserError, match=message), managing(tmp_path):
        pass


def test_policies_and_labels_of_a_config(models, saved):
    put(saved, models, 2, offset=3.0)
    put(saved, models, 3)
    (models / "models.config").write_text(
        CONFIG
        % (
            "model_version_policy { specific { versions: 1 versions: 2 } }"
            "version_labels { key: 'stable' value: 1 }"
            "version_labels { key: 'canary' value: 2 }"
            "version_labels { key: 'next' value: 3 }"
        )
    )
    with managing(models) as manager:
        assert states(manager) == [(2, "AVAILABLE"), (1, "AVAILABLE")]
        assert ask(manager) == (2, 3.0)
        assert ask(manager, version=1) == (1, 2.0)
        assert ask(manager, label="stable") == (1, 2.0)
        assert ask(manager, label="canary") == (2, 3.0)
        assert error_of(ask, manager, label="next")[1] == (
            "Servable not found for request: Specific(m, 3)"
        )


def test_a_changed_config_is_followed_and_a_broken_one_is_not(models, saved, caplog):
    file = models / "models.config"
    policy = "model_version_policy { specific { versions: %d } }"
    put(saved, models, 2, offset=3.0)
    file.write_text(CONFIG % policy % 1)
    with managing(models) as manager:
        assert ask(manager)[0] == 1
        for broken in ("model_config_list {", "model_config_list { config {} }"):
            file.write_text(broken)
            manager.poll()
            manager.poll()
            assert ask(manager)[0] == 1
        assert len(caplog.messages) == 2
        file.write_text(CONFIG % policy % 2)
        manager.poll()
        assert ask(manager)[0] == 2
        file.write_text(CONFIG.replace("'m' base", "'other' base") % "")
        manager.poll()
        assert manager.models() == ["other"]
        assert ask(manager, "other")[0] == 2
        assert error_of(ask, manager)[0] == "NOT_FOUND"
        wait_for_states(manager, [(2, "END"), (1, "END")])


def test_a_label_moves_to_an_available_version_only(models, saved, caplog):
    file = models / "models.config"
    policy = "model_version_policy { all {} } version_labels { key: 'a' value: %d }"
    file.write_text(CONFIG % policy % 1)
    with managing(models) as manager:
        assert ask(manager, label="a")[0] == 1
        file.write_text(CONFIG % policy % 2)
        manager.poll()
        assert ask(manager, label="a")[0] == 1
        assert caplog.messages == [
            "Request to assign label to version 2 of model m, which is not "
            "currently available for inference"
        ]
        put(saved, models, 2)
        manager.poll()  # loads it
        manager.poll()  # and then the label can move
        assert ask(manager, label="a")[0] == 2
        assert len(caplog.messages) == 1


def test_models_appear_while_it_runs(models, saved):
    with managing(models) as manager:
        put(saved, models, 5, name="other")
        manager.poll()
        assert manager.models() == ["m", "other"]
        assert ask(manager, "other")[0] == 5


def test_a_vanished_model_folder_stays_served(models, saved, caplog):
    put(saved, models, 1, name="other")
    with managing(models) as manager:
        shutil.rmtree(models / "m")
        put(saved, models, 2, offset=3.0, name="other")
        manager.poll()
        manager.poll()
        assert ask(manager) == (1, 2.0)
        assert ask(manager, "other") == (2, 3.0)  # the others are followed
        assert caplog.messages == [f"model m: no {models / 'm'}"]


def test_an_emptied_model_folder_is_not(models):
    with managing(models) as manager:
        shutil.rmtree(models / "m" / "1")
        manager.poll()
        assert error_of(ask, manager)[0] == "NOT_FOUND"
        assert not manager.is_ready()


def test_a_reload_loads_new_models_and_drops_others(models, saved):
    put(saved, models, 4, name="new")
    with managing(models / "m") as manager:
        text = (CONFIG % "").replace("'m'", "'new'")
        manager.reload(parse(text.replace("'new' model", f"'{models}/new' model")))
        assert manager.models() == ["new"]
        assert ask(manager, "new")[0] == 4
        wait_for_states(manager, [(1, "END")])
        put(saved, models, 5, name="new")
        manager.poll()  # follows the folders of the new config
        assert ask(manager, "new")[0] == 5

        manager.reload(parse("model_config_list {}"))
        assert manager.models() == []
        assert error_of(ask, manager, "new")[0] == "NOT_FOUND"
        assert manager.is_ready()


def test_a_model_dropped_and_taken_again_is_loaded_again(models, saved):
    put(saved, models, 1, name="other")
    other = CONFIG.replace("'m'", "'other'") % ""
    with managing(models) as manager:
        with manager.acquire("m") as held:
            manager.reload(parse(other))
            assert states(manager) == [(1, "UNLOADING")]
            again = threading.Thread(
                target=manager.reload, args=[parse(CONFIG % "")], daemon=True
            )
            again.start()
            put(saved, models, 2, offset=3.0, name="other")
            manager.poll()  # the others are followed while the call waits
            assert ask(manager, "other") == (2, 3.0)
            assert not held.runner.closed
        again.join(10)
        assert not again.is_alive()
        assert held.runner.closed
        assert ask(manager) == (1, 2.0)
        assert states(manager) == [(1, "AVAILABLE")]


def test_a_version_still_held_is_taken_again_at_a_later_look(models, saved):
    put(saved, models, 1, name="other")
    file = models / "models.config"
    other = MODEL.replace("'m'", "'other'") % ""
    with managing(models, grace_seconds=0.05) as manager:
        with manager.acquire("m") as held:
            file.write_text(f"model_config_list {{ {other} }}")
            manager.poll()
            file.write_text(f"model_config_list {{ {other} {MODEL % ''} }}")
            put(saved, models, 2, offset=3.0, name="other")
            manager.poll()
            assert ask(manager, "other") == (2, 3.0)
            assert states(manager) == [(1, "UNLOADING")]
            assert not manager.is_ready()
            assert error_of(ask, manager)[0] == "NOT_FOUND"
        wait_for_states(manager, [(1, "END")])
        assert held.runner.closed
        manager.poll()
        assert ask(manager) == (1, 2.0)


def test_a_reload_does_not_wait_for_ever(models):
    with managing(models, grace_seconds=0.05) as manager:
        with manager.acquire("m"):
            manager.reload(parse("model_config_list {}"))
            assert error_of(manager.reload, parse(CONFIG % "")) == (
                "UNKNOWN",
                "1 model(s) did not become available: {{{name: m version: 1}}, }",
            )
        wait_for_states(manager, [(1, "END")])
        manager.poll()
        assert ask(manager) == (1, 2.0)


def test_another_base_path_leaves_a_version_as_it_was_loaded(models, saved):
    """As in TensorFlow Serving, which compares the numbers only."""
    put(saved, models, 1, offset=3.0, name="other")
    config = CONFIG.replace("base_path: 'm'", "base_path: 'other'") % ""
    with managing(models) as manager:
        manager.reload(parse(config))
        assert ask(manager) == (1, 2.0)
        put(saved, models, 2, offset=3.0, name="other")
        manager.poll()
        assert ask(manager) == (2, 3.0)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("", "INVALID_ARGUMENT", "Only ModelConfigList is currently supported"),
        ("custom_model_config {}", "INVALID_ARGUMENT", "Only ModelConfigList"),
        (CONFIG.replace("'tensorflow'", "''") % "", "INVALID_ARGUMENT", "neither"),
        (CONFIG.replace("name: 'm'", "") % "", "INVALID_ARGUMENT", "without a name"),
        (
            CONFIG.replace("base_path: 'm'", "") % "",
            "INVALID_ARGUMENT",
            "Model m has no base_path",
        ),
        (
            CONFIG.replace("'m'", "'none'") % "",
            "INVALID_ARGUMENT",
            "Could not find base path",
        ),
        (
            CONFIG.replace("'m'", "'empty'") % "",
            "NOT_FOUND",
            "Unable to find a numerical version path for servable empty at: ",
        ),
        (
            CONFIG % "version_labels { key: 'a' value: 2 }",
            "FAILED_PRECONDITION",
            "Request to assign label to version 2 of model m",
        ),
    ],
)
def test_a_wrong_reload_changes_nothing(models, text, code, message):
    (models / "empty").mkdir()
    config = CONFIG % "version_labels { key: 'a' value: 1 }"
    (models / "models.config").write_text(config)
    with managing(models) as manager:
        error = error_of(manager.reload, parse(text))
        assert error[0] == code
        assert message in error[1]
        assert manager.models() == ["m"]
        assert ask(manager, label="a")[0] == 1


def test_a_reload_tells_which_new_model_is_broken(models, saved):
    both = MODEL + MODEL.replace("'m'", "'new'")
    text = f"model_config_list {{ {both} }}" % ("", "")
    with managing(models) as manager:
        corrupt(put(saved, models, 3, name="new"))
        code, message = error_of(manager.reload, parse(text))
        assert code == "UNKNOWN"
        assert message.startswith(
            "1 model(s) did not become available: {{{name: new version: 3} due to "
            "error: DATA_LOSS: "
        )
        assert message.endswith("}, }")
        assert ask(manager)[0] == 1
        shutil.copy(saved[2.0] / "saved_model.pb", models / "new" / "3")
        manager.poll()
        assert ask(manager, "new")[0] == 3
