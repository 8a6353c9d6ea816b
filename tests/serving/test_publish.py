import logging
import os
import resource
import signal
import subprocess
import sys
import threading

import keras
import pytest
import tensorflow as tf
from helpers.small_models import NUMBERS, Scale

from amalthea.errors import UserError
from amalthea.serving.model import ServedModel
from amalthea.serving.module import ServingModule
from amalthea.serving.publish import publish


def export(models, factor=1.0, **options):
    module = Scale(factor)
    return publish(module, module.signatures, models, "m", **options)


def answer(folder):
    with ServedModel(folder) as model:
        return model.predict(x=[[1.0, 2.0]])["y"].tolist()


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_versions_count_up_and_leave_nothing_else(tmp_path):
    assert export(tmp_path, 2.0) == tmp_path / "m" / "1"
    assert export(tmp_path, 3.0) == tmp_path / "m" / "2"
    assert sorted(os.listdir(tmp_path / "m")) == ["1", "2"]
    assert answer(tmp_path / "m" / "1") == [[2.0, 4.0]]
    assert answer(tmp_path / "m" / "2") == [[3.0, 6.0]]


def test_the_next_version_follows_the_highest(tmp_path):
    export(tmp_path, version=9)
    (tmp_path / "m" / "notes").mkdir()
    (tmp_path / "m" / "notes" / "10").touch()
    assert export(tmp_path).name == "10"


def test_an_existing_version_is_kept(tmp_path):
    before = contents(export(tmp_path))
    with pytest.raises(UserError, match="exists already. Choose another --version"):
        export(tmp_path, version=1)
    assert contents(tmp_path / "m" / "1") == before
    assert os.listdir(tmp_path / "m") == ["1"]


def test_extra_files_go_along(tmp_path):
    files = {"README.md": "für alle", "assets.extra/records": b"\0\1"}
    folder = export(tmp_path, extra_files=files)
    assert (folder / "README.md").read_text("utf-8") == "für alle"
    assert (folder / "assets.extra" / "records").read_bytes() == b"\0\1"


@pytest.mark.parametrize("name", ["/tmp/card", "../card", "saved_model.pb", ""])
def test_extra_files_stay_in_the_folder_and_off_the_model(tmp_path, name):
    with pytest.raises(UserError, match="extra_files"):
        export(tmp_path / "models", extra_files={name: "text"})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["", "a/b", "..", ".m", "12", "-m", "a b", "m\n"])
def test_bad_names_are_told(tmp_path, name):
    module = Scale()
    with pytest.raises(UserError, match="Invalid value for `name`.* with --name"):
        publish(module, module.signatures, tmp_path, name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, True, 2**63])
def test_bad_versions_are_told(tmp_path, version):
    with pytest.raises(UserError, match="Invalid value for `version`"):
        export(tmp_path, version=version)


def test_no_version_follows_the_highest_of_all(tmp_path):
    assert export(tmp_path, version=2**63 - 1).name == "9223372036854775807"
    with pytest.raises(UserError, match="Choose a free one with --version"):
        export(tmp_path)


def test_a_number_beyond_all_versions_is_no_version(tmp_path):
    (tmp_path / "m" / "99999999999999999999").mkdir(parents=True)
    assert export(tmp_path).name == "1"


def test_ragged_inputs_are_told(tmp_path):
    spec = tf.RaggedTensorSpec([None, None], tf.float32)
    function = tf.function(lambda x: {"y": x.to_tensor()}, input_signature=[spec])
    with pytest.raises(UserError, match="expected dense inputs for `s`"):
        publish(tf.Module(), {"s": function}, tmp_path, "m")


