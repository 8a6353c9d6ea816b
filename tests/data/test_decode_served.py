"""Decoding as a model server does it, and under random damage."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from helpers.images import animation, kinds

from amalthea.data.images.decode import decode_batch, resize_image

SERVE = """
import sys
import numpy as np
import tensorflow as tf

folder, rows = sys.argv[1:]
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder)
    signature = graph.signature_def["serving_default"]
    outputs = {name: info.name for name, info in signature.outputs.items()}
    with np.load(rows, allow_pickle=True) as file:
        batches = [file[name] for name in file.files]
    answers = {}
    for number, batch in enumerate(batches):
        answer = session.run(outputs, {signature.inputs["contents"].name: list(batch)})
        for name, value in answer.items():
            text = value.dtype == object
            answers[f"{name}{number}"] = value.astype("S") if text else value
np.savez(rows, **answers)
"""

FUZZ = """
import sys
import numpy as np
import tensorflow as tf
from amalthea.data.images.decode import decode_batch, resize_image
from helpers.images import animation, encode, kinds, noise
from PIL import Image

exif = Image.Exif()
exif[0x0112] = 6
spec = tf.TensorSpec([8, 8, 3], tf.float32)
decode = tf.function(
    lambda contents: decode_batch(
        contents, 3, lambda image: resize_image(image, 8, 8, "squash"), spec
    ),
    input_signature=[tf.TensorSpec([None], tf.string)],
    autograph=False,
)
rng = np.random.default_rng(0)
samples = {**kinds(), "webp-animated": animation("WEBP")}
samples["jpeg-exif"] = encode(noise(), "JPEG", exif=exif)
good = samples["png"]
expected = decode([good])[0][0].numpy()
damaged_rows = 0
for name, contents in samples.items():
    rows = [good]
    for _ in range(30):
        damaged = bytearray(contents)
        head = rng.random() < 0.5
        for _ in range(rng.integers(1, 9)):
            at = rng.integers(min(64, len(damaged)) if head else len(damaged))
            damaged[at] = rng.integers(256)
        if rng.random() < 0.3:
            del damaged[rng.integers(1, len(damaged)) :]
        rows.append(bytes(damaged))
    images, valid, error = decode([*rows, good])
    assert valid[0] and valid[-1], name
    np.testing.assert_array_equal(images[0], expected)
    np.testing.assert_array_equal(images[-1], expected)
    for is_valid, reason in zip(valid.numpy(), error.numpy()):
        assert is_valid == (reason == b""), name
    damaged_rows += int(np.sum(~valid.numpy()))
print("bad rows:", damaged_rows)
"""


def run_python(code, *arguments):
    root = Path(__file__).parents[1]
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_random_damage_never_crashes_nor_spoils_the_neighbours():
    result = run_python(FUZZ)
    assert result.returncode == 0, result.stderr[-2000:]
    assert int(result.stdout.split("bad rows:")[1]) > 200


def test_a_fresh_process_serves_what_was_exported(tmp_path):
    module = tf.Module()
    spec = tf.TensorSpec([16, 16, 3], tf.float32)

    def serve(contents):
        images, valid, error = decode_batch(
            contents, 3, lambda image: resize_image(image, 16, 16, "crop"), spec
        )
        return {"images": images, "valid": valid, "error": error}

    module.serve = tf.function(
        serve,
        input_signature=[tf.TensorSpec([None], tf.string, name="contents")],
        autograph=False,
    )
    tf.saved_model.save(module, tmp_path / "model", signatures=module.serve)
    samples = kinds()
    mixed = [*samples.values(), b"", b"text", samples["png"][:-200], animation("WEBP")]
    batches = [mixed, [samples["jpeg"]], [b"bad", b""], []]
    arrays = [np.array(batch, dtype=object) for batch in batches]
    np.savez(tmp_path / "rows.npz", *arrays)
    result = run_python(SERVE, tmp_path / "model", tmp_path / "rows.npz")
    assert result.returncode == 0, result.stderr[-2000:]
    with np.load(tmp_path / "rows.npz") as answers:
        for number, batch in enumerate(batches):
            expected = serve(tf.constant(batch, tf.string, [len(batch)]))
            for name in ("images", "valid", "error"):
                there = answers[f"{name}{number}"]
                here = expected[name].numpy()
                if here.dtype == object:
                    here, there = here.tolist(), there.tolist()
                np.testing.assert_array_equal(there, here)
    assert expected["images"].shape == (0, 16, 16, 3)
