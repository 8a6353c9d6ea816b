import gc
import threading
import weakref

import numpy as np
import pytest
import tensorflow as tf
from helpers.half_plus_two import save_half_plus_two
from helpers.small_models import IMAGES, Scale, save

from amalthea.errors import UserError
from amalthea.serving.model import ServedModel
from amalthea.serving.publish import publish


@pytest.fixture(scope="module")
def scale(tmp_path_factory):
    module = Scale(3.0)
    models = tmp_path_factory.mktemp("models")
    with ServedModel(publish(module, module.signatures, models, "scale")) as model:
        yield model


@pytest.fixture(scope="module")
def types(tmp_path_factory):
    specs = [
        tf.TensorSpec([None], dtype, name=dtype.name)
        for dtype in (tf.float32, tf.int32, tf.uint8, tf.bool)
    ]

    def echo(float32, int32, uint8, bool):
        return {"float32": float32, "int32": int32, "uint8": uint8, "bool": bool}

    with ServedModel(save(tmp_path_factory.mktemp("types"), echo, *specs)) as model:
        yield model


def test_variables_are_restored(scale):
    answer = scale.predict(x=np.array([[1, 2], [3, 4]], np.float32))
    assert list(answer) == ["y"]
    np.testing.assert_array_equal(answer["y"], [[3, 6], [9, 12]])


def test_signatures_name_inputs_and_outputs(scale):
    signature = scale.signatures["serving_default"]
    assert [str(info) for info in signature.inputs.values()] == ["x: float32[?, 2]"]
    assert [str(info) for info in signature.outputs.values()] == ["y: float32[?, 2]"]


def test_tables_are_initialised_and_assets_found(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("cat\ndog\n")
    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(
            str(words),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        default_value=-1,
    )
    folder = save(
        tmp_path / "1",
        lambda text: {"index": module.table.lookup(text)},
        tf.TensorSpec([None], tf.string, name="text"),
        module=module,
    )
    words.unlink()
    with ServedModel(folder) as model:
        answer = model.predict(text=["dog", b"cat", "cow"])
    assert answer["index"].tolist() == [1, 0, -1]


def test_bytes_keep_their_zeros(tmp_path):
    save(tmp_path, lambda image_bytes: {"echo_bytes": image_bytes}, IMAGES)
    with ServedModel(tmp_path) as model:
        answer = model.predict(image_bytes=[b"a\0\0", b"\xff"])
    assert answer["echo_bytes"].tolist() == [b"a\0\0", b"\xff"]


def test_python_numbers_take_the_type_of_the_input(types):
    answer = types.predict(float32=[1, 2], int32=[3], uint8=[255], bool=[True])
    assert answer["float32"].tolist() == [1.0, 2.0]
    assert {name: array.dtype.name for name, array in answer.items()} == {
        name: name for name in answer
    }


def test_an_empty_batch_is_a_batch(types):
    answer = types.predict(float32=[], int32=[], uint8=[], bool=[])
    assert {array.shape for array in answer.values()} == {(0,)}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"int32": [1.5]}, "expected int32: int32[?], received dtype float64"),
        ({"uint8": [256]}, "received values out of the range of uint8"),
        ({"uint8": [-1]}, "received values out of the range of uint8"),
        ({"float32": ["a"]}, "received dtype <U1"),
        ({"float32": np.zeros(1)}, "received dtype float64"),
        ({"float32": [[1.0]]}, "received shape [1, 1]"),
        ({"float32": [[1.0], [1.0, 2.0]]}, "received rows of unequal size"),
        ({"bool": [1]}, "received dtype int64"),
        ({"more": [1]}, "received float32, int32, uint8, bool, more"),
        ({"signature": "other"}, "expected one of serving_default, received sig"),
    ],
)
def test_wrong_inputs_end_in_one_line(types, inputs, message):
    good = {"float32": [1.0], "int32": [1], "uint8": [1], "bool": [True]}
    with pytest.raises(UserError) as error:
        types.predict(**{**good, **inputs})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_text_inputs_take_no_numbers(tmp_path):
    save(tmp_path, lambda image_bytes: {"echo_bytes": image_bytes}, IMAGES)
    with ServedModel(tmp_path) as model, pytest.raises(UserError, match="not text"):
        model.predict(image_bytes=[1])


def test_values_that_the_graph_rejects_end_in_one_line(tmp_path):
    def decode(image_bytes):
        return {"size": tf.map_fn(_size, image_bytes, fn_output_signature=tf.int32)}

    save(tmp_path, decode, IMAGES)
    with ServedModel(tmp_path) as model, pytest.raises(UserError) as error:
        model.predict(image_bytes=[b"no image"])
    assert "rejects the inputs (Unknown image file format" in str(error.value)
    assert "\n" not in str(error.value)


def _size(image):
    return tf.size(tf.io.decode_png(image))


@pytest.fixture(scope="module")
def half_plus_two(tmp_path_factory):
    folder = save_half_plus_two(tmp_path_factory.mktemp("half_plus_two"))
    with ServedModel(folder) as model:
        yield model


