"""What `publish` writes for a server, with real models."""

import http.server
import json
import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from helpers.small_models import NUMBERS, Scale
from tensorflow_serving.config import model_server_config_pb2

from amalthea.errors import UserError
from amalthea.serving.batching_parameters import read_batching_parameters
from amalthea.serving.bundle.about import About
from amalthea.serving.bundle.labels import set_labels
from amalthea.serving.publish import publish
from amalthea.serving.records import (
    WARMUP_FILE,
    read_records,
    request_arrays,
    response_arrays,
)

ROWS = np.array([[1, 2], [3, 4], [5, 6]], "float32")
EXAMPLES = {"serving_default": {"x": ROWS}}


def export(models, name="m", factor=3.0, **options):
    module = Scale(factor)
    return publish(module, module.signatures, models, name, **options)


def names(models):
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((models / "models.config").read_text("utf-8"), config)
    return [entry.name for entry in config.model_config_list.config]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    export(folder, examples=EXAMPLES, about=About("Scales", metrics={"loss": 0.5}))
    return folder


def test_answers_of_no_fixed_width_are_never_put_together(tmp_path):
    wide = tf.TensorSpec([None, None], tf.float32, name="x")
    module = tf.Module()
    module.serve = tf.function(lambda x: {"y": 2 * x}, input_signature=[wide])
    signatures = {"serving_default": module.serve}
    version = publish(module, signatures, tmp_path, "m", examples=EXAMPLES)
    parameters = read_batching_parameters(version / "batching_params.pbtxt")
    assert not parameters.enable_large_batch_splitting
    assert parameters.max_batch_size == parameters.largest_batch >= 32


def test_an_export_is_a_whole_bundle(models):
    assert sorted(os.listdir(models)) == [
        "batching.config",
        "compose.yaml",
        "m",
        "models.config",
        "monitoring.config",
    ]
    assert os.listdir(models / "m") == ["1"]
    assert {"MODEL_CARD.md", "batching_params.pbtxt", "example.json"} <= {
        *os.listdir(models / "m" / "1")
    }
    assert names(models) == ["m"]


def test_the_warm_up_has_the_answers_of_the_model(models):
    parameters = read_batching_parameters(models / "m" / "1" / "batching_params.pbtxt")
    logs = list(read_records(models / "m" / "1" / WARMUP_FILE))
    sizes = [len(request_arrays(log)["x"]) for log in logs]
    assert sizes == list(parameters.batch_sizes)
    assert sizes[-1] == parameters.largest_batch
    for log in logs:
        x = request_arrays(log)["x"]
        np.testing.assert_array_equal(x, ROWS[np.arange(len(x)) % 3])
        np.testing.assert_array_equal(response_arrays(log)["y"], 3 * x)


