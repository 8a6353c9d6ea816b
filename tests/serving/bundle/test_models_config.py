import os
import re
import subprocess
import sys

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from amalthea.errors import UserError
from amalthea.serving.bundle.models_config import ModelsConfig
from amalthea.serving.bundle.models_dir import refresh_models_dir


def version(models, name, *numbers):
    for number in numbers:
        folder = models / name / str(number)
        folder.mkdir(parents=True)
        (folder / "MODEL_CARD.md").touch()


def exported(models, name, number, keep=None):
    version(models, name, number)
    refresh_models_dir(models, "2.21.0", name, number, keep)


def read(models):
    text = (models / "models.config").read_text("utf-8")
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse(text, config)
    return {entry.name: entry for entry in config.model_config_list.config}


def write(models, text):
    (models / "models.config").write_text(text, "utf-8")


OWN = """
# my models
model_config_list {
  config {
    name: "own" base_path: "/srv/own" model_platform: "tensorflow"
    model_version_policy { all {} }
    logging_config { sampling_config { sampling_rate: 0.5 } }
  }
  config { name: "m" base_path: "/srv/m" model_platform: "tensorflow" }
}
"""


def test_models_are_listed_side_by_side(tmp_path):
    exported(tmp_path, "pets", 1)
    exported(tmp_path, "digits", 7)
    text = (tmp_path / "models.config").read_text()
    assert re.sub("(#.*\n)+", "", text, count=1) == (
        "model_config_list {\n"
        "  config {\n"
        '    name: "pets"\n'
        '    base_path: "/models/pets"\n'
        '    model_platform: "tensorflow"\n'
        "  }\n"
        "  config {\n"
        '    name: "digits"\n'
        '    base_path: "/models/digits"\n'
        '    model_platform: "tensorflow"\n'
        "  }\n"
        "}\n"
    )


def test_entries_and_fields_of_a_user_stay(tmp_path):
    write(tmp_path, OWN)
    exported(tmp_path, "m", 1)
    exported(tmp_path, "other", 1)
    entries = read(tmp_path)
    assert list(entries) == ["own", "m", "other"]
    assert entries["own"].model_version_policy.HasField("all")
    assert entries["own"].logging_config.sampling_config.sampling_rate == 0.5
    assert entries["m"].base_path == "/srv/m"


def test_nothing_is_written_where_nothing_changes(tmp_path):
    write(tmp_path, OWN)
    exported(tmp_path, "m", 1)
    assert (tmp_path / "models.config").read_text("utf-8") == OWN
    exported(tmp_path, "other", 1)
    before = (tmp_path / "models.config").stat().st_ino
    exported(tmp_path, "other", 2)
    assert (tmp_path / "models.config").stat().st_ino == before


