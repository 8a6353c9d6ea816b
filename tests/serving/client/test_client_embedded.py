"""Both APIs of a running server give the same."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.half_plus_two import save_half_plus_two
from helpers.serving import embedded

from amalthea.serving import Client, client
from amalthea.serving.client.ask import ask


def _save_mixed(version_dir):
    """Saves a model with inputs and outputs of many kinds."""
    module = tf.Module()

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "image_bytes"),
            tf.TensorSpec([None], tf.string, "text"),
            tf.TensorSpec([None, 2], tf.float32, "x"),
            tf.TensorSpec([None], tf.uint8, "n"),
        ]
    )
    def serve(image_bytes, text, x, n):
        # As many columns as the largest n says: parts of a request differ.
        width = tf.reduce_max(tf.cast(n, tf.int32))
        return {
            "image_bytes": image_bytes,
            "text": tf.strings.upper(text, encoding="utf-8"),
            "sum": tf.reduce_sum(x, 1),
            "double": tf.cast(x, tf.float64) * 0.1,
            "square": tf.cast(n, tf.int64) ** 2,
            "odd": n % 2 == 1,
            "ones": tf.sequence_mask(tf.cast(n, tf.int32), width, tf.int32),
            "none": tf.zeros([tf.shape(n)[0], 0, 4]),
        }

    tf.saved_model.save(module, str(version_dir), signatures={"serving_default": serve})


def _save_parse(version_dir):
    """Saves a model that fails for a text that is no number."""
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def serve(text):
        return {"number": tf.strings.to_number(text)}

    tf.saved_model.save(module, str(version_dir), signatures={"serving_default": serve})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    save_half_plus_two(models / "half_plus_two" / "1")
    _save_mixed(models / "mixed" / "3")
    _save_parse(models / "parse" / "1")
    with embedded(models) as running:
        yield running


@pytest.fixture(params=["rest", "grpc"])
def url(request, server):
    if request.param == "rest":
        return f"http://127.0.0.1:{server.rest_port}"
    return f"grpc://127.0.0.1:{server.grpc_port}"


INPUTS = {
    "image_bytes": [b"\xff\xd8\0", b"", "plain"],
    "text": ["ä\n\"'", "b", b"c"],
    "x": [[0.1, 0.2], [float("inf"), 1.0], [1e-30, 3e30]],
    "n": [1, 3, 2],
}
x = np.array(INPUTS["x"], np.float32)
EXPECTED = {
    "image_bytes": np.array([b"\xff\xd8\0", b"", b"plain"], object),
    "text": np.array(["Ä\n\"'".encode(), b"B", b"C"], object),
    "sum": x[:, 0] + x[:, 1],
    "double": x.astype(np.float64) * 0.1,
    "square": np.array([1, 9, 4], np.int64),
    "odd": np.array([True, True, False]),
    "ones": np.array([[1, 0, 0], [1, 1, 1], [1, 1, 0]], np.int32),
    "none": np.zeros((3, 0, 4), np.float32),
}


@pytest.mark.parametrize("batch_size", [32, 1, 2])
def test_every_kind_of_value(url, batch_size):
    with Client(url, batch_size=batch_size) as asking:
        found = asking.predict("mixed", INPUTS)
    assert found.keys() == EXPECTED.keys()
    for name, expected in EXPECTED.items():
        np.testing.assert_array_equal(found[name], expected, name, strict=True)


def test_scalars_and_shapes_that_the_signature_leaves_open(url):
    with Client(url) as asking:
        for value in (4.0, [4.0], [[1.0, 2.0], [3.0, 4.0]]):
            found = asking.predict("half_plus_two", {"x": value})["y"]
            expected = np.asarray(value, np.float32) / 2 + 2
            np.testing.assert_array_equal(found, expected, strict=True)


def test_what_the_server_tells_of_its_models(url):
    with Client(url) as asking:
        asking.wait_until_ready("mixed", timeout=10)
        assert asking.status("mixed") == [client.VersionStatus(3, "AVAILABLE")]
        (signature,) = asking.metadata("mixed", version=3).values()
    assert [str(info) for info in signature.inputs.values()] == [
        "image_bytes: string[?]",
        "n: uint8[?]",
        "text: string[?]",
        "x: float32[?, 2]",
    ]
    assert str(signature.outputs["none"]) == "none: float32[?, 0, 4]"


def test_errors_are_the_same(url):
    with Client(url) as asking:
        with pytest.raises(client.NotFound):
            asking.predict("absent", {"x": [1]})
        with pytest.raises(client.NotFound):
            asking.predict("mixed", INPUTS, version=9)
        with pytest.raises(client.NotFound):
            asking.status("absent")
        with pytest.raises(client.FailedPrecondition, match="no signature `other`"):
            asking.predict("mixed", INPUTS, signature="other")
        with pytest.raises(client.InvalidArgument, match="inputs x; received z"):
            asking.predict("half_plus_two", {"z": [1]})
        with pytest.raises(client.InvalidArgument, match="could not correctly convert"):
            asking.predict("parse", {"text": ["1", "one"]})
        with pytest.raises(client.DeadlineExceeded, match="absent is not ready"):
            asking.wait_until_ready("absent", timeout=0.2)


def test_only_the_wanted_outputs(url):
    with Client(url) as asking:
        found = asking.predict("mixed", INPUTS, outputs=["odd", "square"])
    assert list(found) == ["odd", "square"]


def test_asking_on_the_command_line(url):
    given = ["n=2", "text=hi", "text=du", "image_bytes=" + __file__, "x=[1, 2]"]
    lines = list(ask(url, "mixed", given))
    assert len(lines) == 2
    assert lines[0].startswith("hi  ") and "  text=HI  " not in lines[1]
    assert "square=4  sum=3  text=HI" in lines[0]
    assert list(ask(url, "half_plus_two", ["1", "2"])) == ["1  y=2.5", "2  y=3"]
