import shutil

import pytest
import tensorflow as tf
from helpers.small_models import IMAGES, NUMBERS, TEXTS, Scale, save
from tensorflow.python.framework import ops

from amalthea.errors import UserError
from amalthea.serving.audit import audit


def x(shape, dtype=tf.float32):
    return tf.TensorSpec(shape, dtype, name="x")


def encode(image):
    length = tf.strings.length(image)
    return tf.io.encode_png(tf.cast(tf.fill([1, 1, 1], length), tf.uint8))


@tf.function
def same(value):
    return tf.identity(value)


def one_image(text):
    return tf.fill(tf.shape(text), encode(tf.constant("a")))


def code_and_texts(folder):
    findings = audit(folder).findings
    assert all("\n" not in finding.text for finding in findings)
    return {finding.code for finding in findings}, " ".join(
        finding.text for finding in findings
    )


def test_a_clean_model(tmp_path):
    module = Scale()
    module.words = tf.constant(["cat", "dog"])

    def serve(image_bytes, x):
        length = tf.strings.length(image_bytes)
        return {
            "label": tf.gather(module.words, length % 2),
            "score": module.factor * x,
            "crop_bytes": tf.map_fn(encode, image_bytes),
        }

    result = audit(save(tmp_path, serve, IMAGES, NUMBERS, module=module))
    assert result.findings == []
    assert result.facts()[:6] == [
        "signature serving_default",
        "  input   image_bytes: string[?]",
        "  input   x: float32[?, 2]",
        "  output  crop_bytes: string[?]",
        "  output  label: string[?]",
        "  output  score: float32[?, 2]",
    ]
    assert result.findings == []
    assert {"EncodePng", "GatherV2", "StatelessWhile"} <= set(result.ops)
    assert result.size == sum(
        path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()
    )


def numpy_function(x):
    return {"y": tf.ensure_shape(tf.numpy_function(abs, [x], tf.float32), x.shape)}


def stateless_numpy_function(x):
    y = tf.numpy_function(abs, [x], tf.float32, stateful=False)
    return {"y": tf.ensure_shape(y, x.shape)}


def py_function(x):
    return {"y": tf.ensure_shape(tf.py_function(abs, [x], tf.float32), x.shape)}


def generator(x):
    spec = tf.TensorSpec([], tf.float32)
    data = tf.data.Dataset.from_generator(lambda: iter([1.0]), output_signature=spec)
    return {"y": x + data.reduce(0.0, lambda total, item: total + item)}


@pytest.mark.parametrize(
    ("function", "op"),
    [
        (numpy_function, "PyFunc in function"),
        (stateless_numpy_function, "PyFuncStateless in function"),
        (py_function, "EagerPyFunc in function"),
        (generator, "GeneratorDataset in function"),
    ],
)
def test_python_ops(tmp_path, function, op):
    codes, text = code_and_texts(save(tmp_path, function, NUMBERS))
    assert codes == {"python-op"}
    assert op in text


def test_an_op_that_a_server_lacks(tmp_path):
    def serve(x):
        # Registered in the Python wheel only, for TensorFlow's own tests.
        graph = ops.get_default_graph()
        y = graph.create_op("RiscAbs", [x], [tf.float32], name="here").outputs[0]
        return {"y": tf.ensure_shape(y, x.shape)}

    codes, text = code_and_texts(save(tmp_path, serve, NUMBERS))
    assert codes == {"unknown-op"}
    assert "RiscAbs in function" in text
    assert "node `here`" in text


@pytest.mark.parametrize("inner", [True, False])
def test_must_compile(tmp_path, inner):
    def double(x):
        return {"y": 2 * x}

    if inner:
        compiled = tf.function(double, jit_compile=True)
        save(tmp_path, lambda x: compiled(x), NUMBERS)
    else:
        save(tmp_path, double, NUMBERS, jit_compile=True)
    codes, text = code_and_texts(tmp_path)
    assert codes == {"must-compile"}
    assert "double" in text