@pytest.mark.parametrize(
    "text, error",
    [
        ("model_config_list { config { nmae: 'm' } }", "nmae"),
        ("custom_model_config { type_url: 'a/b' }", "has no `model_config_list`"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_damaged_file_is_told_and_left_alone(tmp_path, text, error):
    path = tmp_path / "models.config"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    before = path.read_bytes()
    with pytest.raises(UserError, match=error) as caught:
        exported(tmp_path, "m", 1)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before


def test_an_export_that_is_not_listed_yet_gets_listed(tmp_path):
    exported(tmp_path, "first", 1)
    # Those died between the rename and the file.
    version(tmp_path, "second", 1)
    version(tmp_path, ".hidden", 1)
    (tmp_path / "foreign" / "1").mkdir(parents=True)
    exported(tmp_path, "third", 1)
    assert list(read(tmp_path)) == ["first", "third", "second"]


def test_an_entry_goes_with_its_folder_unless_a_user_wrote_it(tmp_path):
    write(tmp_path, OWN)
    exported(tmp_path, "gone", 1)
    exported(tmp_path, "moved", 1)
    text = (tmp_path / "models.config").read_text("utf-8")
    write(tmp_path, text.replace("/models/moved", "/srv/moved"))
    for name in ("gone", "moved"):
        (tmp_path / name).rename(tmp_path / f".{name}")
    exported(tmp_path, "new", 1)
    assert list(read(tmp_path)) == ["own", "m", "moved", "new"]


def test_an_entry_that_a_user_removed_comes_back_only_with_its_next_export(tmp_path):
    exported(tmp_path, "a", 1)
    exported(tmp_path, "b", 1)
    text = (tmp_path / "models.config").read_text("utf-8")
    start, end = text.index("  config {"), text.index('  config {\n    name: "b"')
    write(tmp_path, text[:start] + text[end:])
    exported(tmp_path, "c", 1)
    assert list(read(tmp_path)) == ["b", "c"]
    exported(tmp_path, "a", 2)
    assert list(read(tmp_path)) == ["b", "c", "a"]


def test_without_labels_the_policy_is_the_users(tmp_path):
    exported(tmp_path, "m", 1)
    assert not read(tmp_path)["m"].HasField("model_version_policy")
    text = (tmp_path / "models.config").read_text("utf-8")
    pinned = "model_version_policy { specific { versions: 1 } } }"
    write(tmp_path, text.replace('"tensorflow"\n  }', f'"tensorflow" {pinned}'))
    exported(tmp_path, "m", 2)
    assert list(read(tmp_path)["m"].model_version_policy.specific.versions) == [1]


@pytest.mark.parametrize(
    "policy, loaded",
    [
        ("", {4}),
        ("latest {}", {4}),
        ("latest { num_versions: 2 }", {3, 4}),
        ("all {}", {1, 3, 4}),
        ("specific { versions: 1 versions: 9 }", {1}),
    ],
)
def test_which_versions_a_server_loads(tmp_path, policy, loaded):
    version(tmp_path, "m", 1, 3, 4)
    write(
        tmp_path,
        "model_config_list { config { name: 'm' base_path: '/models/m' "
        f"model_version_policy {{ {policy} }} }} }}",
    )
    assert ModelsConfig(tmp_path).loaded("m") == loaded


def test_numbers_a_server_cannot_have_are_no_versions(tmp_path):
    highest = 2**63 - 1
    version(tmp_path, "m", 1, highest, highest + 1)
    (tmp_path / "m" / "²").mkdir()
    assert ModelsConfig(tmp_path).loaded("m") == {highest}


def versions(models, name):
    return sorted(path.name for path in (models / name).iterdir())


def test_old_versions_are_hidden(tmp_path):
    version(tmp_path, "m", 1, 2, 9, 10)
    (tmp_path / "m" / "notes").mkdir()
    exported(tmp_path, "m", 11, keep=2)
    hidden = [f".{number}.pruned.partial" for number in (1, 2, 9)]
    assert versions(tmp_path, "m") == sorted([*hidden, "10", "11", "notes"])


def test_an_old_version_exported_last_is_kept(tmp_path):
    version(tmp_path, "m", 2, 9)
    exported(tmp_path, "m", 1, keep=1)
    assert versions(tmp_path, "m") == [".2.pruned.partial", "1", "9"]


def test_a_labelled_and_a_pinned_version_are_kept(tmp_path):
    version(tmp_path, "m", 1, 2, 3)
    version(tmp_path, "pinned", 1, 2, 3)
    write(
        tmp_path,
        "model_config_list { config { name: 'm' base_path: '/models/m' "
        "model_platform: 'tensorflow' version_labels { key: 'stable' value: 2 } } "
        "config { name: 'pinned' base_path: '/models/pinned' "
        "model_platform: 'tensorflow' "
        "model_version_policy { specific { versions: 1 } } } }",
    )
    exported(tmp_path, "m", 4, keep=1)
    exported(tmp_path, "pinned", 4, keep=1)
    assert [name for name in versions(tmp_path, "m") if name.isdecimal()] == ["2", "4"]
    assert [name for name in versions(tmp_path, "pinned") if name.isdecimal()] == [
        "1",
        "4",
    ]
    assert list(read(tmp_path)["m"].model_version_policy.specific.versions) == [2, 4]


PROGRAM = """
import pathlib, sys
from amalthea.serving.bundle.models_dir import refresh_models_dir
models = pathlib.Path(sys.argv[1])
sys.stdin.readline()
for name in sys.argv[2:]:
    (models / name / "1").mkdir(parents=True)
    refresh_models_dir(models, "2.21.0", name, 1)
"""


def test_processes_wait_for_each_other(tmp_path):
    given = [[f"{letter}{number}" for number in range(10)] for letter in "abc"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, tmp_path, *some], stdin=subprocess.PIPE
        )
        for some in given
    ]
    for process in processes:
        process.stdin.write(b"go\n")
        process.stdin.close()
    for process in processes:
        process.wait(60)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(read(tmp_path)) == sorted(sum(given, []))
    assert sorted(os.listdir(tmp_path)) == sorted(
        [
            *sum(given, []),
            "batching.config",
            "compose.yaml",
            "models.config",
            "monitoring.config",
        ]
    )