@pytest.mark.parametrize("x", [[3.0, 4.0], [[1.0, 2.0], [3.0, 4.0]], 5.0, []])
def test_run_takes_arrays_and_returns_arrays(half_plus_two, x):
    x = np.array(x, np.float32)
    answer = half_plus_two.run("serving_default", {"x": x}, ["y"])
    assert isinstance(answer["y"], np.ndarray)
    assert answer["y"].dtype == np.float32
    assert answer["y"].tolist() == (x / 2 + 2).tolist()


def test_run_computes_the_outputs_asked_for_in_their_order(types):
    inputs = {
        "uint8": np.array([2], np.uint8),
        "bool": np.array([True]),
        "int32": np.array([3], np.int32),
        "float32": np.array([4.5], np.float32),
    }
    answer = types.run("serving_default", inputs, ("int32", "bool"))
    assert list(answer.items()) == [("int32", [3]), ("bool", [True])]
    answer = types.run("serving_default", inputs, ("bool", "int32"))
    assert list(answer.items()) == [("bool", [True]), ("int32", [3])]


def test_run_keeps_zeros_at_the_end_of_a_single_text(tmp_path):
    text = tf.TensorSpec([], tf.string, name="text")
    save(tmp_path, lambda text: {"echo_bytes": text}, text)
    with ServedModel(tmp_path) as model:
        inputs = {"text": np.array(b"a\0\0", object)}
        answer = model.run("serving_default", inputs, ["echo_bytes"])
    assert answer["echo_bytes"].dtype == object
    assert answer["echo_bytes"].shape == ()
    assert answer["echo_bytes"].item() == b"a\0\0"


def test_run_lets_the_errors_of_the_session_pass(half_plus_two):
    with pytest.raises(tf.errors.InvalidArgumentError, match="int64 vs. expect float"):
        half_plus_two.run("serving_default", {"x": np.array([1])}, ["y"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="must feed a value"):
        half_plus_two.run("serving_default", {}, ["y"])
    for name, inputs, outputs in [
        ("other", {}, []),
        ("serving_default", {"z": 1}, []),
        ("serving_default", {}, ["z"]),
    ]:
        with pytest.raises(KeyError):
            half_plus_two.run(name, inputs, outputs)


def test_many_threads_may_run_a_model(half_plus_two):
    wrong = []

    def ask(number):
        for step in range(50):
            x = np.full(3, number + step, np.float32)
            y = half_plus_two.run("serving_default", {"x": x}, ["y"])["y"]
            wrong.extend(y[y != x / 2 + 2])

    threads = [threading.Thread(target=ask, args=[100 * n]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_no_end_of_requests_for_other_outputs_keeps_memory(types):
    inputs = {
        name: np.zeros(1, info.dtype)
        for name, info in types.signatures["serving_default"].inputs.items()
    }
    for count in range(1, 250):
        outputs = ["int32"] * count  # stands for ever other names
        types.run("serving_default", inputs, outputs)
    assert len(types._callables) <= 100


def test_the_signatures_are_there_as_the_file_has_them(half_plus_two):
    definition = half_plus_two.signature_defs["serving_default"]
    assert definition.method_name == "tensorflow/serving/predict"
    assert definition.inputs["x"].tensor_shape.unknown_rank
    assert definition.outputs["y"].dtype == tf.float32.as_datatype_enum
    assert set(half_plus_two.signature_defs) == {
        "serving_default",
        "__saved_model_init_op",
    }


def test_close_frees_the_session(tmp_path):
    model = ServedModel(save_half_plus_two(tmp_path))
    model.run("serving_default", {"x": np.zeros(1, np.float32)}, ["y"])
    session, graph = weakref.ref(model._session), weakref.ref(model._session.graph)
    gc.disable()  # nothing may be left for it
    try:
        model.close()
        model.close()
        assert session() is None
        assert graph() is None
    finally:
        gc.enable()


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(UserError, match="no SavedModel here"):
        ServedModel(tmp_path)


def test_damaged_variables_are_told(tmp_path):
    module = Scale()
    folder = publish(module, module.signatures, tmp_path, "m")
    (folder / "variables" / "variables.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(UserError, match="cannot be loaded.*Export it again"):
        ServedModel(folder)


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (
            tf.errors.ResourceExhaustedError(None, None, "v; Too many open files"),
            UserError,
            r"/1: cannot be loaded \(v; Too many open files\)$",
        ),
        (MemoryError("no memory"), MemoryError, "no memory"),
    ],
)
def test_a_machine_that_is_short_of_something_is_told(
    tmp_path, monkeypatch, error, expected, message
):
    folder = save_half_plus_two(tmp_path / "1")
    sessions = []

    def load(session, tags, path):
        sessions.append(session)
        raise error

    monkeypatch.setattr(tf.compat.v1.saved_model.loader, "load", load)
    with pytest.raises(expected, match=message):
        ServedModel(folder)
    with pytest.raises(RuntimeError, match="closed Session"):
        sessions[0].run([])