def test_a_finding_stops_the_export(tmp_path):
    def call_python(x):
        return {"y": tf.ensure_shape(tf.numpy_function(abs, [x], tf.float32), x.shape)}

    function = tf.function(call_python, input_signature=[NUMBERS])
    with pytest.raises(UserError, match="PyFunc in function") as error:
        publish(tf.Module(), {"serving_default": function}, tmp_path / "new", "m")
    assert str(tmp_path / "new" / "m" / "1") in str(error.value)
    assert "\n" not in str(error.value)
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        export(tmp_path / "file" / "models")


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    before = contents(export(tmp_path))
    module = Scale(tf.ones([2**18, 2]))
    signature = tf.function(
        lambda x: {"y": x + module.factor[0]}, input_signature=[NUMBERS]
    )
    # A limit on the size of a file fails in the same call as a full disk.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
    try:
        with pytest.raises(UserError, match="File too large") as error:
            publish(module, {"serving_default": signature}, tmp_path, "m")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(error.value)
    assert "{{" not in str(error.value)
    assert os.listdir(tmp_path / "m") == ["1"]
    assert contents(tmp_path / "m" / "1") == before


def test_saving_is_quiet(tmp_path, caplog):
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        export(tmp_path)
        assert logger.level == logging.INFO
    finally:
        logger.setLevel(level)
    assert caplog.text == ""


PROGRAM = """
import os, signal, sys
import tensorflow as tf
from helpers.small_models import Scale
from amalthea.serving.publish import publish

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

class Deadly(tf.train.experimental.PythonState):
    serialize = die
    deserialize = None

module = Scale()
if sys.argv[2] == "saving":
    module.state = Deadly()
else:
    os.rename = die
publish(module, module.signatures, sys.argv[1], "m")
"""


@pytest.mark.parametrize("moment", ["saving", "renaming"])
def test_a_killed_export_never_shows(tmp_path, moment):
    before = contents(export(tmp_path, 2.0))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path, moment],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = [name for name in os.listdir(tmp_path / "m") if name.endswith(".partial")]
    assert len(left) == 1
    whole = (tmp_path / "m" / left[0] / "saved_model.pb").exists()
    assert whole == (moment == "renaming")
    assert not (tmp_path / "m" / "2").exists()
    assert contents(tmp_path / "m" / "1") == before

    assert export(tmp_path, 5.0).name == "2"
    assert sorted(os.listdir(tmp_path / "m")) == ["1", "2"]
    assert answer(tmp_path / "m" / "2") == [[5.0, 10.0]]


def test_exports_of_one_name_wait_for_each_other(tmp_path):
    saving, go_on = threading.Event(), threading.Event()

    class Slow(tf.train.experimental.PythonState):
        def serialize(self):
            saving.set()
            go_on.wait(30)
            return ""

        def deserialize(self, string_value):
            raise NotImplementedError

    module = Scale(2.0)
    module.state = Slow()
    arguments = (module, module.signatures, tmp_path, "m")
    first = threading.Thread(target=publish, args=arguments)
    second = threading.Thread(target=export, args=(tmp_path, 3.0))
    first.start()
    assert saving.wait(30)
    second.start()
    second.join(0.5)
    waited = second.is_alive()
    go_on.set()
    first.join()
    second.join()
    assert waited
    assert answer(tmp_path / "m" / "1") == [[2.0, 4.0]]
    assert answer(tmp_path / "m" / "2") == [[3.0, 6.0]]


def test_a_model_whose_variables_a_session_cannot_restore_is_refused(tmp_path):
    # Keras variables that TensorFlow tracks itself are restored to copies.
    dense = keras.layers.Dense(1)
    dense.build((None, 2))
    module = tf.Module()
    module.layer = dense
    module.serve = tf.function(
        lambda x: {"y": dense(x)},
        input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")],
    )
    with pytest.raises(UserError, match="restores no value for the variable"):
        publish(module, {"serving_default": module.serve}, tmp_path, "dense")
    assert not (tmp_path / "dense").exists()


def test_a_serving_module_keeps_its_keras_weights(tmp_path):
    dense = keras.layers.Dense(1)
    dense.build((None, 2))
    dense.kernel.assign([[2.0], [3.0]])
    module = ServingModule([dense], "dense")
    module.endpoints["serving_default"] = tf.function(
        lambda x: {"y": dense(x)},
        input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")],
    )
    version = publish(module, module.endpoints, tmp_path, "dense")
    with ServedModel(version) as model:
        assert model.predict(x=[[1.0, 10.0]])["y"].tolist() == [[32.0]]
