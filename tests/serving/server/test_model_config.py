import pytest
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import (
    ModelConfig,
    ModelServerConfig,
)

from amalthea.errors import UserError
from amalthea.serving.repository import wanted_versions
from amalthea.serving.server.errors import StatusError
from amalthea.serving.server.model_config import (
    ModelConfigSource,
    check_model_config,
)
from amalthea.serving.server.versions import (
    fingerprint,
    version_folders,
)

PETS = "model_config_list { config { name: 'pets' model_platform: 'tensorflow' %s } }"
PETS_HERE = PETS % "base_path: 'pets'"


def make(root, *folders):
    for folder in folders:
        (root / folder).mkdir(parents=True)
    return root


def read(path):
    models = ModelConfigSource(path).poll().model_config_list.config
    return [(model.name, model.base_path) for model in models]


def test_each_folder_with_a_version_is_a_model(tmp_path):
    make(tmp_path, "pets/1", "pets/2", "notes/drafts", "cars/007", ".old/1")
    (tmp_path / "9").write_text("a file")
    assert read(tmp_path) == [
        ("cars", str(tmp_path / "cars")),
        ("pets", str(tmp_path / "pets")),
    ]
    config = ModelConfigSource(tmp_path).poll()
    check_model_config(config, ModelServerConfig())


def test_a_model_may_be_named_alone(tmp_path, monkeypatch):
    make(tmp_path, "pets/1")
    assert read(tmp_path / "pets") == [("pets", str(tmp_path / "pets"))]
    monkeypatch.chdir(tmp_path / "pets")
    assert read(".") == [("pets", str(tmp_path / "pets"))]


@pytest.mark.parametrize(
    ("path", "becomes"),
    [
        ("/models/pets", "{root}/pets"),
        ("/models/a/pets", "{root}/a/pets"),
        ("pets", "{root}/pets"),
        ("../pets", "{parent}/pets"),
        ("{root}", "{root}"),
        ("/modelspets", "/modelspets"),
    ],
)
def test_paths_of_a_config_are_those_of_this_machine(tmp_path, path, becomes):
    places = {"root": tmp_path, "parent": tmp_path.parent}
    file = tmp_path / "models.config"
    file.write_text(PETS % f"base_path: '{path.format(**places)}'")
    expected = [("pets", becomes.format(**places))]
    assert read(tmp_path) == expected
    assert read(file) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "models.config: no `model_config_list` in this config"),
        ("custom_model_config {}", "no `model_config_list`"),
        ("model_config_list { config { nam: 'a' } }", "no field named"),
        ("model_config_list {", "not a model config"),
        ("model_config_list {} custom_model_config {}", "not a model config"),
        ("\xff", "not a model config"),
        (
            "model_config_list { config { model_platform: 'tensorflow'"
            " base_path: 'a' } }",
            "Illegal to list a model without a name in config list",
        ),
        (PETS % "", "Model pets has no base_path"),
        (
            "model_config_list { config { name: 'a' model_platform: 'tensorflow'"
            " base_path: 'a' } config { name: 'a' model_platform: 'tensorflow' } }",
            "Illegal to list model a multiple times in config list",
        ),
        (
            "model_config_list { config { name: 'a' } }",
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            "ModelServerConfig::model_platform.",
        ),
        (
            "model_config_list { config { name: 'a' model_platform: 'tensorflow'"
            " model_type: TENSORFLOW } }",
            "Illegal setting both ModelServerConfig::model_type (deprecated) and "
            "ModelServerConfig::model_platform.",
        ),
        (
            "model_config_list { config { name: 'a' model_type: OTHER } }",
            "ModelServerConfig::model_type choice 2 not supported.",
        ),
        (
            "model_config_list { config { name: 'a' model_platform: 'caffe' } }",
            "Model a requests unsupported platform caffe",
        ),
    ],
)
def test_a_wrong_config_ends_in_one_line(tmp_path, text, message):
    (tmp_path / "models.config").write_text(text, encoding="latin-1")
    with pytest.raises(UserError) as error:
        ModelConfigSource(tmp_path).poll()
    assert message in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "models.config"))
    assert "\n" not in str(error.value)


def test_the_old_way_to_name_the_platform_holds(tmp_path):
    text = "model_config_list { config { name: 'a' base_path: 'a' model_type: 1 } }"
    (tmp_path / "models.config").write_text(text)
    assert read(tmp_path) == [("a", str(tmp_path / "a"))]