def test_functions_that_may_be_compiled_are_fine(tmp_path):
    save(tmp_path, lambda x: {"y": 2 * x}, NUMBERS, jit_compile=False)
    assert audit(tmp_path).findings == []


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.complex64])
def test_outputs_without_a_json_form(tmp_path, dtype):
    save(tmp_path, lambda x: {"y": tf.cast(x, dtype)}, NUMBERS)
    codes, text = code_and_texts(tmp_path)
    assert codes == {"dtype"}
    assert f"output `y` of `serving_default` is {dtype.name}" in text


def test_inputs_without_a_json_form(tmp_path):
    half = tf.TensorSpec([None], tf.float16, "x")
    save(tmp_path, lambda x: {"y": tf.cast(x, tf.float32)}, half)
    codes, text = code_and_texts(tmp_path)
    assert codes == {"dtype"}
    assert "input `x` of `serving_default` is float16" in text


@pytest.mark.parametrize(
    ("function", "spec", "code", "where"),
    [
        (lambda x: {"y": tf.fill([tf.size(x)], x)}, x([]), "scalar", "input `x`"),
        (lambda x: {"y": tf.reduce_sum(x)}, x([None]), "scalar", "output `y`"),
        (lambda x: {"y": x[None]}, x(None), "unknown-rank", "input `x`"),
        (
            lambda x: {"y": tf.reshape(x, tf.cast(x, tf.int32))},
            x([None]),
            "unknown-rank",
            "output `y`",
        ),
        (
            lambda x: {"y": tf.repeat(x, tf.shape(x)[0])},
            x([4]),
            "fixed-batch",
            "input `x`",
        ),
        (lambda x: {"y": x[:1] * [1.0, 2]}, x([None]), "fixed-batch", "output `y`"),
    ],
)
def test_shapes_that_cannot_be_batched(tmp_path, function, spec, code, where):
    codes, text = code_and_texts(save(tmp_path, function, spec))
    # A new outer axis or one cut to a size is itself of fixed size or unknown.
    assert code in codes
    assert where in text


@pytest.mark.parametrize(
    ("function", "spec", "kind"),
    [
        (lambda text: {"y": tf.strings.split(text)}, TEXTS, "RaggedTensorSpec"),
        (lambda x: {"y": tf.sparse.from_dense(x)}, NUMBERS, "SparseTensorSpec"),
    ],
)
def test_outputs_in_parts(tmp_path, function, spec, kind):
    codes, text = code_and_texts(save(tmp_path, function, spec))
    assert codes == {"composite"}
    assert f"output `y` of `serving_default` is a {kind}" in text


def branch(text):
    return tf.cond(tf.size(text) > 1, lambda: one_image(text), lambda: text)


def case(text):
    return tf.switch_case(tf.size(text), [lambda: text, lambda: one_image(text)])


def branch_argument(text):
    png = one_image(text)
    return tf.cond(
        tf.size(text) > 1, lambda: png, lambda: tf.fill([tf.size(png)], "none")
    )


def loop_argument(text):
    def grow(step, value):
        return step + 1, tf.strings.join([value, "."])

    return tf.while_loop(lambda step, _: step < 3, grow, [0, one_image(text)])[1]


def loop_not_run(text):
    def replace(step, value):
        return step + 1, tf.fill([tf.size(value)], "none")

    return tf.while_loop(lambda step, _: step < 3, replace, [0, one_image(text)])[1]


def loop(text):
    def grow(step, value):
        return step + 1, tf.strings.join([value, one_image(text)])

    return tf.while_loop(lambda step, _: step < 3, grow, [0, text])[1]


@pytest.mark.parametrize(
    ("function", "op"),
    [
        (lambda text: tf.map_fn(encode, text), "EncodePng"),
        (one_image, "EncodePng"),
        (branch, "EncodePng"),
        (case, "EncodePng"),
        (branch_argument, "EncodePng"),
        (loop, "EncodePng"),
        (loop_argument, "EncodePng"),
        (loop_not_run, "EncodePng"),
        (lambda text: same(same(one_image(text))), "EncodePng"),
        (lambda text: tf.where(text == "a", one_image(text), ""), "EncodePng"),
        (
            lambda text: tf.fill(tf.shape(text), tf.io.serialize_tensor(text)),
            "SerializeTensor",
        ),
        (tf.io.decode_base64, "DecodeBase64"),
    ],
)
def test_bytes_under_the_name_of_text(tmp_path, function, op):
    codes, text = code_and_texts(
        save(tmp_path, lambda text: {"y": function(text)}, TEXTS)
    )
    assert codes == {"bytes-name"}
    assert f"output `y` of `serving_default` carries bytes (from {op} in" in text
    assert "Name it `y_bytes`" in text