def test_the_cards_lines_send_the_example(models):
    card = (models / "m" / "1" / "MODEL_CARD.md").read_text("utf-8")
    assert card.startswith("# m\n\nScales\n")
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            received.append((self.path, json.loads(self.rfile.read(length))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"answered")

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        lines = re.findall(r"^(?:curl|python3) .*$", card, re.MULTILINE)
        assert len(lines) == 2
        for line in lines:
            line = line.replace("localhost:8501", f"127.0.0.1:{server.server_port}")
            line = line.replace("python3", sys.executable)
            done = subprocess.run(
                ["bash", "-c", line], cwd=models, capture_output=True, text=True
            )
            assert done.stdout.strip() == "answered", done.stderr
    finally:
        server.shutdown()
        server.server_close()
    request = {"instances": [{"x": [1.0, 2.0]}, {"x": [3.0, 4.0]}]}
    assert received == [("/v1/models/m:predict", request)] * 2


def test_without_examples_there_is_a_card_and_no_batching(tmp_path):
    folder = export(tmp_path)
    left = set(os.listdir(folder))
    assert "MODEL_CARD.md" in left
    assert not left & {"batching_params.pbtxt", "example.json", "assets.extra"}
    assert names(tmp_path) == ["m"]


def test_examples_of_some_signatures_are_enough(tmp_path):
    module = Scale()
    double = tf.function(lambda x: {"y": 2 * x}, input_signature=[NUMBERS])
    signatures = {"double": double, **module.signatures}
    folder = publish(
        module, signatures, tmp_path, "m", examples={"double": {"x": ROWS}}
    )
    assert not (folder / "example.json").exists()
    logs = list(read_records(folder / WARMUP_FILE))
    assert {log.predict_log.request.model_spec.signature_name for log in logs} == {
        "double"
    }


@pytest.mark.parametrize(
    "examples, text",
    [
        ({"other": {"x": ROWS}}, "Invalid value for `examples`"),
        ({"serving_default": {"x": ROWS[:, :1]}}, "received shape"),
        ({"serving_default": {"x": ROWS.astype("float64")}}, "received float64"),
    ],
)
def test_examples_that_do_not_fit_stop_the_export(tmp_path, examples, text):
    with pytest.raises(UserError, match=text):
        export(tmp_path / "models", examples=examples)
    assert os.listdir(tmp_path) == []


def test_a_model_that_rejects_its_examples_is_not_published(tmp_path):
    module = tf.Module()

    @tf.function(input_signature=[NUMBERS])
    def fail(x):
        with tf.control_dependencies([tf.debugging.assert_less(x, 0.0)]):
            return {"y": tf.identity(x)}

    with pytest.raises(UserError, match="the model rejects the inputs"):
        publish(
            module, {"serving_default": fail}, tmp_path / "new", "m", examples=EXAMPLES
        )
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["MODEL_CARD.md", "example.json", WARMUP_FILE])
def test_extra_files_are_not_the_bundles(tmp_path, name):
    with pytest.raises(UserError, match="extra_files"):
        export(tmp_path / "new", extra_files={name: "text"})


@pytest.mark.parametrize("name", ["models.config", "compose.yaml"])
def test_a_model_cannot_be_named_like_a_file_of_the_folder(tmp_path, name):
    with pytest.raises(UserError, match="is a file in the folder of models"):
        export(tmp_path, name)


@pytest.mark.parametrize("keep", [0, -1, "1", True])
def test_bad_keep_is_told(tmp_path, keep):
    with pytest.raises(UserError, match="Invalid value for `keep`"):
        export(tmp_path, keep=keep)


def test_keep_removes_old_versions_but_no_labelled_one(tmp_path):
    for _ in range(3):
        export(tmp_path)
    set_labels(tmp_path / "m", {"stable": 1})
    export(tmp_path, keep=2)
    assert sorted(os.listdir(tmp_path / "m")) == ["1", "3", "4"]


def test_the_card_tells_of_an_older_server(tmp_path):
    compose = "services:\n  cpu:\n    image: tensorflow/serving:2.3.0\n"
    (tmp_path / "compose.yaml").write_text(compose)
    version = export(tmp_path, about=About(notes=("First.",)))
    card = (version / "MODEL_CARD.md").read_text("utf-8")
    assert "- First.\n- compose.yaml starts TensorFlow Serving 2.3.0, which is" in card


def test_a_damaged_config_is_told_before_anything_is_saved(tmp_path):
    (tmp_path / "models.config").write_text("model_config_list { what }")
    with pytest.raises(UserError, match="not a model config"):
        export(tmp_path)
    assert os.listdir(tmp_path) == ["models.config"]


def test_what_died_before_the_config_is_mended_by_the_next_export(tmp_path):
    export(tmp_path, "first")
    (tmp_path / "models.config").unlink()  # as if it had died just before
    (tmp_path / ".models.config.x.partial").touch()
    (tmp_path / ".compose.yaml.x.partial").touch()
    (tmp_path / ".notes.x.partial").touch()  # nobody knows whose
    export(tmp_path, "second")
    assert sorted(names(tmp_path)) == ["first", "second"]
    hidden = [name for name in os.listdir(tmp_path) if name.startswith(".")]
    assert hidden == [".notes.x.partial"]


def test_exports_at_the_same_time_all_get_listed(tmp_path):
    given = ["a", "b", "c", "d"]
    threads = [threading.Thread(target=export, args=(tmp_path, name)) for name in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(tmp_path)) == given