def test_a_model_keeps_its_platform():
    before, after = ModelServerConfig(), ModelServerConfig()
    text_format.Parse(PETS_HERE, before)
    after.CopyFrom(before)
    after.model_config_list.config[0].model_platform = "caffe"
    with pytest.raises(StatusError) as error:
        check_model_config(after, before)
    assert (error.value.code, error.value.message) == (
        "INVALID_ARGUMENT",
        "Illegal to change a model's platform. For model pets platform was "
        "tensorflow and new platform requested is caffe",
    )


@pytest.mark.parametrize(
    ("folder", "asked", "message"),
    [
        ("pets/1", "none", "no such folder"),
        ("empty", "empty", "no models here"),
        ("pets/1/saved_model.pb", "pets/1", "Name the folder above it"),
    ],
)
def test_where_no_models_are_ends_in_one_line(tmp_path, folder, asked, message):
    make(tmp_path, folder)
    with pytest.raises(UserError, match=message):
        ModelConfigSource(tmp_path / asked).poll()


def test_only_changes_are_told(tmp_path):
    make(tmp_path, "pets/1")
    source = ModelConfigSource(tmp_path)
    assert source.poll() is not None
    assert source.poll() is None
    make(tmp_path, "cars/1")
    assert len(source.poll().model_config_list.config) == 2
    (tmp_path / "cars" / "1").rmdir()  # a model that is there no more still counts
    assert source.poll() is None

    file = tmp_path / "models.config"
    file.write_text(PETS_HERE)
    assert source.poll().model_config_list.config[0].base_path.endswith("pets")
    assert source.poll() is None
    file.write_text("model_config_list {")
    with pytest.raises(UserError):
        source.poll()
    assert source.poll() is None  # what is wrong is told once
    file.unlink()
    assert source.poll() is None


def test_folders_are_listed_no_more_on_demand(tmp_path):
    make(tmp_path, "pets/1")
    source = ModelConfigSource(tmp_path)
    source.poll()
    source.list_no_more()
    make(tmp_path, "cars/1")
    assert source.poll() is None
    (tmp_path / "models.config").write_text("model_config_list {}")
    assert source.poll().HasField("model_config_list")


def test_versions_are_folders_whose_name_is_a_number(tmp_path):
    make(tmp_path, "10", "1", "-5", "007", " 8 ", "9223372036854775807")
    make(tmp_path, "9223372036854775808", "9" * 200)  # no int64
    make(tmp_path, "1.5", "a", ".1.partial", "1_0", "٣", "-", "- 1", "0x2")
    (tmp_path / "6").write_text("a file")
    found = version_folders(tmp_path)
    assert list(found) == [-5, 1, 7, 8, 10, 9223372036854775807]
    assert found[7] == tmp_path / "007"
    assert version_folders(tmp_path / "none") is None
    assert version_folders(tmp_path / "a") == {}


def test_of_two_names_of_a_version_the_last_counts(tmp_path):
    # TensorFlow Serving's own test takes 001, 0001 and 00001 and any of them.
    make(tmp_path, "01", "1", "001")
    assert {k: path.name for k, path in version_folders(tmp_path).items()} == {1: "1"}


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("", [7]),
        ("model_version_policy { }", [7]),
        ("model_version_policy { latest { } }", [7]),
        ("model_version_policy { latest { num_versions: 2 } }", [3, 7]),
        ("model_version_policy { latest { num_versions: 9 } }", [1, 3, 7]),
        ("model_version_policy { all { } }", [1, 3, 7]),
        ("model_version_policy { specific { versions: 3 versions: 4 } }", [3]),
        ("model_version_policy { specific { } }", []),
    ],
)
def test_the_policy_chooses_the_versions(policy, wanted):
    model = text_format.Parse(policy, ModelConfig())
    assert wanted_versions(model.model_version_policy, {1: "", 3: "", 7: ""}) == wanted
    assert wanted_versions(model.model_version_policy, {}) == []


def test_a_fingerprint_tells_changed_files(tmp_path):
    make(tmp_path, "variables")
    (tmp_path / "a").write_text("1")
    prints = [fingerprint(tmp_path), fingerprint(tmp_path)]
    (tmp_path / "a").write_text("12")
    prints.append(fingerprint(tmp_path))
    (tmp_path / "variables" / "b").write_text("")
    prints.append(fingerprint(tmp_path))
    (tmp_path / "variables" / "b").unlink()
    prints.append(fingerprint(tmp_path))
    (tmp_path / "broken").symlink_to("nowhere")
    prints.append(fingerprint(tmp_path))
    (tmp_path / "a").chmod(0o700)
    prints.append(fingerprint(tmp_path))
    assert [prints.index(value) for value in prints] == [0, 0, 2, 3, 2, 5, 6]