def test_bytes_handed_through_under_the_name_of_text(tmp_path):
    save(tmp_path, lambda image_bytes: {"y": same(image_bytes)}, IMAGES)
    codes, text = code_and_texts(tmp_path)
    assert codes == {"bytes-name"}
    assert "from an input that is named" in text


def test_text_is_not_taken_for_bytes(tmp_path):
    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["a"], ["b"]), default_value="?"
    )

    def serve(image_bytes):
        png = tf.map_fn(encode, image_bytes)
        return {
            "base64": tf.io.encode_base64(png),
            "found": module.table.lookup(png),
            "kind": tf.where(tf.strings.length(png) > 9, "large", "small"),
            # One function for both: the walk must leave where it came in.
            "same": same(tf.strings.as_string(tf.strings.length(png))),
            "same_bytes": same(png),
        }

    save(tmp_path, serve, IMAGES, module=module)
    assert audit(tmp_path).findings == []


def test_a_model_without_a_signature(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path))
    codes, text = code_and_texts(tmp_path)
    assert codes == {"no-signature"}
    assert "no signature" in text


def read(text, path):
    return {"y": tf.fill(tf.shape(text), tf.io.read_file(path))}


@tf.function
def read_argument(path):
    return tf.io.read_file(path)


def test_a_path_of_this_machine(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("cat")
    save(tmp_path / "m", lambda text: read(text, str(path)), TEXTS)
    codes, text = code_and_texts(tmp_path / "m")
    assert codes == {"absolute-path"}
    assert "ReadFile in function" in text
    assert str(path) in text


def test_a_path_handed_to_a_function(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("cat")

    def serve(text):
        return {"y": tf.fill(tf.shape(text), read_argument(tf.constant(str(path))))}

    codes, text = code_and_texts(save(tmp_path / "m", serve, TEXTS))
    assert codes == {"absolute-path"}
    assert str(path) in text


@pytest.fixture
def with_asset(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("cat")
    module = tf.Module()
    module.words = tf.saved_model.Asset(str(path))
    return save(
        tmp_path / "m",
        lambda text: read(text, module.words.asset_path),
        TEXTS,
        module=module,
    )


def test_an_asset_is_fine(with_asset):
    assert audit(with_asset).findings == []


def test_a_missing_asset(with_asset):
    (with_asset / "assets" / "words.txt").unlink()
    codes, text = code_and_texts(with_asset)
    assert codes == {"missing-file"}
    assert "assets/words.txt" in text


@pytest.mark.parametrize("pattern", ["variables.index", "variables.data-*"])
def test_missing_variables(tmp_path, pattern):
    module = Scale()
    tf.saved_model.save(module, str(tmp_path), signatures=module.signatures)
    assert audit(tmp_path).findings == []
    for path in (tmp_path / "variables").glob(pattern):
        path.unlink()
    codes, text = code_and_texts(tmp_path)
    assert codes == {"missing-file"}
    assert "variables/" in text


def test_a_model_without_variables_needs_no_values(tmp_path):
    save(tmp_path, lambda x: {"y": 2 * x}, NUMBERS)
    shutil.rmtree(tmp_path / "variables")
    assert audit(tmp_path).findings == []


@pytest.mark.parametrize("cut", [0, 1000])
def test_a_damaged_model_is_told(tmp_path, cut):
    save(tmp_path, lambda x: {"y": 2 * x}, NUMBERS)
    path = tmp_path / "saved_model.pb"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UserError, match="saved_model.pb") as error:
        audit(tmp_path)
    assert "Export it again" in str(error.value)
    assert "\n" not in str(error.value)


def test_no_model_is_told(tmp_path):
    with pytest.raises(UserError, match="no SavedModel here"):
        audit(tmp_path)
